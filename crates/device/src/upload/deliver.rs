//! Bringing a snapshot to the server, until the server has signed that it is kept.
//!
//! 1. The same content as last time: one small question, and usually the answer "unchanged".
//! 2. Otherwise files the server lacks go first, then the envelope with the parts that are new, as a delta to the header of the backup before
//!    if that is known here. If the server cannot use the delta, the envelope goes whole. An answer that something is missing, or that another
//!    snapshot came first, says exactly what to send again; this happens a few times at most.
//! 3. The receipt is checked against the key pinned at enrolment and is on the disk before anybody is told that the backup is done.
//!
//! A server that was set back to an older state finds out here: it is asked for, or handed, a snapshot whose predecessor it signed and no
//! longer has. Then everything is sent again, and the person is told.

use std::io::{self, Read};

use model::api::{ENVELOPE_DELTA_TYPE, ENVELOPE_TYPE, LAST_HEADER, LENGTH_HEADER, OFFSET_HEADER, Problem};
use model::envelope::{BlobEntry, Header, delta};
use model::ids::{BlobId, PartId};
use model::reason::Reason;
use model::receipt::Receipt;
use seal::blob::BlobError;
use seal::content::Outline;
use seal::receipt::{ReceiptError, header_hash};
use seal::{PackError, Packed};

use super::check::{Latest, check};
use super::server::{Repeat, Server, ServerError};
use super::wire::{Answer, Method, Request};
use crate::progress::Progress;
use crate::state::{Enrolment, LastBackup, Remembered, State, StateError};

/// How often an envelope is offered in all: once as a delta; the server may ask once for parts, once for files and once for another number; one
/// more for another run of the same PC that comes in between.
const OFFERS_MAX: u32 = 5;

/// Bytes of a file in one request: below the 4 MiB that the server takes, and little to send again after a broken connection.
const PIECE_BYTES: usize = 512 * 1024;

/// Gives the sealed length of a part that the server has.
pub type Has<'a> = dyn Fn(PartId) -> Option<u32> + 'a;

/// Seals a content under a number, leaving out the parts that the server has.
pub type Seal<'a> = dyn Fn(u64, &Has<'_>) -> Result<Packed, PackError> + 'a;

/// Opens a file of a content for reading, sealed.
pub type SealedFile<'f> = dyn Fn(BlobId) -> io::Result<Box<dyn Read + 'f>> + 'f;

/// What is brought, and what it takes.
pub struct Delivery<'a, 'f> {
    /// Where to.
    pub server: &'a Server<'a>,
    /// Who brings it.
    pub enrolment: &'a Enrolment,
    /// Where the receipt is kept.
    pub state: &'a State,
    /// The content.
    pub outline: &'a Outline,
    /// Seals the content.
    pub seal: &'a Seal<'a>,
    /// Opens its files.
    pub sealed_file: &'a SealedFile<'f>,
    /// Hears of it.
    pub progress: &'a dyn Progress,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// What the server confirmed, now or earlier.
    pub receipt: Receipt,
    /// Whether something new was kept.
    pub outcome: Outcome,
    /// Bytes of envelopes and files that were sent.
    pub sent_bytes: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has this content as the newest already.
    Unchanged,
    /// It is kept.
    Kept,
    /// It is kept, and everything was sent again, because the server no longer had what it once confirmed.
    Healed,
}

/// Why a snapshot could not be brought.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The server said no or nothing.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// It could not be sealed.
    #[error("the snapshot could not be sealed")]
    Seal(#[from] PackError),
    /// A file of the snapshot could not be read or sealed.
    #[error("the file {blob} of the snapshot could not be read")]
    File {
        /// Which.
        blob: BlobId,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The receipt is not the server's.
    #[error("the receipt of {address} does not confirm this backup")]
    Receipt {
        /// The server.
        address: String,
        /// What is wrong with it; nothing if it is genuine and confirms something else.
        #[source]
        source: Option<ReceiptError>,
    },
    /// The receipt could not be kept.
    #[error("the server keeps the backup, but its receipt could not be stored on this PC")]
    State(#[from] StateError),
}

impl DeliverError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Server(error) => error.reason(),
            Self::Seal(error) => error.reason(),
            Self::File { source, .. } => match BlobError::of(source) {
                // It was another one when it was hashed. The next backup takes it as it is then.
                Some(BlobError::ContentDiffers) => Reason::ChangedMeanwhile,
                Some(error) => error.reason(),
                None => Reason::InputFailed,
            },
            Self::Receipt { .. } => Reason::IntegrityFailed,
            Self::State(error) => error.reason(),
        }
    }
}

