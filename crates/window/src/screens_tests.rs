//! Pictures of every page and state, drawn by the software renderer without a window, and compared with those of `docs/screens/window`.
//!
//! `UPDATE_SCREENS=1` draws them anew; then they are looked at. Fonts differ from machine to machine by a hair, so a picture may differ in a small share of its
//! pixels; a page that lost a line or a colour differs in more.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use slint::platform::software_renderer::{MinimalSoftwareWindow, RepaintBufferType};
use slint::platform::{Platform, PlatformError, WindowAdapter, WindowEvent};
use slint::{ComponentHandle, PhysicalSize, Rgb8Pixel};

use crate::call::{Call, Wish};
use crate::controller::{Command, Controller};
use crate::reach_tests::{faults, in_focus, is_ticked, press};
use crate::samples::{Shot, answered, pictures, schedule, shown, states, when};
use crate::shown::show;
use crate::texts::ENGLISH;
use crate::ui::Frame;
use crate::view::Page;

/// How many of a thousand pixels may differ.
const DIFFERENT_MAX: usize = 20;
/// How far a channel may be off before a pixel counts as different: edges of letters.
const CHANNEL_MAX: u8 = 48;

/// A platform whose time is handed in: buttons fade into their colours.
struct Headless(Rc<MinimalSoftwareWindow>, Rc<Cell<u64>>);

impl Platform for Headless {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
        Ok(Rc::clone(&self.0) as Rc<dyn WindowAdapter>)
    }

    fn duration_since_start(&self) -> Duration {
        Duration::from_secs(self.1.get())
    }
}

fn draw(
    (window, seconds): (&MinimalSoftwareWindow, &Cell<u64>),
    frame: &Frame,
    controller: &Controller,
    shot: Shot,
) -> Vec<u8> {
    show(frame, &controller.view(&when()));
    frame.invoke_set_look(shot.dark, shot.contrast);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let scale_factor = shot.percent as f32 / 100.0;
    window.dispatch_event(WindowEvent::ScaleFactorChanged { scale_factor });
    let (width, height) = (shot.size.0 * shot.percent / 100, shot.size.1 * shot.percent / 100);
    window.set_size(PhysicalSize::new(width, height));
    let mut pixels = vec![Rgb8Pixel::default(); (width * height) as usize];
    let mut drawn = false;
    // The first picture begins what fades; in the last one it is over.
    for _ in 0..3 {
        seconds.set(seconds.get() + 10);
        slint::platform::update_timers_and_animations();
        window.request_redraw();
        drawn = window.draw_if_needed(|renderer| {
            renderer.render(&mut pixels, width as usize);
        });
    }
    assert!(drawn);
    pixels.iter().flat_map(|pixel| [pixel.r, pixel.g, pixel.b]).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/screens/window")
}

fn compare(name: &str, pixels: &[u8], (width, height): (u32, u32)) -> Result<(), String> {
    let path = folder().join(format!("{name}.png"));
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        let file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
        return Ok(());
    }
    let file = std::fs::File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut kept = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut kept).unwrap();
    if (info.width, info.height) != (width, height) {
        return Err(format!("{name}: another size"));
    }
    let is_different = |(a, b): (&[u8], &[u8])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > CHANNEL_MAX);
    let different = pixels.chunks(3).zip(kept.chunks(3)).filter(|pair| is_different(*pair)).count();
    let most = (width * height) as usize * DIFFERENT_MAX / 1000;
    if different > most { Err(format!("{name}: {different} pixels differ, {most} may")) } else { Ok(()) }
}

#[test]
fn every_page_and_state_looks_as_it_did() {
    let seconds = Rc::new(Cell::new(0));
    let window = MinimalSoftwareWindow::new(RepaintBufferType::NewBuffer);
    slint::platform::set_platform(Box::new(Headless(Rc::clone(&window), Rc::clone(&seconds))))
        .expect("this thread has none yet");
    let frame = Frame::new().unwrap();
    frame.show().unwrap();
    let mut wrong = Vec::new();
    let mut look = |name: &str, controller: &Controller, shot: Shot| {
        let pixels = draw((&window, &seconds), &frame, controller, shot);
        let size = (shot.size.0 * shot.percent / 100, shot.size.1 * shot.percent / 100);
        wrong.extend(compare(name, &pixels, size).err());
    };
    for (name, controller, shot) in pictures() {
        look(&name, &controller, shot);
    }
    // Last: the Tab key moves pages under the pictures.
    let mut unreachable = Vec::new();
    let (_, _, light) = &pictures()[0];
    for (name, controller) in states() {
        drop(draw((&window, &seconds), &frame, &controller, *light));
        unreachable.extend(faults(&frame).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    // What comes out of a press does not take the focus away, neither from a line that opens nor from a box.
    let mut backup = answered(&ENGLISH, Page::Backup);
    drop(draw((&window, &seconds), &frame, &backup, *light));
    for (label, command) in [("Taskbar", Command::Toggle(5)), ("Personalization", Command::Tick(4))] {
        assert!(press(&frame, label), "{label}");
        backup.command(command);
        backup.ended(Call::Show, Ok(shown()));
        drop(draw((&window, &seconds), &frame, &backup, *light));
        assert_eq!(in_focus(&frame), label);
    }
    // A box is ticked by the answer, not by the press: the organisation may say no.
    assert!(is_ticked(&frame, "Personalization"), "no answer yet");
    let mut groups = schedule(None)["groups"].clone();
    groups[1]["on"] = json!(false);
    backup.ended(Call::Wish(Wish { groups: Vec::new(), on: false }), Ok(groups));
    drop(draw((&window, &seconds), &frame, &backup, *light));
    assert!(!is_ticked(&frame, "Personalization"));
    // The button that starts Explorer anew goes while that happens; the keyboard is at the main one then, and not nowhere.
    let (_, mut explorer) = states().into_iter().find(|(name, _)| *name == "explorer").unwrap();
    let go_on = |explorer: &Controller| drop(draw((&window, &seconds), &frame, explorer, *light));
    go_on(&explorer);
    assert!(press(&frame, "Restart Explorer now"));
    explorer.command(Command::Third);
    go_on(&explorer);
    explorer.ended(Call::RestartExplorer, Ok(json!({ "restarted": true })));
    go_on(&explorer);
    assert_eq!(in_focus(&frame), "Close");
    assert_eq!(unreachable, [""; 0]);
    assert_eq!(wrong, [""; 0], "`UPDATE_SCREENS=1 cargo test -p window` draws them anew; then look at them");
}
