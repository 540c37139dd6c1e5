//! Whether everybody reaches everything: what a screen reader is given, and the way that the Tab key takes.
//!
//! What AccessKit hands to the system is asked of the same items here, so each control has a name, and nothing that can be pressed is out of the keyboard's
//! reach. [`faults`] is called for every page and state by the test that takes their pictures: a thread has one window.

use std::collections::BTreeSet;

use i_slint_core::accessibility::{AccessibleStringProperty, SupportedAccessibilityAction};
use i_slint_core::item_tree::{ItemRc, ParentItemTraversalMode};
use i_slint_core::items::AccessibleRole;
use i_slint_core::window::WindowInner;
use slint::ComponentHandle;
use slint::platform::{Key, WindowEvent};

use crate::ui::Frame;

/// More presses of Tab than a page has controls.
const TABS: usize = 60;

/// One thing that a screen reader hears of.
struct Heard {
    role: AccessibleRole,
    label: String,
    /// Whether it can be pressed.
    pressed: bool,
}

fn of(item: &ItemRc) -> Option<Heard> {
    let said = |what| item.accessible_string_property(what).unwrap_or_default();
    let role = item.accessible_role();
    let can = item.supported_accessibility_actions().contains(SupportedAccessibilityAction::Default);
    let enabled = said(AccessibleStringProperty::Enabled) != "false";
    let label = said(AccessibleStringProperty::Label).to_string();
    // A line that opens nothing has an action that does nothing.
    let pressed = can && enabled && role != AccessibleRole::Text && does_something(item, role);
    (role != AccessibleRole::None).then_some(Heard { role, label, pressed })
}

fn does_something(item: &ItemRc, role: AccessibleRole) -> bool {
    let is = |what| item.accessible_string_property(what).is_some_and(|said| said == "true");
    let does = is(AccessibleStringProperty::ItemSelectable) || is(AccessibleStringProperty::Expandable);
    role != AccessibleRole::ListItem || does
}

fn look(item: &ItemRc, at: &mut dyn FnMut(&ItemRc)) {
    at(item);
    let mut child = item.first_child();
    while let Some(next) = child {
        look(&next, at);
        child = next.next_sibling();
    }
}

/// The name of the control that has the focus.
fn focused(frame: &Frame) -> Option<String> {
    let mut at = WindowInner::from_pub(frame.window()).focus_item.borrow().upgrade();
    while let Some(item) = at {
        if let Some(heard) = of(&item).filter(|heard| heard.pressed) {
            return Some(heard.label);
        }
        at = item.parent_item(ParentItemTraversalMode::StopAtPopups);
    }
    None
}

/// Says what a screen reader could not name, and what the Tab key does not come to.
pub fn faults(frame: &Frame) -> Vec<String> {
    let mut all = Vec::new();
    let root = ItemRc::new_root(WindowInner::from_pub(frame.window()).component());
    look(&root, &mut |item| all.extend(of(item)));
    let mut faults = Vec::new();
    for one in &all {
        let is_control = !matches!(one.role, AccessibleRole::Text | AccessibleRole::Image | AccessibleRole::Groupbox);
        if is_control && one.label.is_empty() {
            faults.push(format!("a {:?} has no name", one.role));
        }
    }
    let (mut reached, mut first) = (BTreeSet::new(), None);
    for _ in 0..TABS {
        frame.window().dispatch_event(WindowEvent::KeyPressed { text: Key::Tab.into() });
        frame.window().dispatch_event(WindowEvent::KeyReleased { text: Key::Tab.into() });
        reached.extend(focused(frame));
        // Around: what comes now was there.
        let at = WindowInner::from_pub(frame.window()).focus_item.borrow().upgrade();
        if first.is_some() && at == first {
            break;
        }
        first = first.or(at);
    }
    let lost = all.iter().filter(|one| one.pressed && !reached.contains(&one.label));
    faults.extend(lost.map(|one| format!("the Tab key does not come to `{}`", one.label)));
    if reached.is_empty() {
        faults.push("nothing is reached by the keyboard".to_owned());
    }
    faults
}

/// Presses Tab until it comes to the control with that name, then the space bar; whether it came there.
pub fn press(frame: &Frame, label: &str) -> bool {
    let key = |text: slint::SharedString| {
        frame.window().dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
        frame.window().dispatch_event(WindowEvent::KeyReleased { text });
    };
    for _ in 0..TABS {
        key(Key::Tab.into());
        if focused(frame).as_deref() == Some(label) {
            key(" ".into());
            return true;
        }
    }
    false
}

/// Whether the box with that name is ticked.
pub fn is_ticked(frame: &Frame, label: &str) -> bool {
    let mut ticked = false;
    look(&ItemRc::new_root(WindowInner::from_pub(frame.window()).component()), &mut |item| {
        let said = |what| item.accessible_string_property(what).unwrap_or_default();
        if item.accessible_role() == AccessibleRole::Checkbox && said(AccessibleStringProperty::Label) == label {
            ticked = said(AccessibleStringProperty::Checked) == "true";
        }
    });
    ticked
}

/// The name of the control that has the focus, or nothing.
pub fn in_focus(frame: &Frame) -> String {
    focused(frame).unwrap_or_default()
}
