//! An icon beside the clock, and what it tells (Microsoft Learn, "Notifications and the Notification Area", `Shell_NotifyIconW`).
//!
//! The shell sends what the person does to a window, so there is one, which is never shown, on a thread of its own. It is no message-only window: those do
//! not hear what is told to all, that the taskbar was made anew or that a setting has changed.

use std::cell::RefCell;
use std::io;
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, POINT, WPARAM};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::UI::Shell::{
    NIF_ICON, NIF_INFO, NIF_MESSAGE, NIF_SHOWTIP, NIF_TIP, NIIF_ERROR, NIIF_INFO, NIIF_NOSOUND,
    NIIF_RESPECT_QUIET_TIME, NIIF_WARNING, NIM_ADD, NIM_DELETE, NIM_MODIFY, NIM_SETVERSION, NIN_BALLOONUSERCLICK,
    NIN_SELECT, NOTIFYICON_VERSION_4, NOTIFYICONDATAW, NOTIFYICONDATAW_0, Shell_NotifyIconW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    AppendMenuW, CreatePopupMenu, CreateWindowExW, DefWindowProcW, DestroyMenu, DestroyWindow, DispatchMessageW,
    GetCursorPos, GetMessageW, HICON, IDI_APPLICATION, LoadIconW, MF_STRING, MSG, PostMessageW, PostQuitMessage,
    RegisterClassW, RegisterWindowMessageW, SetForegroundWindow, TPM_NONOTIFY, TPM_RETURNCMD, TrackPopupMenu, WM_APP,
    WM_CLOSE, WM_CONTEXTMENU, WM_DESTROY, WM_NULL, WM_SETTINGCHANGE, WM_SYSCOLORCHANGE, WNDCLASSW,
};

use crate::text::{fill, wide};

/// What the person does is told by this message.
const ON_ICON: u32 = WM_APP;
/// There is something to say.
const ON_ORDER: u32 = WM_APP + 1;
/// The icon was reached by the keyboard (`shellapi.h`: `NIN_SELECT | NINF_KEY`).
const NIN_KEYSELECT: u32 = NIN_SELECT | 1;
/// The number of our one icon.
const ICON: u32 = 1;
/// The number that the program's own icon has in it, if it has one (`xtask` puts it there).
const ICON_OF_PROGRAM: usize = 1;

/// What was heard at the icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The icon was clicked, or chosen with the keyboard.
    Icon,
    /// The last notification was clicked.
    Notification,
    /// An entry of the menu was chosen: its place.
    Entry(usize),
    /// Something about how the desktop looks has changed: whoever draws asks again.
    Look,
}

/// How a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    /// Something is finished.
    Information,
    /// Something wants looking after.
    Warning,
    /// Something did not work.
    Error,
}

/// What the thread of the icon is asked to do.
enum Order {
    Tip(String),
    Tell { title: String, text: String, loudness: Loudness },
}

/// The icon. Goes away when dropped.
pub struct Tray {
    /// A window's handle, as a number: it is only used to post messages, which any thread may do.
    window: usize,
    orders: Arc<Mutex<Vec<Order>>>,
    thread: Option<JoinHandle<()>>,
}

impl Tray {
    /// Puts the icon there, with its tooltip and the entries of its menu. `heard` is called on the icon's own thread and must not wait.
    ///
    /// Where there is no taskbar (yet) the icon comes with it.
    pub fn new(tip: &str, menu: Vec<String>, heard: impl Fn(Heard) + Send + 'static) -> io::Result<Self> {
        let orders = Arc::new(Mutex::new(vec![Order::Tip(tip.to_owned())]));
        let (told, made) = mpsc::channel();
        let theirs = Arc::clone(&orders);
        let run = move || match open(menu, Box::new(heard), theirs) {
            Ok(window) => {
                drop(told.send(Ok(window as usize)));
                turn();
            }
            Err(error) => drop(told.send(Err(error))),
        };
        let thread = std::thread::Builder::new().name("tray".to_owned()).spawn(run)?;
        let window = made.recv().map_err(|_| io::Error::other("the thread of the icon ended"))??;
        Ok(Self { window, orders, thread: Some(thread) })
    }

    /// Another tooltip.
    pub fn tip(&self, text: &str) {
        self.order(Order::Tip(text.to_owned()));
    }

    /// Shows a notification, without a sound, and not while the person does not want to be disturbed.
    pub fn tell(&self, title: &str, text: &str, loudness: Loudness) {
        self.order(Order::Tell { title: title.to_owned(), text: text.to_owned(), loudness });
    }

    fn order(&self, order: Order) {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        self.post(ON_ORDER);
    }

