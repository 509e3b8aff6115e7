//! The screen as a picture.

use expect_test::{ExpectFile, expect_file};
use mtaio_monitoring_cli::{Appearance, Screen, View};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use crate::scene::{busy, hostile, unmeasured};

fn draw(view: &View, width: u16, height: u16, appearance: &Appearance) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| frame.render_widget(Screen::new(view, 72.4, appearance), frame.area())).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters of a buffer, without blanks at the ends of lines.
pub(crate) fn picture(buffer: &Buffer) -> String {
    let rows = buffer.content.chunks(usize::from(buffer.area.width));
    let line = |row: &[ratatui::buffer::Cell]| {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            // What stands behind the left half of a wide character is not shown.
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = ratatui::text::Span::raw(cell.symbol()).width();
            }
            covered = covered.saturating_sub(1);
        }
        line.trim_end().to_owned() + "\n"
    };
    rows.map(line).collect()
}

fn check(view: &View, (width, height): (u16, u16), expected: &ExpectFile) {
    expected.assert_eq(&picture(&draw(view, width, height, &Appearance::plain())));
}

#[test]
fn a_busy_service_at_80_by_24() {
    check(&busy(), (80, 24), &expect_file!["pictures/busy-80x24.txt"]);
}

#[test]
fn a_busy_service_at_120_by_40() {
    check(&busy(), (120, 40), &expect_file!["pictures/busy-120x40.txt"]);
}

#[test]
fn a_busy_service_on_a_small_screen() {
    check(&busy(), (40, 12), &expect_file!["pictures/busy-40x12.txt"]);
}

#[test]
fn what_was_not_measured_shows_as_a_dash() {
    check(&unmeasured(), (80, 24), &expect_file!["pictures/unmeasured-80x24.txt"]);
    let mut before_the_first_sample = unmeasured();
    before_the_first_sample.snapshot.stats = None;
    before_the_first_sample.history.clear();
    check(&before_the_first_sample, (80, 24), &expect_file!["pictures/before-80x24.txt"]);
}

#[test]
fn hostile_text_shows_as_text() {
    check(&hostile(), (120, 40), &expect_file!["pictures/hostile-120x40.txt"]);
}

#[test]
fn no_colour_where_none_is_wanted() {
    let colours = |appearance| {
        let buffer = draw(&busy(), 120, 40, &appearance);
        buffer.content.iter().filter(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset)).count()
    };
    assert_eq!(colours(Appearance::plain()), 0);
    assert!(colours(Appearance::colored()) > 100);
    // The words are the same: no meaning is carried by colour alone.
    let [plain, colored] = [Appearance::plain(), Appearance::colored()]
        .map(|appearance| picture(&draw(&busy(), 120, 40, &appearance)));
    assert_eq!(plain, colored);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_size_is_drawn_and_no_control_character_ever(width in 1_u16..200, height in 1_u16..60, scene in 0..3) {
        let view = [busy, unmeasured, hostile][scene as usize]();
        let buffer = draw(&view, width, height, &Appearance::colored());
        prop_assert!(!buffer.content.iter().any(|cell| cell.symbol().chars().any(char::is_control)));
        // One column is the margin.
        prop_assert!(width == 1 || !picture(&buffer).trim().is_empty());
    }
}
