//! What a program of the desktop wants from the shell: an icon beside the clock with what it tells, and the colours of a contrast theme.
//!
//! Notifications are the shell's own: Windows 10 and 11 show what a notification icon tells as a toast and keep it in the notification centre, with the
//! person's "do not disturb" respected, and they need no identity of an app, no shortcut and no COM server for that.

mod colour;
mod contrast;
mod tray;

pub use contrast::{Contrast, contrast};
pub use tray::{Heard, Loudness, Tray};
