//! Pictures of every page and state, drawn by the software renderer without a window, and compared with those of `docs/screens/window`.
//!
//! `UPDATE_SCREENS=1` draws them anew; then they are looked at. Fonts differ from machine to machine by a hair, so a picture may differ in a small share of its
//! pixels; a page that lost a line or a colour differs in more.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::json;
use slint::platform::software_renderer::{MinimalSoftwareWindow, RepaintBufferType};
use slint::platform::{Platform, PlatformError, WindowAdapter, WindowEvent};
use slint::{ComponentHandle, PhysicalSize, Rgb8Pixel};

use crate::call::{Call, Choice, Heard, Problem, Which, Wish};
use crate::controller::{Command, Controller};
use crate::controller_tests::{pcs, plan, restored, schedule, shown, status};
use crate::reach_tests::{faults, in_focus, is_ticked, press};
use crate::shown::show;
use crate::texts::{ENGLISH, GERMAN, Texts};
use crate::ui::Frame;
use crate::view::Page;
use crate::when::When;

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

/// How a picture is taken.
#[derive(Clone, Copy)]
struct Shot {
    dark: bool,
    contrast: bool,
    percent: u32,
    /// In pixels of 100 %.
    size: (u32, u32),
}

/// The moment of the pictures, in milliseconds.
const NOW: i64 = 1_795_000_000_000 - 400_000;

const LIGHT: Shot = Shot { dark: false, contrast: false, percent: 100, size: (860, 640) };

