//! From [`View`] to the properties of the window, and nothing else.

use std::rc::Rc;

use slint::{ModelRc, SharedString, VecModel};

use crate::ui::{CardItem, Frame, GroupItem, LineItem};
use crate::view::{Kind, Page, Tone, View};

/// Below any progress: nothing runs.
const NOTHING_RUNS: f32 = -2.0;

fn tone(tone: Tone) -> i32 {
    match tone {
        Tone::Plain => 0,
        Tone::Good => 1,
        Tone::Attention => 2,
        Tone::Off => 3,
    }
}

fn kind(kind: Kind) -> i32 {
    match kind {
        Kind::Plain => 0,
        Kind::Heading => 1,
        Kind::Closed => 2,
        Kind::Open => 3,
        Kind::Inner => 4,
    }
}

/// The number by which `ui` knows a page.
pub fn number(page: Page) -> i32 {
    match page {
        Page::Backup => 0,
        Page::Restore => 1,
        Page::Privacy => 2,
        Page::Welcome => 3,
    }
}

/// The page with that number.
pub fn page(number: i32) -> Page {
    match number {
        1 => Page::Restore,
        2 => Page::Privacy,
        3 => Page::Welcome,
        _ => Page::Backup,
    }
}

fn model<T: Clone + 'static>(items: impl Iterator<Item = T>) -> ModelRc<T> {
    ModelRc::from(Rc::new(items.collect::<VecModel<T>>()))
}

/// Shows it.
pub fn show(frame: &Frame, view: &View) {
    frame.set_page(number(view.page));
    frame.set_tabs(model(view.tabs.iter().map(SharedString::from)));
    frame.set_heading((&view.title).into());
    frame.set_lead((&view.lead).into());
    frame.set_status((&view.status).into());
    frame.set_detail((&view.detail).into());
    frame.set_tone(tone(view.tone));
    frame.set_notice((&view.notice).into());
    frame.set_progress(view.progress.unwrap_or(NOTHING_RUNS));
    frame.set_cards(model(view.cards.iter().map(|card| CardItem {
        title: (&card.title).into(),
        when: (&card.when).into(),
        detail: (&card.detail).into(),
        about: (&card.about).into(),
        mark: (&card.mark).into(),
        chosen: card.chosen,
    })));
    frame.set_groups(model(view.groups.iter().map(|group| GroupItem {
        title: (&group.title).into(),
        detail: (&group.detail).into(),
        ticked: group.ticked,
        locked: group.locked,
        heading: group.heading,
    })));
    frame.set_lines(model(view.lines.iter().map(|line| LineItem {
        title: (&line.title).into(),
        detail: (&line.detail).into(),
        tone: tone(line.tone),
        kind: kind(line.kind),
    })));
    frame.set_foot((&view.foot).into());
    frame.set_main((&view.main).into());
    frame.set_main_enabled(view.main_enabled);
    frame.set_second((&view.second).into());
    frame.set_third((&view.third).into());
}
