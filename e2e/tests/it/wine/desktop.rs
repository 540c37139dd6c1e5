//! A screen, a keyboard and somebody who looks: a PC under Wine with its desktop on an X server that draws into a file.
//!
//! Keys come through the X server (xdotool), as a person's do; pictures are what the screen holds. Wine's virtual desktop is used because without one it
//! tells programs that the screen is drawn anew 0 times a second, which the toolkit of the window divides by.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::prefix::{Prefix, say};

/// How long a page may take to come to rest: on a machine that does much else, Wine takes seconds for each program.
const READY: Duration = Duration::from_secs(90);
/// How long nothing may change until a page counts as drawn.
const REST: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// The fewest colours of a page with text, which has 500 and more; a bare desktop has 119, all but one of them those of its pointer.
const COLOURS_MIN: usize = 300;
/// How far a channel may be off before a pixel counts as different: edges of letters.
const CHANNEL_MAX: u8 = 48;
/// How many of a thousand pixels may differ from the picture that was looked at. Names, times and sizes differ from run to run; a page that is blank, has
/// another look or lost a part differs in more.
const DIFFERENT_MAX: usize = 50;

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
                say(&format!(
                    "\nSKIPPED: no {program} on this machine (packages xvfb, xdotool): the window was not opened\n"
                ));
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

    /// Starts a program of Windows on the desktop of the PC, on this screen.
    pub fn start(&self, pc: &Prefix, words: &[&str], environment: &[(&str, &str)]) -> Desktop<'_> {
        let mut command = pc.program("explorer", &[]);
        command.arg(format!("/desktop=rehome,{}x{}", SIZE.0, SIZE.1)).args(words);
        command.env("DISPLAY", &self.display).envs(environment.iter().copied());
        let running = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Desktop { screen: self, running }
    }

    /// Presses keys, one after the other, as xdotool calls them.
    pub fn press(&self, keys: &[&str]) {
        let mut command = Command::new("xdotool");
        let pressed = command.env("DISPLAY", &self.display).args(["key", "--delay", "60"]).args(keys).status().unwrap();
        assert!(pressed.success(), "{keys:?}");
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

/// What runs on the desktop.
pub struct Desktop<'a> {
    screen: &'a Screen,
    running: Child,
}

impl Desktop<'_> {
    /// Waits until everything that was started there has ended; the screen is bare then.
    #[track_caller]
    pub fn ended(mut self) {
        let begun = Instant::now();
        while self.running.try_wait().unwrap().is_none() {
            if begun.elapsed() > READY {
                keep("never-ended", &self.screen.picture());
                panic!("the desktop does not end");
            }
            std::thread::park_timeout(LOOK);
        }
    }
}

fn pixels() -> usize {
    (SIZE.0 * SIZE.1) as usize
}

fn colours(picture: &[u8]) -> usize {
    picture.chunks_exact(3).collect::<std::collections::BTreeSet<_>>().len()
}

fn different(one: &[u8], other: &[u8]) -> usize {
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

fn folder() -> PathBuf {
    crate::harness::root().join("docs/screens/window-wine")
}

/// Compares with the picture of that name; with `UPDATE_SCREENS=1` it becomes that picture, and is looked at.
#[track_caller]
pub fn compare(name: &str, picture: &[u8]) {
    let path = folder().join(format!("{name}.png"));
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        write(&path, picture);
        return;
    }
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
    let mut kept = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut kept).unwrap();
    assert_eq!(kept.len(), picture.len(), "{name}: another size");
    let (found, most) = (different(picture, &kept), pixels() * DIFFERENT_MAX / 1000);
    if found > most {
        keep(name, picture);
        panic!("{name}: {found} pixels differ, {most} may");
    }
}

/// Keeps a picture that is not as it should be, where a person can look at it.
fn keep(name: &str, picture: &[u8]) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
    write(&path, picture);
    say(&format!("\nwhat was on the screen is kept in {}\n", path.display()));
}

fn write(path: &Path, picture: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut encoder = png::Encoder::new(file, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.write_header().unwrap().write_image_data(picture).unwrap();
}

/// The fonts that Windows has and Wine has not: without "Segoe UI" and "Arial" nothing can be drawn. Copies of another font under these names.
pub fn give_fonts(pc: &Prefix) -> bool {
    const FONTS: [(&str, &str, &str); 3] = [
        ("DejaVuSans.ttf", "Segoe UI", "segoeui.ttf"),
        ("DejaVuSans-Bold.ttf", "Segoe UI Bold", "segoeuib.ttf"),
        ("DejaVuSans.ttf", "Arial", "arial.ttf"),
    ];
    let mut registered = String::from("[HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Fonts]\n");
    for (file, name, to) in FONTS {
        let Ok(bytes) = std::fs::read(Path::new("/usr/share/fonts/truetype/dejavu").join(file)) else {
            say("\nSKIPPED: no DejaVu fonts on this machine (package fonts-dejavu-core): the window was not opened\n");
            return false;
        };
        let family = name.trim_end_matches(" Bold");
        let style = if name == family { "Regular" } else { "Bold" };
        std::fs::write(pc.path().join("drive_c/windows/Fonts").join(to), renamed(&bytes, family, style)).unwrap();
        let line = format!("\"{name} (TrueType)\"=\"{to}\"\n");
        registered.push_str(&line);
    }
    pc.import_text(&registered);
    true
}

/// A font under another name: its table `name` (OpenType specification) is put anew at the end of the file.
fn renamed(font: &[u8], family: &str, style: &str) -> Vec<u8> {
    let full = if style == "Regular" { family.to_owned() } else { format!("{family} {style}") };
    let postscript = full.replace(' ', "");
    let names = [(1_u16, family), (2, style), (3, &full), (4, &full), (6, &postscript)];
    let mut texts = Vec::new();
    let mut table: Vec<u8> = [0, 5, 6 + 12 * 5].into_iter().flat_map(u16::to_be_bytes).collect();
    for (number, text) in names {
        let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        // For Windows, in UTF-16, in American English.
        let record = [3, 1, 0x409, number, u16::try_from(text.len()).unwrap(), u16::try_from(texts.len()).unwrap()];
        table.extend(record.into_iter().flat_map(u16::to_be_bytes));
        texts.extend(text);
    }
    table.extend(texts);
    let mut font = font.to_vec();
    font.resize(font.len().next_multiple_of(4), 0);
    let tables = usize::from(u16::from_be_bytes([font[4], font[5]]));
    let record = (0..tables).map(|at| 12 + 16 * at).find(|at| &font[*at..at + 4] == b"name").expect("a font has names");
    let place = u32::try_from(font.len()).unwrap().to_be_bytes();
    font[record + 8..record + 12].copy_from_slice(&place);
    font[record + 12..record + 16].copy_from_slice(&u32::try_from(table.len()).unwrap().to_be_bytes());
    font.extend(table);
    font
}
