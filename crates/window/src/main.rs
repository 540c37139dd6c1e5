//! `rehome-backup`: the person's window. Asks `rehome` beside it for everything, on threads of its own, so that the window never waits.

#![cfg_attr(windows, windows_subsystem = "windows")]

use std::cell::RefCell;
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use clap::Parser;
use jiff::{Timestamp, tz::TimeZone};
use slint::ComponentHandle;
use window::call::{Call, Heard, Remember, Stead};
use window::controller::{Command, Controller};
use window::rehome::Rehome;
use window::texts::Texts;
use window::ui::Frame;
use window::view::Page;
use window::when::When;
use window::{call, shown};

/// The person's window: back up, restore, see who has looked
#[derive(Debug, Parser)]
#[command(name = "rehome-backup", version)]
struct Args {
    /// Offer a restore, if this is the person's first sign-in and nothing stands against it; what the sign-in calls
    #[arg(long)]
    welcome: bool,
    /// Back up this hive or export instead of this PC
    #[arg(long, value_name = "PATH", hide = true)]
    from: Option<String>,
    /// Restore to this `.reg` file instead of this PC
    #[arg(long, value_name = "PATH", hide = true)]
    to: Option<String>,
}

/// `light`, `dark` or `contrast`: for pictures of the window where the system itself cannot be set so, as under Wine (docs/screens/README.md).
const LOOK: &str = "REHOME_LOOK";

/// The window, its state machine, and the program that does the work.
struct App {
    frame: slint::Weak<Frame>,
    controller: RefCell<Controller>,
    rehome: Arc<Rehome>,
}

thread_local! {
    /// Threads that have heard something find the window by it.
    static APP: RefCell<Option<Rc<App>>> = const { RefCell::new(None) };
}

fn main() -> ExitCode {
    let args = Args::parse();
    let Ok(own) = std::env::current_exe() else { return ExitCode::FAILURE };
    let rehome = Rehome::beside(&own, Stead { from: args.from, to: args.to }, without_console);
    if args.welcome {
        let shows = rehome.run(&Call::Welcome, &|_| ()).is_ok_and(|document| document["show"] == true);
        // Most sign-ins: nobody is bothered, and why is said by `rehome welcome`.
        if !shows {
            return ExitCode::SUCCESS;
        }
        drop(rehome.run(&Call::Remember(Remember::Shown), &|_| ()));
    }
    match open(rehome, args.welcome) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Seen by whoever starts it from a console; a program of the desktop has no other place before its window.
            let _ = writeln!(std::io::stderr(), "error: no window can be opened here: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open(rehome: Rehome, welcome: bool) -> Result<(), slint::PlatformError> {
    let frame = Frame::new()?;
    dress(&frame);
    let texts = Texts::of(&language());
    let page = if welcome { Page::Welcome } else { Page::Backup };
    let controller = RefCell::new(Controller::new(texts, page));
    let app = Rc::new(App { frame: frame.as_weak(), controller, rehome: Arc::new(rehome) });
    APP.set(Some(Rc::clone(&app)));
    let on = |command: Command| move || with(|app| app.command(command));
    frame.on_open(|number| with(|app| app.command(Command::Open(shown::page(number)))));
    frame.on_press_main(on(Command::Main));
    frame.on_press_second(on(Command::Second));
    frame.on_refresh(on(Command::Refresh));
    frame.on_dismiss(on(Command::Dismiss));
    frame.on_choose(|index| with(|app| app.command(Command::Choose(at(index)))));
    frame.on_tick(|index| with(|app| app.command(Command::Tick(at(index)))));
    frame.window().set_maximized(welcome);
    app.command(Command::Open(page));
    frame.run()
}

/// Draws in another look than the system's where [`LOOK`] says so.
fn dress(frame: &Frame) {
    match std::env::var(LOOK).as_deref() {
        Ok("light") => frame.invoke_set_look(false, false),
        Ok("dark") => frame.invoke_set_look(true, false),
        Ok("contrast") => frame.invoke_set_look(false, true),
        _ => {}
    }
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

    fn ended(&self, call: Call, answer: call::Answer) {
        let calls = self.controller.borrow_mut().ended(call, answer);
        self.go_on(calls);
    }

    fn go_on(&self, calls: Vec<Call>) {
        for call in calls {
            self.ask(call);
        }
        let closed = self.controller.borrow().is_closed();
        let Some(frame) = self.frame.upgrade() else { return };
        if closed {
            // The loop ends with its last window; what was answered is being remembered by a run of its own.
            drop(frame.hide());
            return;
        }
        self.show();
    }

    fn show(&self) {
        let when = When::new(now(), TimeZone::system());
        if let Some(frame) = self.frame.upgrade() {
            shown::show(&frame, &self.controller.borrow().view(&when));
        }
    }

    fn ask(&self, call: Call) {
        let rehome = Arc::clone(&self.rehome);
        let run = move || {
            let told = |heard: Heard| {
                let call = call.clone();
                later(move |app| {
                    app.controller.borrow_mut().heard(&call, heard);
                    app.show();
                });
            };
            let answer = rehome.run(&call, &told);
            later(move |app| app.ended(call, answer));
        };
        std::thread::spawn(run);
    }
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

/// The language that the person reads their system in.
fn language() -> String {
    sys_locale::get_locale().unwrap_or_default()
}

/// A program of the console would open one of its own.
#[cfg(windows)]
fn without_console(command: &mut std::process::Command) {
    use std::os::windows::process::CommandExt;
    /// `CREATE_NO_WINDOW` (Microsoft Learn, "Process Creation Flags").
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NO_WINDOW);
}

#[cfg(not(windows))]
fn without_console(_: &mut std::process::Command) {}
