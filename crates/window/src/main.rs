//! `rehome-backup`: the person's window. Asks `rehome` beside it for everything, on threads of its own, so that the window never waits.

#![cfg_attr(windows, windows_subsystem = "windows")]

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use jiff::{Timestamp, tz::TimeZone};
use slint::ComponentHandle;
use window::call::{Call, Heard, Remember, Stead};
use window::controller::{Command, Controller};
use window::desktop::{Contrast, Icon};
use window::rehome::Rehome;
use window::texts::Texts;
use window::ui::Frame;
use window::view::Page;
use window::when::When;
use window::{call, desktop, notice, shown};

/// The person's window: back up, restore, see who has looked
#[derive(Debug, Parser)]
#[command(name = "rehome-backup", version)]
struct Args {
    /// Offer a restore, if this is the person's first sign-in and nothing stands against it; what the sign-in calls
    #[arg(long)]
    welcome: bool,
    /// Run `rehome schedule run` unseen; what the scheduled task calls
    #[arg(long, hide = true)]
    scheduled: bool,
    /// Back up this hive or export instead of this PC
    #[arg(long, value_name = "PATH", hide = true)]
    from: Option<String>,
    /// Write exports into this folder instead of the person's documents
    #[arg(long, value_name = "FOLDER", hide = true)]
    exports: Option<String>,
    /// Restore to this `.reg` file instead of this PC
    #[arg(long, value_name = "PATH", hide = true)]
    to: Option<String>,
}

/// `light`, `dark` or `contrast`: for pictures of the window where the system itself cannot be set so, as under Wine (docs/screens/README.md).
const LOOK: &str = "REHOME_LOOK";

/// How long a notification waits to be clicked: as long as Windows keeps it before it goes to the notification centre, and some.
const TOLD: Duration = Duration::from_secs(30);

/// The window, its state machine, and the program that does the work.
struct App {
    frame: slint::Weak<Frame>,
    controller: RefCell<Controller>,
    rehome: Arc<Rehome>,
    icon: Icon,
    /// How many runs are under way that the person's last word began: the program does not end over one.
    owed: Cell<usize>,
}

thread_local! {
    /// Threads that have heard something find the window by it.
    static APP: RefCell<Option<Rc<App>>> = const { RefCell::new(None) };
}

fn main() -> ExitCode {
    #[cfg(windows)]
    win32::from_system_only();
    let args = Args::parse();
    let Ok(own) = std::env::current_exe() else { return ExitCode::FAILURE };
    let rehome = Rehome::beside(
        &own,
        Stead { from: args.from, to: args.to, exports: args.exports.unwrap_or_else(documents) },
        without_console,
    );
    if args.scheduled {
        return ExitCode::from(rehome.scheduled(bound));
    }
    if args.welcome {
        let welcome = rehome.run(&Call::Welcome, &|_| ());
        if welcome.as_ref().is_ok_and(|document| document["show"] == true) {
            drop(rehome.run(&Call::Remember(Remember::Shown), &|_| ()));
            return opened(rehome, Some(welcome));
        }
        if !is_told(&rehome) {
            // Most sign-ins: nobody is bothered, and why is said by `rehome welcome`.
            return ExitCode::SUCCESS;
        }
    }
    opened(rehome, None)
}

/// Tells what the person should know at a sign-in, if there is anything; whether they want to see more.
fn is_told(rehome: &Rehome) -> bool {
    let texts = Texts::of(&language());
    let when = When::new(now(), TimeZone::system());
    let (schedule, status) = (rehome.run(&Call::Schedule, &|_| ()), rehome.run(&Call::Status, &|_| ()));
    let Some(notice) = notice::at_sign_in(texts, &schedule, &status, &when) else { return false };
    let (clicked, waits) = std::sync::mpsc::channel();
    let icon = Icon::new(move |heard| {
        if heard == desktop::Heard::Open {
            // Nobody waits any more: then the notification has gone too.
            let _ = clicked.send(());
        }
    });
    let is_shown = icon.tell(&notice);
    if let Some(code) = notice.once {
        drop(rehome.run(&Call::Told(code), &|_| ()));
    }
    is_shown && waits.recv_timeout(TOLD).is_ok()
}