/// What the server is believed to have.
#[derive(Default)]
struct Known {
    seq: u64,
    /// The number of the newest receipt that is here.
    held: Option<u64>,
    parts: Vec<(PartId, u32)>,
    blobs: Vec<BlobId>,
    lost: bool,
    /// The header of snapshot `seq`, until a delta to it was refused.
    header: Option<Vec<u8>>,
}

impl Delivery<'_, '_> {
    /// Brings the snapshot. On return the server has it, and its receipt is on this PC's disk.
    pub fn bring(&self) -> Result<Delivered, DeliverError> {
        let last = match self.state.last_backup(&self.enrolment.receipt_key())? {
            Remembered::Last(last) => Some(last),
            Remembered::Nothing | Remembered::Damaged => None,
        };
        let mut known = Known::from(last.as_ref());
        if let Some(last) = last.filter(|last| last.receipt.snapshot == self.outline.snapshot) {
            match check(self.server, self.enrolment.profile, last.receipt.seq, last.receipt.snapshot)? {
                Latest::AsKnown => {
                    return Ok(Delivered { receipt: last.receipt, outcome: Outcome::Unchanged, sent_bytes: 0 });
                }
                Latest::Other(summary) if summary.seq > last.receipt.seq => {
                    known = Known { seq: summary.seq, held: known.held, ..Known::default() }
                }
                Latest::Other(_) | Latest::Nothing => {
                    known = Known { seq: last.receipt.seq, held: known.held, lost: true, ..Known::default() }
                }
            }
        }
        self.offer(known)
    }

    fn offer(&self, mut known: Known) -> Result<Delivered, DeliverError> {
        let mut sent_bytes = 0;
        let mut offers = 0;
        loop {
            for blob in &self.outline.blobs {
                if !known.blobs.contains(&blob.id) {
                    sent_bytes += self.send_file(blob)?;
                    known.blobs.push(blob.id);
                }
            }
            let has = |id| known.parts.iter().find(|(part, _)| *part == id).map(|(_, sealed_len)| *sealed_len);
            let packed = (self.seal)(known.seq + 1, &has)?;
            let delta = known.header.take().map(|header| delta::write(&packed.bytes, (known.seq, &header)));
            let was_delta = delta.is_some();
            let (media_type, body) = match &delta {
                Some(delta) => (ENVELOPE_DELTA_TYPE, delta),
                None => (ENVELOPE_TYPE, &packed.bytes),
            };
            sent_bytes += body.len() as u64;
            let mut request = Request::new(Method::Post, "/api/v1/backups").body(media_type, body);
            // A delta names its base itself. The server finds out by it when two PCs back up as one.
            if let Some(held) = known.held.filter(|_| !was_delta) {
                request = request.header(LAST_HEADER, held.to_string());
            }
            let error = match self.server.call(request, &[200, 201], Repeat::Harmless) {
                Ok(answer) => {
                    let receipt = self.keep(&answer, &packed)?;
                    let outcome = if known.lost { Outcome::Healed } else { Outcome::Kept };
                    return Ok(Delivered { receipt, outcome, sent_bytes });
                }
                Err(error) => error,
            };
            offers += 1;
            let problem = error.problem();
            let learnt = problem.is_some_and(|problem| known.learn(error.reason(), problem));
            let delta_refused = was_delta && problem.is_some_and(|problem| matches!(problem.status, 400 | 409 | 415));
            if offers == OFFERS_MAX || !(learnt || delta_refused) {
                return Err(error.into());
            }
        }
    }

