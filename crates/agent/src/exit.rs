//! How the program ends: the table of exit codes that scripts rely on.
//!
//! The numbers are documented and stable; a code that a script does not know means failure. Each reason leads to exactly one of them.

use model::reason::Reason;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, or there was nothing to do.
    Success = 0,
    /// It did not work; also "differences found" where `--exit-code` asks for it.
    Failure = 1,
    /// The command line, a named file or the configuration is wrong.
    Usage = 2,
    /// Done, but some items were not read or not written.
    Warnings = 3,
    /// This PC is not connected, or no longer.
    NotEnrolled = 4,
    /// Refused by policy or by permission.
    Refused = 5,
    /// The server could not be reached or could not answer now; trying again later may work.
    Unreachable = 6,
    /// Another run is at work.
    Busy = 7,
    /// Something stored is damaged or was changed.
    Integrity = 8,
    /// The key does not open it.
    WrongKey = 9,
    /// There is nothing to restore from, or nothing to undo.
    Nothing = 10,
    /// Done, but it takes effect only after signing out.
    SignOutNeeded = 11,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
    /// Stopped by the system.
    Terminated = 143,
}

impl Exit {
    /// All exit codes, in order.
    pub const ALL: [Exit; 14] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Warnings,
        Self::NotEnrolled,
        Self::Refused,
        Self::Unreachable,
        Self::Busy,
        Self::Integrity,
        Self::WrongKey,
        Self::Nothing,
        Self::SignOutNeeded,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, without a final stop.
    pub fn title(self) -> &'static str {
        match self {
            Self::Success => "done, or there was nothing to do",
            Self::Failure => "it did not work; with `--exit-code` also: differences were found",
            Self::Usage => "the command line, a named file or the configuration is wrong",
            Self::Warnings => "done, but some items were not read or not written",
            Self::NotEnrolled => "this PC is not connected to a Rehome server, or no longer",
            Self::Refused => "refused by policy or by permission",
            Self::Unreachable => "the server could not be reached or could not answer; try again later",
            Self::Busy => "another Rehome run is at work",
            Self::Integrity => "something stored is damaged or was changed",
            Self::WrongKey => "the key does not open the backup",
            Self::Nothing => "there is nothing to restore from, or nothing to undo",
            Self::SignOutNeeded => "done; signing out is needed before it takes effect",
            Self::Interrupted => "stopped by Ctrl-C",
            Self::Terminated => "stopped by the system",
        }
    }

    /// How a run ends that could not go on for that reason.
    #[expect(clippy::too_many_lines, reason = "a table, one reason a line")]
    pub fn of(reason: Reason) -> Self {
        use Reason as R;
        match reason {
            R::NotEnrolled
            | R::Revoked
            | R::WrongCredentials
            | R::ProofInvalid
            | R::AwaitsUser
            | R::TokenRefused
            | R::OtherMachine
            | R::KeyExpired
            | R::SignInExpired
            | R::SignInRefused
            | R::SignInDenied
            | R::SignedOut
            | R::FreshSignInNeeded
            | R::NotAskedAnew
            | R::PasswordChangeNeeded
            | R::SecondFactorNeeded => Self::NotEnrolled,
            R::WrongAccount
            | R::DeviceForked
            | R::KeyTooWeak
            | R::AwaitsApproval
            | R::PolicyOff
            | R::BuildTooOld
            | R::WrongJoinState
            | R::LeftOutByPolicy
            | R::RequiredByPolicy
            | R::RestorePageOff
            | R::SharedPc
            | R::WelcomedBefore
            | R::UndoNotAllowed
            | R::OnHold
            | R::PermissionDenied
            | R::ReadOnlyTarget
            | R::QuotaExceeded
            | R::AccessDenied
            | R::WrongOrganisation
            | R::GuestNotAllowed
            | R::PersonUnknown
            | R::PersonDisabled
            | R::DeviceCodeOff
            | R::NeedsHttps
            | R::NotPermitted
            | R::GrantsMore
            | R::LastOwner
            | R::SecondPerson
            | R::ManagedElsewhere
            | R::CaseNotOpen
            | R::InvitationRefused => Self::Refused,
            R::NoProfile | R::NoSuchSnapshot | R::NothingToUndo | R::UndoExpired => Self::Nothing,
            R::AmbiguousId
            | R::Usage
            | R::ConfigInvalid
            | R::PolicyInvalid
            | R::FileNotFound
            | R::IsADirectory
            | R::FileEmpty
            | R::NotAHive
            | R::WrongHive
            | R::NotARegFile
            | R::FileTooBig
            | R::NoUserProfile
            | R::NotABundle
            | R::NotAKeyFile
            | R::AlreadyThere
            | R::WrongHost
            | R::RuleInvalid
            | R::NotAFile => Self::Usage,
            R::Truncated | R::DamagedState | R::IntegrityFailed | R::Damaged => Self::Integrity,
            R::ServerUnreachable
            | R::ServerSlow
            | R::TlsFailed
            | R::PinMismatch
            | R::ServerError
            | R::UnexpectedAnswer
            | R::RateLimited
            | R::PartsMissing
            | R::BlobsMissing
            | R::OutOfOrder
            | R::OffsetMismatch
            | R::ServerFull
            | R::Stopping
            | R::ClockSkew
            | R::Replayed
            | R::SessionUnknown
            | R::ReceiptUnknown
            | R::ProviderUnreachable
            | R::KeysUnavailable
            | R::StorageUnavailable => Self::Unreachable,
            R::WrongKey | R::KeyErased => Self::WrongKey,
            R::Busy => Self::Busy,
            R::Interrupted => Self::Interrupted,
            R::SignOutNeeded => Self::SignOutNeeded,
            _ => Self::Failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::put;

    #[test]
    fn every_reason_has_its_exit_code() {
        let mut table = String::new();
        for exit in Exit::ALL {
            let codes: Vec<_> =
                Reason::ALL.iter().filter(|&&reason| Exit::of(reason) == exit).map(|reason| reason.code()).collect();
            put(&mut table, format_args!("{:>3} {}\n", exit.code(), codes.join(" ")));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn no_reason_means_success() {
        assert!(Reason::ALL.iter().all(|&reason| Exit::of(reason) != Exit::Success));
    }
}