/// Opens the page *Welcome back* with what `rehome` said of it, or else the window.
fn opened(rehome: Rehome, welcome: Option<call::Answer>) -> ExitCode {
    match open(rehome, welcome) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Seen by whoever starts it from a console; a program of the desktop has no other place before its window.
            let _ = writeln!(std::io::stderr(), "error: no window can be opened here: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open(rehome: Rehome, welcome: Option<call::Answer>) -> Result<(), slint::PlatformError> {
    let frame = Frame::new()?;
    dress(&frame);
    let texts = Texts::of(&language());
    let is_welcome = welcome.is_some();
    let page = if is_welcome { Page::Welcome } else { Page::Backup };
    let mut controller = Controller::new(texts, page);
    if let Some(answer) = welcome {
        // Asked again it would say that the page has come up, and no longer what for.
        controller.ended(Call::Welcome, answer);
    }
    let controller = RefCell::new(controller);
    let icon = Icon::new(|heard| {
        later(move |app| match heard {
            desktop::Heard::Open => app.front(),
            desktop::Heard::Look => app.frame.upgrade().iter().for_each(dress),
        });
    });
    let app =
        Rc::new(App { frame: frame.as_weak(), controller, rehome: Arc::new(rehome), icon, owed: Cell::default() });
    APP.set(Some(Rc::clone(&app)));
    let on = |command: Command| move || with(|app| app.command(command));
    frame.on_open(|number| with(|app| app.command(Command::Open(shown::page(number)))));
    frame.on_press_main(on(Command::Main));
    frame.on_press_second(on(Command::Second));
    frame.on_press_third(on(Command::Third));
    frame.on_refresh(on(Command::Refresh));
    frame.on_dismiss(on(Command::Dismiss));
    frame.on_choose(|index| with(|app| app.command(Command::Choose(at(index)))));
    frame.on_tick(|index| with(|app| app.command(Command::Tick(at(index)))));
    frame.on_toggle(|index| with(|app| app.command(Command::Toggle(at(index)))));
    frame.window().set_fullscreen(is_welcome);
    app.command(Command::Open(page));
    frame.run()
}

/// Draws in the colours of the system's contrast theme, or in another look where [`LOOK`] says so. Light and dark follow the system by themselves.
fn dress(frame: &Frame) {
    let contrast = match std::env::var(LOOK).as_deref() {
        Ok("light") => return frame.invoke_set_look(false, false),
        Ok("dark") => return frame.invoke_set_look(true, false),
        Ok("contrast") => Some(Contrast::OF_PICTURES),
        _ => desktop::contrast(),
    };
    let Contrast { ground, text, accent } = contrast.unwrap_or(Contrast::OF_PICTURES);
    let colour = |colour: u32| slint::Color::from_argb_encoded(0xff00_0000 | colour);
    let dark = contrast.is_some_and(Contrast::is_dark);
    frame.invoke_set_contrast(contrast.is_some(), dark, colour(ground), colour(text), colour(accent));
}

fn at(index: i32) -> usize {
    usize::try_from(index).unwrap_or_default()
}

fn with(then: impl FnOnce(&Rc<App>)) {
    if let Some(app) = APP.with_borrow(Clone::clone) {
        then(&app);
    }
}

impl App {
    fn command(&self, command: Command) {
        let calls = self.controller.borrow_mut().command(command);
        self.go_on(calls);
    }

    /// Brings the window to the front.
    fn front(&self) {
        if let Some(frame) = self.frame.upgrade() {
            frame.window().set_minimized(false);
            drop(frame.show());
        }
    }

    fn ended(&self, call: Call, answer: call::Answer) {
        if is_owed(&call) {
            self.owed.set(self.owed.get().saturating_sub(1));
        }
        if matches!(call, Call::Restore(..)) {
            let seen = self.frame.upgrade().is_some_and(|frame| !frame.window().is_minimized());
            let texts = Texts::of(&language());
            if let Some(notice) = notice::restored(texts, &answer, seen) {
                self.icon.tell(&notice);
            }
        }
        let calls = self.controller.borrow_mut().ended(call, answer);
        self.go_on(calls);
    }

    fn go_on(&self, calls: Vec<Call>) {
        for call in calls {
            self.ask(call);
        }
        if self.controller.borrow_mut().steps_aside()
            && let Some(frame) = self.frame.upgrade()
        {
            frame.window().set_minimized(true);
        }
        let closed = self.controller.borrow().is_closed();
        if !closed {
            self.show();
        } else if let Some(frame) = self.frame.upgrade() {
            if self.owed.get() == 0 {
                // The loop ends with its last window, and the program with it.
                drop(frame.hide());
            } else {
                frame.window().set_minimized(true);
            }
        }
    }

    fn show(&self) {
        let when = When::new(now(), TimeZone::system());
        if let Some(frame) = self.frame.upgrade() {
            shown::show(&frame, &self.controller.borrow().view(&when));
        }
    }

    fn ask(&self, call: Call) {
        if is_owed(&call) {
            self.owed.set(self.owed.get() + 1);
        }
        let rehome = Arc::clone(&self.rehome);
        let run = move || {
            let told = |heard: Heard| {
                let call = call.clone();
                later(move |app| {
                    app.controller.borrow_mut().heard(&call, &heard, now().as_millisecond());
                    app.show();
                });
            };
            let answer = rehome.run(&call, &told);
            later(move |app| app.ended(call, answer));
        };
        std::thread::spawn(run);
    }
}

/// Whether a run has to come to its end although the window goes: an answer that is remembered, what comes at once, and what is taken back of it.
fn is_owed(call: &Call) -> bool {
    matches!(call, Call::Remember(_) | Call::Ease(_) | Call::Undo | Call::Unease(_))
}

/// Has the window's own thread do it.
fn later(then: impl FnOnce(&Rc<App>) + Send + 'static) {
    // Without a loop the window is gone, and nobody is left to tell.
    drop(slint::invoke_from_event_loop(move || with(then)));
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in everywhere else")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Where the person keeps documents; on Windows `%USERPROFILE%\\Documents`, unless it was moved, and then it is found in the person's folder.
fn documents() -> String {
    let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).unwrap_or_default();
    let home = std::path::PathBuf::from(home);
    let documents = home.join("Documents");
    let folder = if documents.is_dir() { documents } else { home };
    folder.display().to_string()
}

/// The language that the person reads their system in.
fn language() -> String {
    sys_locale::get_locale().unwrap_or_default()
}

/// What keeps a program of the console from opening one of its own.
#[cfg(windows)]
use win32::without_window as without_console;

#[cfg(not(windows))]
fn without_console(_: &mut std::process::Command) {}

/// Has a run end with this program. One that cannot be bound goes on as before: it has limits of its own.
#[cfg(windows)]
fn bound(child: &std::process::Child) {
    drop(win32::ends_with_this(child));
}

#[cfg(not(windows))]
fn bound(_: &std::process::Child) {}
