//! Every "no" that a person meets, with its stable code.
//!
//! One list for agent, API, console, metrics and docs. A code never changes its meaning and is never reused; new codes are added at the end
//! of their group. `title` says what happened, `next` what to do about it; both are plain sentences without a final stop.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $title:literal, $next:literal;)*) => {
        /// Why something was refused, left out or could not be done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* #[doc = $title] #[serde(rename = $code)] $name,)*
        }

        impl Reason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &[Reason] = &[$(Self::$name),*];

            /// The stable word, as it stands in the API, in metrics and in `--json`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The stable number, as it stands in a snapshot.
            pub fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The reason with that number, if this version knows it.
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// The reason with that code, if this version knows it.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// What happened, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to do about it.
            pub fn next(self) -> &'static str {
                match self { $(Self::$name => $next,)* }
            }
        }
    };
}

reasons! {
    // Settings and apps: why a value is not in the snapshot, or not written.
    NotInCatalog = 100, "not_in_catalog", "this version does not know the setting", "update Rehome on this PC, or leave the setting out";
    WrongType = 101, "wrong_type", "the stored value has another type than Windows gives it", "set it once in Windows Settings, then back up again";
    OutOfRange = 102, "out_of_range", "the stored value is not one that Windows offers", "set it once in Windows Settings, then back up again";
    NotOnThisBuild = 103, "not_on_this_build", "this version of Windows does not have the setting", "nothing; it comes back on a Windows that has it";
    MachineSpecific = 104, "machine_specific", "the value belongs to the old PC's hardware", "set it by hand on the new PC";
    CouldCarryCode = 105, "could_carry_code", "it names a file or program, and Rehome never restores what could carry code", "choose it again by hand on the new PC";
    ManagedByPolicy = 106, "managed_by_policy", "your organisation manages it", "nothing; ask your helpdesk if it should be yours to choose";
    ChangedHere = 107, "changed_here", "you changed it on this PC since the plan was made", "run the restore again to decide";
    AccessDenied = 108, "access_denied", "Windows did not allow reading or writing it", "sign in as the owner of the profile and try again";
    NotAvailable = 109, "not_available", "the app is not in the Store for this PC", "install it from its maker";
    PartOfWindows = 110, "part_of_windows", "it comes with Windows", "nothing; it is there already";
    FileMissing = 111, "file_missing", "the file it points to is not there", "nothing; choose another on the new PC";
    FileTooLarge = 112, "file_too_large", "the file is larger than Rehome carries", "copy it by hand or through OneDrive";
    NotAPicture = 113, "not_a_picture", "the file is not a JPEG or PNG picture", "choose another picture";
    Excluded = 114, "excluded", "you chose to leave it out", "nothing; run the restore again to bring it back";
    Damaged = 115, "damaged", "the place where it is stored is damaged", "set it once in Windows Settings, then back up again";
    NeedsTheApp = 116, "needs_installing", "listed for reference; desktop programs are not reinstalled", "install it from its maker or through your organisation";
    DefaultUnknown = 117, "default_unknown", "nothing was stored, and what Windows then does is not documented", "look at it once in Windows Settings";
    NotInThisFormat = 118, "not_in_this_format", "a file of this kind cannot hold it", "restore it with Rehome instead";
    ChangedSinceSignIn = 119, "changed_since_sign_in", "you have changed it on this PC since your first sign-in", "nothing if yours should stay; `--replace` takes the one of the backup";
    Moved = 120, "moved", "this version of Windows has another setting in its place", "nothing; that one is listed as well";
    NeedsYou = 121, "needs_you", "it is saved on this PC, and Windows takes it from your hand only", "choose the saved file in Settings; the restore says where it lies";
    IsALink = 122, "is_a_link", "it is a link to another place, and Rehome follows none", "put the thing itself in the place of the link, then try again";
    NotADictionary = 123, "not_a_dictionary", "it is not a list of words as Windows writes it", "nothing; words that you add from now on are kept";
    SystemOnly = 124, "system_only", "Windows keeps it where only the system may look", "choose it again on the new PC; a backup of the disk itself carries it";
    NotExported = 127, "not_exported", "the export holds another part of the registry", "export the whole branch of the user, or back up the PC itself";
    StoreOff = 130, "store_off", "your organisation has blocked it, or the Store", "ask your administrator";
    InstallWaits = 131, "install_waits", "it waits to be installed", "nothing; Rehome tries again by itself, `rehome apps --continue` at once";
    InstallFailed = 132, "install_failed", "its installer failed", "nothing; Rehome tries again for 7 days";
    InstallSlow = 133, "install_slow", "installing it took too long and was ended", "nothing; Rehome tries again for 7 days";
    InstallNoNetwork = 134, "install_no_network", "it could not be downloaded", "nothing; Rehome tries again for 7 days";
    NoInstaller = 135, "no_installer", "winget, which installs apps, is not on this PC yet", "nothing; Windows brings it soon after the first sign-in, and Rehome tries again";
    HandedToStore = 136, "handed_to_store", "only its page in the Store is known", "open the page with `rehome apps --open ID` and choose Install";
    InstallGivenUp = 137, "install_given_up", "installing it failed for 7 days", "install it from the Store or from its maker";
    InstallListFull = 138, "install_list_full", "more apps wait to be installed than Rehome keeps in mind", "run the restore again once those are installed";
    HeldBack = 139, "held_back", "it means something else without a thing that Rehome does not carry", "set both by hand on the new PC; what does not come back names the other one";

    // People and PCs: why a backup or restore does not start.
    NotEnrolled = 200, "not_enrolled", "this PC is not connected to a Rehome server", "run `rehome enroll --server ADDRESS`";
    Revoked = 201, "revoked", "this PC's access was withdrawn", "ask your administrator, then run `rehome enroll` again";
    WrongCredentials = 202, "wrong_credentials", "the name or the password is wrong", "try again; after several tries wait a minute";
    WrongAccount = 203, "wrong_account", "the backup belongs to another account", "sign in with the account that made it";
    NoProfile = 204, "no_profile", "there is no backup for this account yet", "run `rehome backup` on the old PC first";
    NoSuchSnapshot = 205, "no_such_snapshot", "no snapshot has that id", "run `rehome snapshots` to see which there are";
    AmbiguousId = 206, "ambiguous_id", "several snapshots begin like that", "give more digits of the id";
    PolicyOff = 207, "policy_off", "your organisation has switched this off", "ask your administrator";
    NothingToUndo = 208, "nothing_to_undo", "no restore is left to undo", "restore first; `rehome restore` says what it would do";
    UndoExpired = 209, "undo_expired", "the restore is older than 30 days", "set the values by hand";
    OnHold = 210, "on_hold", "it is on hold and must not be deleted", "ask your administrator";
    BuildTooOld = 211, "build_too_old", "this version of Windows is too old", "install the updates of Windows, or ask your administrator";
    WrongJoinState = 212, "wrong_join_state", "this PC is not joined to your organisation as it demands", "ask your administrator to join the PC";
    LeftOutByPolicy = 213, "left_out_by_policy", "your organisation leaves this out of backups", "nothing; ask your administrator if it should be carried";
    RestorePageOff = 214, "restore_page_off", "your organisation has switched the restore page off", "start the restore with `rehome restore`";
    TwoBackups = 215, "two_backups", "Microsoft's own backup is on as well", "set the policy `Enable Windows Backup` to disabled, which is `EnableWindowsBackup` = 0 in HKLM, Software, Policies, Microsoft, Windows, SettingSync, so that only one of them restores";
    SilentlyStopped = 216, "silently_stopped", "a policy keeps Microsoft's own backup from ever running", "nothing for Rehome; set the named policy to enabled if Microsoft's backup is wanted";
    PolicyInvalid = 217, "policy_invalid", "a policy has a value that does not count", "set it again with the policy template";
    FactUnknown = 218, "fact_unknown", "Windows does not say it here", "nothing is held back by it; ask the PC itself: `rehome doctor` there";
    UndoNotAllowed = 219, "undo_not_allowed", "your organisation does not let you take a restore back", "ask your administrator";
    WaitsForNetwork = 220, "waits_for_network", "the network in use has a price", "nothing; a scheduled backup waits for another network, `rehome backup` goes ahead";
    BackupTooOld = 221, "backup_too_old", "the newest backup is older than 30 days", "let the PC sign in and back up; `rehome doctor` on it says what is in the way";
    RequiredByPolicy = 225, "required_by_policy", "your organisation always restores it", "leave it in; ask your administrator if it should be yours to choose";
    PlanOutdated = 226, "plan_outdated", "the PC, the backup or a policy has changed since the plan was shown", "look at the new plan, then run it with the new mark";
    WelcomedBefore = 227, "welcomed_before", "the page that offers a restore was shown or answered before", "open Rehome and choose Restore; it is possible at any time";
    SharedPc = 228, "shared_pc", "this PC is a kiosk or shared by people who come and go", "nothing; settings are restored on a PC of your own";
    NotPermitted = 230, "not_permitted", "that takes a permission that you do not hold", "ask an administrator who holds it, or for a role that has it";
    GrantsMore = 233, "grants_more", "nobody gives others what they do not hold themself", "leave out what is named, or ask an administrator who holds it";
    LastOwner = 234, "last_owner", "an organisation always keeps an owner", "make somebody else an owner first";
    SecondPerson = 235, "second_person", "another person has to decide", "ask another administrator";
    AlreadyDecided = 236, "already_decided", "the request was decided before", "ask again, if it is still wanted";
    ManagedElsewhere = 237, "managed_elsewhere", "your identity provider manages this", "change it there; it is carried over";
    CaseNotOpen = 238, "case_not_open", "the case is not open, or not for you", "ask for one, and let another administrator approve it";
    InvitationRefused = 239, "invitation_refused", "the invitation is unknown, used, withdrawn or out of date", "ask the other organisation for a new one";

    // Signing in.
    SignInRefused = 240, "sign_in_refused", "what the identity provider sent cannot be trusted", "sign in again, and tell your administrator if it stays";
    SignInExpired = 241, "sign_in_expired", "the sign-in took too long, was used before or began elsewhere", "begin again";
    ProviderRefused = 242, "provider_refused", "the identity provider did not sign you in", "read what it says, or ask your administrator";
    ProviderUnreachable = 243, "provider_unreachable", "the identity provider does not answer as it should", "try again later; administrators: `rehome-server provider test`";
    WrongOrganisation = 244, "wrong_organisation", "the account belongs to another organisation", "sign in with the account of this organisation";
    GuestNotAllowed = 245, "guest_not_allowed", "guests of the organisation are not let in", "ask your administrator";
    PersonUnknown = 246, "person_unknown", "your administrator has not added you yet", "ask your administrator";
    PersonDisabled = 247, "person_disabled", "the account is switched off", "ask your administrator";
    GroupOverage = 248, "group_overage", "you are in more groups than the provider tells", "administrators: let the provider send only groups assigned to the application, or use application roles";
    SignedOut = 249, "signed_out", "you are not signed in, or no longer", "sign in again";
    PasswordUnfit = 250, "password_unfit", "the new password does not do", "choose one with 10 characters or more that is not the old one";
    CodeWrong = 251, "code_wrong", "the code is not right", "wait for the next one and type it, or use a recovery code";
    FormRefused = 252, "form_refused", "the form did not come from this page", "open the page again and send it once more";
    DeviceCodeOff = 253, "device_code_off", "your organisation does not let PCs be connected by a code", "run `rehome enroll` on a PC with a browser, or ask your administrator";
    SignInDenied = 254, "sign_in_denied", "the sign-in was turned down", "run `rehome enroll` again if that was a mistake";
    NeedsHttps = 255, "needs_https", "people sign in over an encrypted connection only", "use the https address, or tell the server its public address if a proxy encrypts";
    FreshSignInNeeded = 256, "fresh_sign_in_needed", "you signed in too long ago for this", "sign in again";
    PasswordChangeNeeded = 257, "password_change_needed", "the first password must be changed before anything else", "sign in on the server's page and choose another";
    SecondFactorNeeded = 258, "second_factor_needed", "the account needs a second factor", "run `rehome enroll` without `--user`, and sign in in the browser";
    SignInPending = 260, "sign_in_pending", "nobody has answered yet", "type the code on the named page";
    ProviderInvalid = 259, "provider_invalid", "the identity provider cannot be used as described", "correct the named value";
    NotAskedAnew = 261, "not_asked_anew", "the identity provider does not say that it asked you just now", "sign out there and sign in again; administrators: let it send when it asked";

    // The PC itself: its key and its place at the server.
    ProofInvalid = 280, "proof_invalid", "the request does not bear this PC's own signature", "run `rehome enroll` again on this PC";
    ClockSkew = 281, "clock_skew", "the clock of this PC is wrong", "nothing; Rehome goes by the server's clock. Set the PC's clock when you can";
    Replayed = 282, "replayed", "the request was seen before", "nothing; it is made anew";
    SessionUnknown = 283, "session_unknown", "the server does not know the session", "nothing; the PC signs with its own key again";
    WrongHost = 284, "wrong_host", "the request is meant for another server", "use the address that your administrator gave you";
    DeviceForked = 285, "device_forked", "two PCs back up as one", "ask your administrator to look at the PC; nothing is lost, and restoring works";
    AwaitsApproval = 286, "awaits_approval", "an administrator has to approve this PC first", "ask your administrator, then run `rehome enroll` again";
    AwaitsUser = 287, "awaits_user", "this PC is known, and its user has not signed in yet", "run `rehome enroll --user NAME` on it";
    TokenRefused = 288, "token_refused", "the enrollment token is wrong, used up, expired or withdrawn", "ask your administrator for another";
    OtherMachine = 289, "other_machine", "this record was made on another machine", "run `rehome enroll` on this PC, so that it gets a key of its own";
    KeyExpired = 290, "key_expired", "the key of this PC is too old", "nothing; the PC makes a new one. Run `rehome enroll` again if that fails";
    KeyTooWeak = 292, "key_too_weak", "your organisation wants a key that is kept better than this PC's", "use a PC with a TPM, or ask your administrator";

    // Files handed to us.
    FileNotFound = 300, "file_not_found", "there is no such file or folder", "check the path";
    IsADirectory = 301, "is_a_directory", "a file was expected and a folder was given", "name the file";
    FileEmpty = 302, "file_empty", "the file is empty", "choose another; a registry hive is never empty";
    NotAHive = 303, "not_a_hive", "the file is not a Windows registry hive", "choose an NTUSER.DAT, a profile folder or a .reg export";
    WrongHive = 304, "wrong_hive", "the hive is not that of a user", "choose the NTUSER.DAT of a user's profile";
    Truncated = 305, "truncated", "the file ends too early", "copy it again from its disk; what could be read was read";
    PermissionDenied = 306, "permission_denied", "the file may not be read or written", "check who owns it, or run as the user it belongs to";
    ReadOnlyTarget = 307, "read_only_target", "the place where it should go is read-only", "ask who manages that place, or choose another one";
    DiskFull = 308, "disk_full", "the disk is full", "free some space and try again; nothing was changed";
    NotARegFile = 309, "not_a_reg_file", "the file is not a registry export", "export it with regedit, version 5";
    FileTooBig = 310, "file_too_big", "the file is larger than Rehome reads", "check that it is the right file";
    InputFailed = 311, "input_failed", "the file could not be read", "check the disk and try again";
    NoUserProfile = 312, "no_user_profile", "the folder holds no NTUSER.DAT", "choose the folder of a user, such as Users\\ada";
    DamagedState = 313, "damaged_state", "Rehome's own record on this PC is damaged", "run `rehome enroll` again; backups on the server are safe";
    NotABundle = 314, "not_a_bundle", "the file is not a Rehome bundle", "choose the file that `rehome export --as bundle` wrote";
    NotAKeyFile = 315, "not_a_key_file", "the file is not the key of a bundle", "choose the key file that was written with the bundle";
    AlreadyThere = 316, "already_there", "a file of that name is there already", "choose another name; it is never overwritten";
    NotAFile = 317, "not_a_file", "it is a device or a pipe, not a file", "name a file or a folder";

    // Talking with the server.
    ServerUnreachable = 400, "server_unreachable", "the server does not answer", "check the address and the network, then try again";
    ServerSlow = 401, "server_slow", "the server did not answer in time", "try again later; nothing was lost";
    TlsFailed = 402, "tls_failed", "the server's certificate is not trusted", "check the address, or name the organisation's certificate with `--ca-cert FILE`";
    ServerError = 403, "server_error", "the server failed", "try again later; tell your administrator if it stays";
    UnexpectedAnswer = 404, "unexpected_answer", "the answer is not one of a Rehome server", "check the address";
    RateLimited = 405, "rate_limited", "too many requests", "wait as long as the server says";
    TooLarge = 406, "too_large", "the request is larger than the server takes", "tell your administrator; this should not happen";
    InvalidRequest = 407, "invalid_request", "the request is not well formed", "update Rehome on this PC";
    PartsMissing = 408, "parts_missing", "the server does not have all parts the snapshot names", "nothing; they are sent again";
    BlobsMissing = 409, "blobs_missing", "the server does not have all files the snapshot names", "nothing; they are sent again";
    OutOfOrder = 410, "out_of_order", "another snapshot came first", "nothing; the backup starts over from the newest";
    QuotaExceeded = 411, "quota_exceeded", "the account has no room left on the server", "delete old snapshots or ask your administrator";
    NotFound = 412, "not_found", "there is no such thing here", "check the id";
    ServerFull = 413, "server_full", "the server has no room left", "tell your administrator; nothing was lost";
    Stopping = 414, "stopping", "the server is stopping or starting", "try again in a moment";
    MethodNotAllowed = 415, "method_not_allowed", "that cannot be done with this address", "see the API description";
    OffsetMismatch = 416, "offset_mismatch", "the upload does not continue where the server stopped", "ask for the offset, then go on from there";
    PinMismatch = 417, "pin_mismatch", "the server's fingerprint is not the one that this PC was given", "compare with `rehome-server fingerprint` there; only if they are the same, enroll again with that `--pin`";
    StorageUnavailable = 419, "storage_unavailable", "the place where the server keeps its data does not answer or refuses", "try again in a moment; nothing was lost";
    ChangedMeanwhile = 430, "changed_meanwhile", "it was changed since you read it", "read it again, then repeat the change";
    VersionNeeded = 431, "version_needed", "a change says which version it changes", "send the ETag that you read in If-Match";
    NameTaken = 432, "name_taken", "something else has that name", "choose another name";
    InUse = 433, "in_use", "something still refers to it", "take it out of use first";
    KeyReused = 434, "key_reused", "the idempotency key was used for another request", "make a new key for each request";
    RuleInvalid = 435, "rule_invalid", "the rule cannot be understood", "correct it at the named column; docs/rules.md is the language";

    // Integrity and keys.
    IntegrityFailed = 500, "integrity_failed", "the stored data was changed or damaged", "choose an older snapshot, and tell your administrator";
    WrongKey = 501, "wrong_key", "the key does not open this backup", "sign in with the account that made it";
    NewerVersion = 502, "newer_version", "it was made by a newer Rehome", "update Rehome on this PC";
    ReceiptUnknown = 503, "receipt_unknown", "the server no longer has what it once confirmed", "nothing; this PC sends it again";
    KeyErased = 504, "key_erased", "the key was destroyed, the data is gone for good", "back up again under a new key";
    KeysUnavailable = 505, "keys_unavailable", "the place where keys are kept does not answer or refuses", "try again later; nothing was lost";

    // This program.
    Busy = 600, "busy", "another Rehome run is at work", "wait until it has ended";
    Usage = 601, "usage", "the command line is not right", "see `--help`";
    ConfigInvalid = 602, "config_invalid", "the configuration is not right", "correct the named line";
    Interrupted = 603, "interrupted", "stopped on request", "run it again; it goes on where it stopped";
    Internal = 604, "internal", "Rehome itself failed", "please report it";
    BrokenOff = 606, "broken_off", "an earlier restore was broken off half-way", "add `--yes`: it is brought to its end first, and then taken back";
    NoExplorer = 607, "no_explorer", "Explorer is not the shell of this session", "sign out and in again: everything is stored, and seen then";
    ExplorerStays = 608, "explorer_stays", "Explorer could not be ended", "sign out and in again: everything is stored, and seen then";
    ExplorerGone = 609, "explorer_gone", "Explorer was ended and has not come back", "press Ctrl+Alt+Del, sign out and in again";
    TaskRefused = 610, "task_refused", "Windows' task scheduler did not do it", "see whether the service *Task Scheduler* runs, then try again";
    SignOutNeeded = 605, "sign_out_needed", "it takes effect after signing out", "sign out and in again";
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.title())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reason;

    #[test]
    fn numbers_and_codes_are_unique_and_lead_back() {
        let numbers: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.number()).collect();
        assert_eq!(numbers.len(), Reason::ALL.len());
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_number(reason.number()), Some(reason));
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.code()));
        }
    }

    #[test]
    fn texts_are_plain_sentences_without_a_final_stop() {
        for &reason in Reason::ALL {
            for text in [reason.title(), reason.next()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", reason.code());
            }
        }
    }
}