    /// Sends the bytes of one file that the server does not have yet, from where an earlier upload stopped. Gives how many were sent.
    fn send_file(&self, blob: &BlobEntry) -> Result<u64, DeliverError> {
        let unread = |source| DeliverError::File { blob: blob.id, source };
        let path = format!("/api/v1/profiles/{}/blobs/{}", self.enrolment.profile, blob.id);
        let start = self.offset(&path)?;
        if start >= blob.sealed_len {
            return Ok(0);
        }
        let mut file = (self.sealed_file)(blob.id).map_err(unread)?;
        io::copy(&mut file.by_ref().take(start), &mut io::sink()).map_err(unread)?;
        let mut offset = start;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        while offset < blob.sealed_len {
            piece.clear();
            file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece).map_err(unread)?;
            if piece.is_empty() {
                return Err(unread(io::ErrorKind::UnexpectedEof.into()));
            }
            self.send_piece(&path, (offset, blob.sealed_len), &piece)?;
            offset += piece.len() as u64;
            self.progress.bytes(offset, blob.sealed_len);
        }
        Ok(offset - start)
    }

    /// Sends one piece. If its answer got lost, the server has it when it comes again, or the beginning of it: then what is left of it goes.
    fn send_piece(&self, path: &str, (offset, length): (u64, u64), piece: &[u8]) -> Result<(), ServerError> {
        let mut sent = 0;
        while sent < piece.len() {
            let request = Request::new(Method::Put, path)
                .header(OFFSET_HEADER, (offset + sent as u64).to_string())
                .header(LENGTH_HEADER, length.to_string())
                .body("application/octet-stream", &piece[sent..]);
            let Err(error) = self.server.call(request, &[200, 201, 204], Repeat::Harmless) else { return Ok(()) };
            let there = match error.reason() {
                Reason::OffsetMismatch => self.offset(path)?.checked_sub(offset),
                _ => None,
            };
            // Further than before and not beyond the piece; anything else is no lost answer.
            let further = there.and_then(|there| usize::try_from(there).ok());
            sent = further.filter(|there| (sent + 1..=piece.len()).contains(there)).ok_or(error)?;
        }
        Ok(())
    }

    /// How many bytes of a file the server has.
    fn offset(&self, path: &str) -> Result<u64, ServerError> {
        // An answer to HEAD has no body and so no problem details: 404 alone says "nothing yet".
        let answer = self.server.call(Request::new(Method::Head, path), &[200, 204, 404], Repeat::Harmless)?;
        if answer.status == 404 {
            return Ok(0);
        }
        let offset = answer.header(OFFSET_HEADER).and_then(|offset| offset.parse().ok());
        offset.ok_or_else(|| self.server.not_rehome(format!("there is no `{OFFSET_HEADER}`")))
    }

    /// Checks the receipt and stores it.
    fn keep(&self, answer: &Answer, packed: &Packed) -> Result<Receipt, DeliverError> {
        let wrong = |source| DeliverError::Receipt { address: self.server.address().to_string(), source };
        let bytes = answer.body.as_slice();
        let receipt =
            seal::receipt::verify(bytes, &self.enrolment.receipt_key()).map_err(|error| wrong(Some(error)))?;
        let confirms = (receipt.tenant, receipt.profile, receipt.snapshot);
        if confirms != (self.enrolment.tenant, self.enrolment.profile, packed.header.snapshot) {
            return Err(wrong(None));
        }
        // A receipt for an earlier envelope of the same content (an answer that got lost) names that one's header, which is not here.
        let header_is_ours = receipt.header_hash == header_hash(&packed.header_bytes);
        let header_bytes: &[u8] = if header_is_ours { &packed.header_bytes } else { &[] };
        self.state.save_last_backup(bytes, header_bytes)?;
        Ok(receipt)
    }
}

impl Known {
    fn from(last: Option<&LastBackup>) -> Self {
        let Some(last) = last else { return Self::default() };
        let header = Header::from_bytes(&last.header_bytes).ok();
        let (parts, blobs) = header.map(|header| (header.parts, header.blobs)).unwrap_or_default();
        Self {
            seq: last.receipt.seq,
            held: Some(last.receipt.seq),
            parts: parts.iter().map(|part| (part.id, part.sealed_len)).collect(),
            blobs: blobs.iter().map(|blob| blob.id).collect(),
            lost: false,
            header: (!last.header_bytes.is_empty()).then(|| last.header_bytes.clone()),
        }
    }

    /// Takes in what the server says it lacks. `false` if that does not help.
    fn learn(&mut self, reason: Reason, problem: &Problem) -> bool {
        match reason {
            Reason::PartsMissing => {
                let before = self.parts.len();
                self.parts.retain(|(id, _)| !problem.missing_parts.contains(id));
                self.lost = true;
                self.parts.len() < before
            }
            Reason::BlobsMissing => {
                let before = self.blobs.len();
                self.blobs.retain(|id| !problem.missing_blobs.contains(id));
                self.lost = true;
                self.blobs.len() < before
            }
            Reason::OutOfOrder => {
                let Some(latest) = problem.latest_seq.filter(|latest| *latest != self.seq) else { return false };
                // A number below the one it signed for: the server was set back.
                self.lost |= latest < self.seq;
                self.seq = latest;
                true
            }
            _ => false,
        }
    }
}
