//! *Welcome back* where the organisation has the newest backup restored without asking.

use serde_json::json;

use crate::call::{Call, Remember};
use crate::controller::Command;
use crate::controller_tests::{choice, looked, no, seen};
use crate::samples::{restored, unasked};
use crate::view::{Page, Tone};

#[test]
fn welcome_back_restores_without_a_question_where_the_organisation_wants_that() {
    let restore = || Call::Restore(choice(&[]), None);
    let (mut controller, calls) = unasked();
    assert_eq!(calls, [restore()], "nothing else runs beside it");
    let view = seen(&controller);
    assert_eq!((view.title.as_str(), view.status.as_str()), ("Welcome back, Mia", "Restoring"));
    assert!(view.lead.starts_with("Your organisation has this PC set up as OLD-PC was"), "{}", view.lead);
    assert!(view.cards.is_empty() && view.second.is_empty() && view.main.is_empty(), "there is no question");
    assert_eq!(view.third, "To the desktop");
    assert_eq!(controller.command(Command::Refresh), [], "and none to go back to");
    assert_eq!(controller.command(Command::Main), []);
    let calls = controller.ended(restore(), Ok(restored()));
    assert_eq!(calls, [Call::Schedule, Call::Status, Call::Remember(Remember::Restored)], "it counts as answered");
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.second.as_str()), ("Restored", "Undo"));
    assert_eq!(controller.command(Command::Refresh), [], "it is not restored twice");
    assert_eq!(controller.command(Command::Second), [Call::Undo]);
    controller.ended(Call::Undo, Ok(json!({ "applied": [{}] })));
    assert_eq!(controller.command(Command::Main), []);
    assert!(controller.is_closed());
}

#[test]
fn a_restore_without_a_question_that_fails_says_why_and_comes_again() {
    let restore = || Call::Restore(choice(&[]), None);
    let (mut controller, _) = unasked();
    assert_eq!(controller.ended(restore(), Err(no("server_unreachable"))), [Call::Schedule, Call::Status]);
    let view = seen(&controller);
    assert_eq!((view.tone, view.status.as_str()), (Tone::Attention, "The server cannot be reached"));
    assert_eq!((view.main.as_str(), view.third.as_str()), ("Try again", "Not now"));
    assert_eq!(controller.command(Command::Main), [restore()], "tried again, still without a question");
    controller.ended(restore(), Err(no("policy_off")));
    // Closed without an answer: the page is due again.
    assert_eq!(controller.command(Command::Third), []);
    assert!(controller.is_closed());
}

#[test]
fn a_person_has_their_desktop_while_a_restore_of_welcome_back_goes_on() {
    let mut asked = looked(Page::Welcome);
    asked.command(Command::Main);
    for mut controller in [unasked().0, asked] {
        for command in [Command::Dismiss, Command::Third] {
            assert_eq!(controller.command(command), []);
            assert!(
                controller.steps_aside() && !controller.is_closed(),
                "{command:?}: what goes on has an end to tell"
            );
            assert!(!controller.steps_aside(), "once");
        }
    }
}
