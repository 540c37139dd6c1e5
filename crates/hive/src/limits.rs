//! The limits of reading, in one place, each with its reason.
//!
//! A hive from a broken disk or a hostile hand can promise anything. These constants are what keeps a promise
//! from turning into a hang or into memory: every loop of this crate is bounded by one of them or by the length
//! of the file.

/// Largest file that is opened, in bytes: 512 MiB. User hives are a few MB, the largest SOFTWARE hives seen are
/// below 200 MB; a file is held in memory as a whole, so this is also the bound of memory.
pub const FILE_SIZE_MAX: usize = 512 << 20;

/// Deepest key below the starting key of a walk. Windows documents 512 levels as the limit of a registry tree.
pub const DEPTH_MAX: usize = 512;

/// Keys, values and list cells that one walk may visit. The largest SYSTEM hive measured has 134,000; a hive that needs
/// more than two million is cut short and says so.
pub const VISITS_MAX: u32 = 2_000_000;

/// Longest key name in bytes. Windows documents 255 characters; stored as UTF-16 these are 510 bytes, and real
/// hives pad to 512.
pub const KEY_NAME_MAX: usize = 512;

/// Longest value name in bytes: 16,383 characters (documented by Windows), each of two bytes.
pub const VALUE_NAME_MAX: usize = 32_766;

/// Longest value in bytes: 16 MiB. Only a value stored in segments is copied, so this bounds the copy. Windows calls
/// values above 2,048 bytes unusual and 1 MiB the limit of its older format.
pub const VALUE_SIZE_MAX: u32 = 16 << 20;

/// Damages kept in one report. What comes after is counted, not kept: a zeroed disk region would fill the report with
/// one line for each lost key.
pub const DAMAGES_KEPT_MAX: usize = 256;

/// Room that a replay may add to a hive beyond the pages that the logs hold: Windows grows a primary file in steps of
/// 256 KiB, so 1 MiB is ample, and a log of a few bytes cannot ask for half a gigabyte.
pub const GROWTH_SLACK: usize = 1 << 20;

/// Transaction logs looked at in one replay. Windows writes at most three (`.LOG`, `.LOG1`, `.LOG2`).
pub const LOGS_MAX: usize = 8;
