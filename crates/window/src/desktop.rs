//! What the window has of the desktop around it: the colours of a contrast theme, and the icon beside the clock with what it tells.
//!
//! On Windows that is `win32::desktop`. Elsewhere there is neither: a window of Linux is for those who work on it, it takes light and dark from the desktop's
//! portal by itself, and what would be told is written to the console.

use crate::notice::Notice;

/// The colours of a contrast theme that the window draws with, each as `0xRRGGBB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contrast {
    /// Behind everything.
    pub ground: u32,
    /// Text and edges.
    pub text: u32,
    /// What is chosen and what wants looking after.
    pub accent: u32,
}

impl Contrast {
    /// That of the pictures of `docs/screens/window`.
    pub const OF_PICTURES: Self = Self { ground: 0x00_0000, text: 0xff_ffff, accent: 0xff_ff00 };

    /// Whether it is light letters on a dark ground.
    pub fn is_dark(self) -> bool {
        let brightness = |colour: u32| colour.to_be_bytes().iter().map(|part| u32::from(*part)).sum::<u32>();
        brightness(self.ground) < brightness(self.text)
    }
}

/// What the person did at the icon, or the desktop with its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// They want the window.
    Open,
    /// The colours are others now.
    Look,
}

/// The contrast theme that is on, if one is.
#[cfg(windows)]
pub fn contrast() -> Option<Contrast> {
    let found = win32::desktop::contrast()?;
    Some(Contrast { ground: found.ground, text: found.text, accent: found.link })
}

/// The contrast theme that is on, if one is.
#[cfg(not(windows))]
pub fn contrast() -> Option<Contrast> {
    None
}

/// The icon beside the clock. Goes away when dropped.
pub struct Icon {
    #[cfg(windows)]
    tray: Option<win32::desktop::Tray>,
}

impl Icon {
    /// Puts it there. `heard` is called on another thread and must not wait.
    #[cfg(windows)]
    pub fn new(heard: impl Fn(Heard) + Send + 'static) -> Self {
        use win32::desktop::Heard as Said;
        let heard = move |said| match said {
            Said::Icon | Said::Notification => heard(Heard::Open),
            Said::Look => heard(Heard::Look),
            Said::Entry(_) => {}
        };
        // Without a taskbar, as on some kiosks, the window does without.
        Self { tray: win32::desktop::Tray::new("Rehome", Vec::new(), heard).ok() }
    }

    /// There is none here, and nobody is heard.
    #[cfg(not(windows))]
    pub fn new(_heard: impl Fn(Heard) + Send + 'static) -> Self {
        Self {}
    }

    /// Shows a notification; `false`: there is no place for one, and it is only written down.
    pub fn tell(&self, notice: &Notice) -> bool {
        #[cfg(windows)]
        if let Some(tray) = &self.tray {
            tray.tell(&notice.title, &notice.text, win32::desktop::Loudness::Information);
            return true;
        }
        use std::io::Write;
        // Nobody may be reading it.
        let _ = writeln!(std::io::stderr(), "{} {} (notifications are not on this system)", notice.title, notice.text);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contrast_theme_is_dark_or_light_by_its_own_colours() {
        assert!(Contrast::OF_PICTURES.is_dark());
        assert!(!Contrast { ground: 0xff_fa_ef, text: 0x3d_3d_3d, accent: 0 }.is_dark(), "\"Desert\"");
    }
}