    fn post(&self, message: u32) {
        // SAFETY: no memory is handed over; a window that is gone is an error that Windows tells, and then there is no icon to be changed.
        unsafe { PostMessageW(self.window as HWND, message, 0, 0) };
    }
}

impl Drop for Tray {
    fn drop(&mut self) {
        self.post(WM_CLOSE);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What the window of the icon knows; it is on its thread.
struct State {
    heard: Box<dyn Fn(Heard)>,
    menu: Vec<String>,
    orders: Arc<Mutex<Vec<Order>>>,
    tip: RefCell<String>,
    /// The message by which a new taskbar asks for all icons.
    taskbar_created: u32,
}

thread_local! {
    static STATE: RefCell<Option<Rc<State>>> = const { RefCell::new(None) };
}

/// Makes the window and its icon.
fn open(menu: Vec<String>, heard: Box<dyn Fn(Heard)>, orders: Arc<Mutex<Vec<Order>>>) -> io::Result<HWND> {
    let (class, message) = (wide("RehomeTray"), wide("TaskbarCreated"));
    // SAFETY: the text ends in a zero and outlives the call.
    let taskbar_created = unsafe { RegisterWindowMessageW(message.as_ptr()) };
    // SAFETY: null means this program, which stays loaded.
    let program = unsafe { GetModuleHandleW(ptr::null()) };
    let kind = WNDCLASSW {
        lpfnWndProc: Some(on_message),
        hInstance: program,
        lpszClassName: class.as_ptr(),
        ..WNDCLASSW::default()
    };
    // SAFETY: the structure and the name in it outlive the call; the function is one for windows. A second icon finds the class there, which is no error.
    unsafe { RegisterClassW(&raw const kind) };
    let state = State { heard, menu, orders, tip: RefCell::default(), taskbar_created };
    STATE.set(Some(Rc::new(state)));
    let (none, no_menu) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the class was registered above, the texts outlive the call, and what may be null is.
    let window = unsafe {
        CreateWindowExW(0, class.as_ptr(), class.as_ptr(), 0, 0, 0, 0, 0, none, no_menu, program, ptr::null())
    };
    if window.is_null() {
        return Err(io::Error::last_os_error());
    }
    take_orders(window);
    add(window);
    Ok(window)
}

/// Hands messages on until the window is closed.
fn turn() {
    let mut message = MSG::default();
    loop {
        // SAFETY: the structure is one for messages, and is filled in.
        let more = unsafe { GetMessageW(&raw mut message, ptr::null_mut(), 0, 0) };
        if more <= 0 {
            break;
        }
        // SAFETY: the message was filled in by Windows.
        unsafe { DispatchMessageW(&raw const message) };
    }
    STATE.set(None);
}

/// What Windows calls for each message to the window.
///
/// # Safety
///
/// Is called by Windows only, on the window's own thread.
unsafe extern "system" fn on_message(window: HWND, message: u32, word: WPARAM, long: LPARAM) -> LRESULT {
    // A copy: a menu has messages sent here while it waits for the person.
    let state = STATE.with_borrow(Clone::clone);
    if let Some(state) = state {
        match message {
            ON_ICON => on_icon(&state, window, low_word(long)),
            ON_ORDER => take_orders(window),
            WM_SETTINGCHANGE | WM_SYSCOLORCHANGE => (state.heard)(Heard::Look),
            WM_DESTROY => {
                notify(NIM_DELETE, &data(window));
                // SAFETY: looks at no memory; ends the loop of this thread.
                unsafe { PostQuitMessage(0) };
            }
            WM_CLOSE => {
                // SAFETY: the window is ours and this is its thread.
                unsafe { DestroyWindow(window) };
                return 0;
            }
            _ if message == state.taskbar_created => add(window),
            _ => {}
        }
    }
    // SAFETY: hands on what Windows gave.
    unsafe { DefWindowProcW(window, message, word, long) }
}

fn low_word(long: LPARAM) -> u32 {
    u32::from_le_bytes([long.to_le_bytes()[0], long.to_le_bytes()[1], 0, 0])
}

fn on_icon(state: &State, window: HWND, event: u32) {
    match event {
        NIN_SELECT | NIN_KEYSELECT => (state.heard)(Heard::Icon),
        NIN_BALLOONUSERCLICK => (state.heard)(Heard::Notification),
        WM_CONTEXTMENU => {
            if let Some(place) = choose(window, &state.menu) {
                (state.heard)(Heard::Entry(place));
            }
        }
        _ => {}
    }
}

/// Shows a menu at the pointer and waits for what is chosen.
fn choose(window: HWND, entries: &[String]) -> Option<usize> {
    if entries.is_empty() {
        return None;
    }
    // SAFETY: takes nothing.
    let menu = unsafe { CreatePopupMenu() };
    if menu.is_null() {
        return None;
    }
    for (place, entry) in entries.iter().enumerate() {
        let entry = wide(entry);
        // SAFETY: the menu is open, and the text ends in a zero and outlives the call.
        unsafe { AppendMenuW(menu, MF_STRING, place + 1, entry.as_ptr()) };
    }
    let mut at = POINT { x: 0, y: 0 };
    // SAFETY: the structure is one for a point, and is filled in.
    unsafe { GetCursorPos(&raw mut at) };
    // A menu of a window that is not in front would stay open when the person clicks elsewhere (`TrackPopupMenu`, remarks), hence also the message after it.
    // SAFETY: the window is ours.
    unsafe { SetForegroundWindow(window) };
    // SAFETY: menu and window are ours and open; no rectangle is given.
    let chosen = unsafe { TrackPopupMenu(menu, TPM_RETURNCMD | TPM_NONOTIFY, at.x, at.y, 0, window, ptr::null()) };
    // SAFETY: no memory is handed over.
    unsafe { PostMessageW(window, WM_NULL, 0, 0) };
    // SAFETY: the menu was made above and is not used any more.
    unsafe { DestroyMenu(menu) };
    usize::try_from(chosen).ok()?.checked_sub(1)
}

/// Does what was asked for meanwhile.
fn take_orders(window: HWND) {
    let Some(state) = STATE.with_borrow(Clone::clone) else { return };
    let orders = std::mem::take(&mut *state.orders.lock().unwrap_or_else(PoisonError::into_inner));
    for order in orders {
        match order {
            Order::Tip(tip) => {
                *state.tip.borrow_mut() = tip;
                notify(NIM_MODIFY, &with_tip(data(window), &state.tip.borrow()));
            }
            Order::Tell { title, text, loudness } => {
                let mut data = data(window);
                data.uFlags = NIF_INFO;
                fill(&mut data.szInfoTitle, &title);
                fill(&mut data.szInfo, &text);
                let look = match loudness {
                    Loudness::Information => NIIF_INFO,
                    Loudness::Warning => NIIF_WARNING,
                    Loudness::Error => NIIF_ERROR,
                };
                data.dwInfoFlags = look | NIIF_NOSOUND | NIIF_RESPECT_QUIET_TIME;
                notify(NIM_MODIFY, &data);
            }
        }
    }
}

/// Puts the icon there.
fn add(window: HWND) {
    let Some(state) = STATE.with_borrow(Clone::clone) else { return };
    let mut data = with_tip(data(window), &state.tip.borrow());
    data.uFlags |= NIF_MESSAGE | NIF_ICON;
    data.uCallbackMessage = ON_ICON;
    data.hIcon = icon();
    if notify(NIM_ADD, &data) {
        // How the shell tells what the person does: since Windows Vista.
        data.Anonymous = NOTIFYICONDATAW_0 { uVersion: NOTIFYICON_VERSION_4 };
        notify(NIM_SETVERSION, &data);
    }
}

fn with_tip(mut data: NOTIFYICONDATAW, tip: &str) -> NOTIFYICONDATAW {
    data.uFlags |= NIF_TIP | NIF_SHOWTIP;
    fill(&mut data.szTip, tip);
    data
}

/// What names our icon.
fn data(window: HWND) -> NOTIFYICONDATAW {
    let size = u32::try_from(size_of::<NOTIFYICONDATAW>()).expect("a structure of Windows is small");
    NOTIFYICONDATAW { cbSize: size, hWnd: window, uID: ICON, ..NOTIFYICONDATAW::default() }
}

fn notify(what: u32, data: &NOTIFYICONDATAW) -> bool {
    // SAFETY: the structure has its size, its texts end in zeros, and it outlives the call.
    unsafe { Shell_NotifyIconW(what, data) != 0 }
}

/// The icon of the program, or Windows' own for programs.
fn icon() -> HICON {
    // SAFETY: null means this program, which stays loaded.
    let program = unsafe { GetModuleHandleW(ptr::null()) };
    // SAFETY: a small number stands for the name of a resource (`MAKEINTRESOURCE`).
    let own = unsafe { LoadIconW(program, ICON_OF_PROGRAM as *const u16) };
    if !own.is_null() {
        return own;
    }
    // SAFETY: null and this name mean an icon of Windows.
    unsafe { LoadIconW(ptr::null_mut(), IDI_APPLICATION) }
}
