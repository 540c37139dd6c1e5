//! The desktop of a PC under Wine, on a screen; and the pictures of it that were looked at.
//!
//! Wine's virtual desktop is used because without one it tells programs that the screen is drawn anew 0 times a second, which the toolkit of the window
//! divides by.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use super::prefix::Prefix;
use crate::not_tried::not_tried;
use crate::screen::{LOOK, READY, SIZE, Screen, different, keep, pixels, write};

/// How many of a thousand pixels may differ from the picture that was looked at. Names, times and sizes differ from run to run, in one of a thousand; a page
/// on the way to the one that is waited for lacks some lines of text, and differs in thirty. (Fifty were allowed, and a story that pressed a key on such a page
/// waited for ever.)
const DIFFERENT_MAX: usize = 5;

/// Starts a program of Windows on the desktop of the PC, on this screen.
pub fn start<'a>(screen: &'a Screen, pc: &Prefix, words: &[&str], environment: &[(&str, &str)]) -> Desktop<'a> {
    let mut command = pc.program("explorer", &[]);
    command.arg(format!("/desktop=rehome,{}x{}", SIZE.0, SIZE.1)).args(words);
    screen.shown_on(&mut command).envs(environment.iter().copied());
    let running = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    Desktop { screen, running }
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

fn folder() -> PathBuf {
    crate::harness::root().join("docs/screens/window-wine")
}

/// Waits for a page that is another one than that and looks as the picture of that name does; with `UPDATE_SCREENS=1` what comes to rest first becomes that
/// picture, and is looked at.
///
/// The first page that rests need not be the one: on a machine that does much else, one that says what is being done stands still for seconds too.
#[track_caller]
pub fn page(screen: &Screen, name: &str, before: &[u8]) -> Vec<u8> {
    let path = folder().join(format!("{name}.png"));
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        let now = screen.after(before);
        write(&path, &now);
        return now;
    }
    let kept = looked_at(&path);
    let (begun, most) = (Instant::now(), pixels() * DIFFERENT_MAX / 1000);
    loop {
        let now = screen.after(before);
        let found = different(&now, &kept);
        if found <= most {
            return now;
        }
        if begun.elapsed() > READY {
            keep(name, &now);
            panic!("{name}: {found} pixels differ, {most} may");
        }
    }
}

fn looked_at(path: &Path) -> Vec<u8> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
    let mut kept = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut kept).unwrap();
    assert_eq!((info.width, info.height), SIZE, "{}: another size", path.display());
    kept
}

/// The fonts that Windows has and Wine has not: without "Segoe UI" and "Arial" nothing can be drawn. Copies of another font under these names.
#[track_caller]
pub fn give_fonts(pc: &Prefix) -> bool {
    const FONTS: [(&str, &str, &str); 3] = [
        ("DejaVuSans.ttf", "Segoe UI", "segoeui.ttf"),
        ("DejaVuSans-Bold.ttf", "Segoe UI Bold", "segoeuib.ttf"),
        ("DejaVuSans.ttf", "Arial", "arial.ttf"),
    ];
    let mut registered = String::from("[HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Fonts]\n");
    for (file, name, to) in FONTS {
        let Ok(bytes) = std::fs::read(Path::new("/usr/share/fonts/truetype/dejavu").join(file)) else {
            not_tried("the window was not opened: no DejaVu fonts here", Some("package fonts-dejavu-core"));
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
