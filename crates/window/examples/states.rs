//! Every page and state of the window, one after the other, in a real window of the system it runs on; each is kept as a picture.
//!
//! `states FOLDER` writes `FOLDER/NAME.rgb`: width and height as numbers of four bytes, lowest first, then red, green and blue of each pixel; and at last a
//! file `done`. The story `wine::states` runs it under Wine. It asks no `rehome`, and what it shows are the documents of `samples.rs`.

#[path = "../src/samples.rs"]
mod samples;

use std::cell::RefCell;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle, LogicalSize, Timer, TimerMode};
use window::shown::show;
use window::ui::Frame;

/// How long a state is left alone until its picture is taken: what fades has faded.
const FADED: Duration = Duration::from_millis(250);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("states FOLDER")?);
    let frame = Frame::new()?;
    // How large everything is, the system says.
    let mut left = samples::pictures().into_iter().filter(|(.., shot)| shot.percent == 100);
    let (mut shown, at) = (None, frame.as_weak());
    let ended = Rc::new(RefCell::new(Ok(())));
    let end = Rc::clone(&ended);
    let timer = Timer::default();
    timer.start(TimerMode::Repeated, FADED, move || {
        let Some(frame) = at.upgrade() else { return };
        let kept = shown.take().map_or(Ok(()), |name: String| keep(&frame, &folder.join(name)));
        let Some((name, controller, shot)) = left.next().filter(|_| kept.is_ok()) else {
            *end.borrow_mut() = kept.and_then(|()| write(&folder.join("done"), &[]));
            // Nothing more to show: the loop ends with its last window.
            drop(frame.hide());
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "some hundred pixels")]
        let (width, height) = (shot.size.0 as f32, shot.size.1 as f32);
        frame.window().set_size(LogicalSize::new(width, height));
        frame.invoke_set_look(shot.dark, shot.contrast);
        show(&frame, &controller.view(&samples::when()));
        shown = Some(name);
    });
    frame.run()?;
    ended.replace(Ok(()))
}

fn keep(frame: &Frame, path: &Path) -> Result<(), Box<dyn Error>> {
    let picture = frame.window().take_snapshot()?;
    let mut bytes: Vec<u8> = [picture.width(), picture.height()].into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend(picture.as_slice().iter().flat_map(|pixel| [pixel.r, pixel.g, pixel.b]));
    write(&path.with_extension("rgb"), &bytes)
}

#[expect(clippy::disallowed_methods, reason = "read when `done` is there, which is written last")]
fn write(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}
