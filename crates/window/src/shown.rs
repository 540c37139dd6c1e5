//! From [`View`] to the properties of the window, and nothing else.

use std::rc::Rc;

use slint::{Model, ModelRc, SharedString, VecModel};

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

/// The rows that are shown, brought up to date in their places: a row that is made anew loses the keyboard's focus, and a screen reader its place.
fn rows<T: Clone + PartialEq + 'static>(shown: ModelRc<T>, items: impl Iterator<Item = T>) -> ModelRc<T> {
    let Some(rows) = shown.as_any().downcast_ref::<VecModel<T>>() else {
        return ModelRc::from(Rc::new(items.collect::<VecModel<T>>()));
    };
    let mut count = 0;
    for item in items {
        match rows.row_data(count) {
            Some(old) if old == item => {}
            Some(_) => rows.set_row_data(count, item),
            None => rows.push(item),
        }
        count += 1;
    }
    while rows.row_count() > count {
        rows.remove(rows.row_count() - 1);
    }
    shown
}

/// The longest word of a text: the one that a narrow window would break.
fn longest(text: &str) -> &str {
    text.split_whitespace().max_by_key(|word| word.chars().count()).unwrap_or_default()
}

/// Shows it.
pub fn show(frame: &Frame, view: &View) {
    frame.set_page(number(view.page));
    frame.set_tabs(rows(frame.get_tabs(), view.tabs.iter().map(SharedString::from)));
    frame.set_heading((&view.title).into());
    frame.set_longest(longest(&view.title).into());
    frame.set_lead((&view.lead).into());
    frame.set_status((&view.status).into());
    frame.set_detail((&view.detail).into());
    frame.set_tone(tone(view.tone));
    frame.set_notice((&view.notice).into());
    frame.set_progress(view.progress.unwrap_or(NOTHING_RUNS));
    frame.set_cards(rows(
        frame.get_cards(),
        view.cards.iter().map(|card| CardItem {
            title: (&card.title).into(),
            when: (&card.when).into(),
            detail: (&card.detail).into(),
            about: (&card.about).into(),
            mark: (&card.mark).into(),
            chosen: card.chosen,
        }),
    ));
    frame.set_groups(rows(
        frame.get_groups(),
        view.groups.iter().map(|group| GroupItem {
            title: (&group.title).into(),
            detail: (&group.detail).into(),
            ticked: group.ticked,
            locked: group.locked,
            heading: group.heading,
        }),
    ));
    frame.set_lines(rows(
        frame.get_lines(),
        view.lines.iter().map(|line| LineItem {
            title: (&line.title).into(),
            detail: (&line.detail).into(),
            tone: tone(line.tone),
            kind: kind(line.kind),
        }),
    ));
    frame.set_signs(view.lines.iter().any(|line| tone(line.tone) != 0));
    frame.set_foot((&view.foot).into());
    frame.set_main((&view.main).into());
    frame.set_main_enabled(view.main_enabled);
    frame.set_second((&view.second).into());
    frame.set_third((&view.third).into());
}
