//! A screen, a keyboard and somebody who looks: an X server that draws into a file.
//!
//! Keys come through the X server (xdotool), as a person's do; pictures are what the screen holds.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::say;
use crate::not_tried::not_tried;

/// How long a page may take to come to rest: on a machine that does much else, Wine takes seconds for each program.
pub const READY: Duration = Duration::from_secs(90);
/// How long nothing may change until a page counts as drawn.
const REST: Duration = Duration::from_secs(2);
/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(100);
/// The fewest colours of a page with text, which has 280 and more; a bare desktop has 119, all but one of them those of its pointer.
const COLOURS_MIN: usize = 240;
/// How far a channel may be off before a pixel counts as different: edges of letters.
const CHANNEL_MAX: u8 = 48;
/// Width and height.
pub const SIZE: (u32, u32) = (1024, 768);

/// The screen. Switched off when dropped.
pub struct Screen {
    server: Child,
    display: String,
    folder: TempDir,
}

impl Screen {
    /// Switches one on; `None` if this machine has none, which is said.
    pub fn new() -> Option<Self> {
        for program in ["Xvfb", "xdotool"] {
            if Command::new(program).arg("-version").output().is_err() {
                not_tried(&format!("the window was not opened: no {program} here"), Some("packages xvfb, xdotool"));
                return None;
            }
        }
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let size = format!("{}x{}x24", SIZE.0, SIZE.1);
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", &size, "-fbdir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "the screen is on");
        Some(Self { server, display: format!(":{}", number.trim()), folder })
    }

    /// Has a program draw there.
    pub fn shown_on<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DISPLAY", &self.display)
    }

    /// Presses keys, one after the other, as xdotool calls them.
    pub fn press(&self, keys: &[&str]) {
        self.xdotool(&["key", "--delay", "60"], keys);
    }

    /// Gives the keyboard to a window, as a desktop does with what is opened: this screen has none.
    pub fn focus(&self, title: &str) {
        self.xdotool(&["search", "--sync", "--onlyvisible", "--name", title, "windowfocus", "--sync"], &[]);
    }

    fn xdotool(&self, words: &[&str], more: &[&str]) {
        let mut command = Command::new("xdotool");
        let done = self.shown_on(&mut command).args(words).args(more).status().unwrap();
        assert!(done.success(), "{words:?} {more:?}");
    }

    /// What is on the screen: red, green and blue of each pixel.
    pub fn picture(&self) -> Vec<u8> {
        let bytes = std::fs::read(self.folder.path().join("Xvfb_screen0")).unwrap();
        picture_in(&bytes)
    }

    /// Waits until a page is drawn and nothing changes any more.
    #[track_caller]
    pub fn at_rest(&self) -> Vec<u8> {
        let begun = Instant::now();
        let (mut last, mut since) = (self.picture(), Instant::now());
        loop {
            std::thread::park_timeout(LOOK);
            let now = self.picture();
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > REST && colours(&last) >= COLOURS_MIN {
                return last;
            }
            if begun.elapsed() > READY {
                keep("never-at-rest", &last);
                panic!("no page came to rest: {} colours are on the screen", colours(&last));
            }
        }
    }

    /// Waits until the page is another one than that.
    #[track_caller]
    pub fn after(&self, before: &[u8]) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            let now = self.at_rest();
            if different(&now, before) > pixels() / 1000 {
                return now;
            }
            assert!(begun.elapsed() < READY, "the page stays as it was");
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Waits until something has happened.
#[track_caller]
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < READY, "never: {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// How many pixels a screen has.
pub fn pixels() -> usize {
    (SIZE.0 * SIZE.1) as usize
}

fn colours(picture: &[u8]) -> usize {
    picture.chunks_exact(3).collect::<std::collections::BTreeSet<_>>().len()
}

/// How many pixels of two pictures differ.
pub fn different(one: &[u8], other: &[u8]) -> usize {
    let is_different = |(a, b): (&[u8], &[u8])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > CHANNEL_MAX);
    one.chunks_exact(3).zip(other.chunks_exact(3)).filter(|pair| is_different(*pair)).count()
}

/// The size of a colour in the table of such a file.
const COLOUR: usize = 12;

/// The picture in a file of the form XWD, version 7 (`X11/XWDFile.h`): numbers of 32 bits, highest byte first, then colours, then lines of pixels.
fn picture_in(bytes: &[u8]) -> Vec<u8> {
    let number = |place: usize| {
        let four = bytes[place * 4..place * 4 + 4].try_into().unwrap();
        u32::from_be_bytes(four) as usize
    };
    let (header, width, height, line, colours) = (number(0), number(4), number(5), number(12), number(19));
    assert_eq!((number(1), number(11), number(7)), (7, 32, 0), "pixels of four bytes, lowest first");
    assert_eq!((width, height), (SIZE.0 as usize, SIZE.1 as usize));
    let start = header + colours * COLOUR;
    let lines = (0..height).flat_map(|y| bytes[start + y * line..][..width * 4].chunks_exact(4));
    lines.flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect()
}

/// Keeps a picture that is not as it should be, where a person can look at it.
pub fn keep(name: &str, picture: &[u8]) {
    let path = beyond(name);
    write(&path, picture);
    say(&format!("\nwhat was on the screen is kept in {}\n", path.display()));
}

/// Where a picture is kept that is no part of the project.
pub fn beyond(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"))
}

/// Writes a picture of the screen as a PNG.
pub fn write(path: &Path, picture: &[u8]) {
    write_sized(path, picture, SIZE);
}

/// The same of a picture of another size.
pub fn write_sized(path: &Path, picture: &[u8], (width, height): (u32, u32)) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.write_header().unwrap().write_image_data(picture).unwrap();
}