fn draw(
    (window, seconds): (&MinimalSoftwareWindow, &Cell<u64>),
    frame: &Frame,
    controller: &Controller,
    shot: Shot,
) -> Vec<u8> {
    let when = When::new("2026-11-18T11:00:00Z".parse().unwrap(), TimeZone::UTC);
    show(frame, &controller.view(&when));
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

fn no(code: &str) -> Problem {
    Problem { code: code.to_owned(), message: String::new(), hint: String::new() }
}

fn choice() -> Choice {
    Choice { device: "OLD-PC".to_owned(), snapshot: "aa11".to_owned(), except: vec![] }
}

fn opened(texts: &'static Texts, page: Page) -> Controller {
    let mut controller = Controller::new(texts, page);
    controller.command(Command::Open(page));
    controller
}

/// With everything that a page asks for answered.
fn answered(texts: &'static Texts, page: Page) -> Controller {
    let mut controller = opened(texts, page);
    controller.ended(Call::Schedule, Ok(schedule(Some("2026-11-18T08:10:00Z"))));
    controller.ended(Call::Status, Ok(status()));
    controller.ended(Call::Welcome, Ok(json!({ "user": "Mia" })));
    controller.ended(Call::Pcs, Ok(pcs()));
    if page == Page::Welcome {
        let eased = json!({ "applied": true, "outcome": { "journal": 1, "applied": [{}], "failed": [] } });
        controller.ended(Call::Ease(which()), Ok(eased));
    }
    controller.ended(Call::Glance(which()), Ok(plan()));
    controller.ended(Call::Journals, Ok(json!([])));
    controller.ended(Call::Openings, Ok(json!({ "openings": [] })));
    controller
}

fn which() -> Which {
    Which { device: "OLD-PC".to_owned(), snapshot: "aa11".to_owned() }
}

fn then(mut controller: Controller, steps: &[Step]) -> Controller {
    for step in steps {
        match step.clone() {
            Step::Do(command) => drop(controller.command(command)),
            Step::Heard(call, heard) => controller.heard(&call, &heard, NOW - 9_000),
            Step::Ended(call, answer) => drop(controller.ended(call, answer)),
        }
    }
    controller
}

#[derive(Clone)]
enum Step {
    Do(Command),
    Heard(Call, Heard),
    Ended(Call, crate::call::Answer),
}

fn exported() -> Controller {
    let mut controller = answered(&ENGLISH, Page::Privacy);
    let mut calls = controller.command(Command::Second);
    while let Some(call) = calls.pop() {
        let Call::Export(which) = &call else { break };
        let document =
            json!({ "output": format!("C:\\Users\\mia\\Documents\\rehome-{}-{}.json", which.device, which.snapshot) });
        calls = controller.ended(call, Ok(document));
    }
    controller
}

fn states() -> Vec<(&'static str, Controller)> {
    use Step::{Do, Ended, Heard as Hears};
    let main = || Do(Command::Main);
    let sending = || Heard { station: "upload".to_owned(), stage: None, done: 0, share: Some(0.6) };
    let looked = |page| then(answered(&ENGLISH, page), &[main(), Ended(Call::Preview(choice()), Ok(plan()))]);
    let restoring = || Call::Restore(choice(), "m1".to_owned());
    let applying = || Heard { station: "apply".to_owned(), stage: Some("look".to_owned()), done: 1, share: Some(0.5) };
    let backed_up = json!({ "outcome": "created", "settings": 143, "apps": 27, "warnings": [],
        "categories": [{ "category": "taskbar", "settings": 4 }, { "category": "explorer", "settings": 9 }],
        "left_out": [{ "id": "taskbar.pins", "title": "Pins of the taskbar", "because": "they name programs" }] });
    let mut off = schedule(None);
    off["refused"] =
        json!({ "code": "policy_off", "message": "backups are switched off by the policy of the server `Shared PCs`" });
    let opening = json!({ "opened_by": "ida@example.com", "open_from_at": "2026-11-17T09:00:00Z", "purpose": "ticket 4711: taskbar lost" });
    let backup = || answered(&ENGLISH, Page::Backup);
    let welcome = || answered(&ENGLISH, Page::Welcome);
    vec![
        ("backup", backup()),
        ("backup-waiting", opened(&ENGLISH, Page::Backup)),
        ("backup-never", then(backup(), &[Ended(Call::Schedule, Ok(schedule(None)))])),
        ("backup-off", then(backup(), &[Ended(Call::Schedule, Ok(off))])),
        ("backup-offline", then(backup(), &[Ended(Call::Status, Err(no("server_unreachable")))])),
        ("backup-open", then(backup(), &[Do(Command::Toggle(5)), Ended(Call::Show, Ok(shown()))])),
        ("backup-lost", then(backup(), &[Ended(Call::Status, Ok(json!({ "on_server": "nothing" })))])),
        ("backup-running", then(backup(), &[main(), Hears(Call::BackUp, sending())])),
        ("backup-done", then(backup(), &[main(), Ended(Call::BackUp, Ok(backed_up))])),
        ("backup-failed", then(backup(), &[main(), Ended(Call::BackUp, Err(no("server_slow")))])),
        ("restore", answered(&ENGLISH, Page::Restore)),
        ("restore-none", then(answered(&ENGLISH, Page::Restore), &[Ended(Call::Pcs, Ok(json!([])))])),
        ("restore-older", then(answered(&ENGLISH, Page::Restore), &[Do(Command::Third)])),
        ("restore-preview", looked(Page::Restore)),
        ("restore-running", then(looked(Page::Restore), &[main(), Hears(restoring(), applying())])),
        ("restore-result", then(looked(Page::Restore), &[main(), Ended(restoring(), Ok(restored()))])),
        ("privacy", answered(&ENGLISH, Page::Privacy)),
        (
            "privacy-opened",
            then(answered(&ENGLISH, Page::Privacy), &[Ended(Call::Openings, Ok(json!({ "openings": [opening] })))]),
        ),
        ("privacy-delete", then(answered(&ENGLISH, Page::Privacy), &[Do(Command::Third)])),
        ("privacy-exported", exported()),
        ("welcome", welcome()),
        ("welcome-more", then(welcome(), &[Do(Command::Second), Do(Command::Choose(2))])),
        ("welcome-at-once", then(opened(&ENGLISH, Page::Welcome), &[Ended(Call::Pcs, Ok(pcs()))])),
        ("welcome-waiting", opened(&ENGLISH, Page::Welcome)),
        ("welcome-offline", then(welcome(), &[Ended(Call::Pcs, Err(no("server_unreachable")))])),
        ("welcome-result", then(looked(Page::Welcome), &[main(), Ended(restoring(), Ok(restored()))])),
    ]
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
    for (name, controller) in states() {
        look(&format!("{name}-light"), &controller, LIGHT);
        look(&format!("{name}-dark"), &controller, Shot { dark: true, ..LIGHT });
        look(&format!("{name}-contrast"), &controller, Shot { contrast: true, ..LIGHT });
    }
    let german = answered(&GERMAN, Page::Welcome);
    look("welcome-german", &german, LIGHT);
    let mut right_to_left = opened(&GERMAN, Page::Restore);
    right_to_left.ended(
        Call::Pcs,
        Ok(json!([{ "device_name": "המחשב הישן של מיה", "this_device": false, "snapshots": [
        { "snapshot": "aa11", "taken_at": "2026-11-17T17:42:00Z", "settings": 143, "apps": 27 }] }])),
    );
    look("restore-right-to-left", &right_to_left, LIGHT);
    let german = answered(&GERMAN, Page::Backup);
    look("backup-german", &german, LIGHT);
    look("backup-german-narrow", &german, Shot { size: (480, 720), ..LIGHT });
    look("backup-german-250", &german, Shot { percent: 250, ..LIGHT });
    // Last: the Tab key moves pages under the pictures.
    let mut unreachable = Vec::new();
    for (name, controller) in states() {
        drop(draw((&window, &seconds), &frame, &controller, LIGHT));
        unreachable.extend(faults(&frame).into_iter().map(|fault| format!("{name}: {fault}")));
    }
    // What comes out of a press does not take the focus away, neither from a line that opens nor from a box.
    let mut backup = answered(&ENGLISH, Page::Backup);
    drop(draw((&window, &seconds), &frame, &backup, LIGHT));
    for (label, command) in [("Taskbar", Command::Toggle(5)), ("Personalization", Command::Tick(4))] {
        assert!(press(&frame, label), "{label}");
        backup.command(command);
        backup.ended(Call::Show, Ok(shown()));
        drop(draw((&window, &seconds), &frame, &backup, LIGHT));
        assert_eq!(in_focus(&frame), label);
    }
    // A box is ticked by the answer, not by the press: the organisation may say no.
    assert!(is_ticked(&frame, "Personalization"), "no answer yet");
    let mut groups = schedule(None)["groups"].clone();
    groups[1]["on"] = json!(false);
    backup.ended(Call::Wish(Wish { groups: Vec::new(), on: false }), Ok(groups));
    drop(draw((&window, &seconds), &frame, &backup, LIGHT));
    assert!(!is_ticked(&frame, "Personalization"));
    assert_eq!(unreachable, [""; 0]);
    assert_eq!(wrong, [""; 0], "`UPDATE_SCREENS=1 cargo test -p window` draws them anew; then look at them");
}
