//! What is on the screen, as pictures.

use expect_test::{ExpectFile, expect_file};
use mtaio_monitoring_cli::Appearance;
use mtaio_monitoring_cli::top::{Event, Key, Lists, Observation, Remote, Top, TopScreen};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::widgets::Widget;

use crate::scene::{HOSTILE, hostile, unmeasured, watched};
use crate::screen::picture;

pub(super) fn top(observation: Observation, (columns, rows): (u16, u16)) -> Top {
    Top::new(observation, (columns, rows))
}

fn draw(top: &Top, (columns, rows): (u16, u16), appearance: &Appearance, ascii: bool) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    TopScreen::new(top, appearance, ascii).render(buffer.area, &mut buffer);
    buffer
}

pub(super) fn text(top: &Top, size: (u16, u16)) -> String {
    picture(&draw(top, size, &Appearance::plain(), false))
}

pub(super) fn press(top: &mut Top, keys: &[Key]) {
    for key in keys {
        top.apply(Event::Key(*key));
    }
}

fn check(size: (u16, u16), keys: &[Key], expected: &ExpectFile) {
    let mut top = top(watched(), size);
    press(&mut top, keys);
    expected.assert_eq(&text(&top, size));
}

#[test]
fn a_busy_service_at_80_by_24() {
    check((80, 24), &[], &expect_file!["../pictures/top-80x24.txt"]);
}

#[test]
fn a_busy_service_at_120_by_40() {
    check((120, 40), &[], &expect_file!["../pictures/top-120x40.txt"]);
}

#[test]
fn the_smallest_screen_and_one_that_is_smaller() {
    check((60, 18), &[], &expect_file!["../pictures/top-60x18.txt"]);
    let small = text(&top(watched(), (59, 18)), (59, 18));
    assert_eq!(small.trim(), "mtaio top needs 60 columns and 18 rows; here are 59 and 18");
}

#[test]
fn a_panel_alone() {
    check((80, 24), &[Key::Char('1'), Key::Enter], &expect_file!["../pictures/top-processors.txt"]);
    check((80, 24), &[Key::Char('3'), Key::Enter], &expect_file!["../pictures/top-disks.txt"]);
    check((80, 24), &[Key::Char('4'), Key::Enter], &expect_file!["../pictures/top-network.txt"]);
    check((80, 24), &[Key::Char('8'), Key::Enter], &expect_file!["../pictures/top-alerts.txt"]);
}

#[test]
fn an_earlier_moment_with_the_gap_that_was_there() {
    let keys = [Key::Char('-'), Key::Char('p'), Key::Left, Key::Left, Key::Left];
    check((80, 24), &keys, &expect_file!["../pictures/top-held.txt"]);
}

#[test]
fn charts_of_more_time_than_they_have_dots_for_show_bands() {
    let keys = [Key::Char('2'), Key::Char('1'), Key::Enter, Key::Char('+'), Key::Char('+')];
    check((80, 24), &keys, &expect_file!["../pictures/top-bands.txt"]);
}

#[test]
fn the_keys_are_explained() {
    check((80, 24), &[Key::Char('?')], &expect_file!["../pictures/top-keys.txt"]);
}

#[test]
fn nothing_but_ascii_where_that_is_wanted() {
    let mut top = top(watched(), (80, 24));
    let picture = picture(&draw(&top, (80, 24), &Appearance::plain(), true));
    assert!(picture.is_ascii(), "{picture}");
    expect_file!["../pictures/top-ascii.txt"].assert_eq(&picture);
    press(&mut top, &[Key::Char('?')]);
    assert!(self::picture(&draw(&top, (80, 24), &Appearance::plain(), true)).is_ascii());
}

#[test]
fn nothing_measured_and_nothing_sampled() {
    let observation = Observation { host_name: None, view: unmeasured(), lists: None, remote: None };
    let shown = text(&top(observation.clone(), (80, 24)), (80, 24));
    expect_file!["../pictures/top-unmeasured.txt"].assert_eq(&shown);
    let mut before = observation;
    before.view.snapshot.stats = None;
    before.view.history.clear();
    expect_file!["../pictures/top-before.txt"].assert_eq(&text(&top(before, (80, 24)), (80, 24)));
}

/// Hostile text wherever text can come from.
fn attacked() -> Observation {
    let mut observation = Observation { view: hostile(), ..watched() };
    let Lists { details, processes } = observation.lists.as_mut().unwrap();
    observation.host_name = Some(HOSTILE.repeat(3));
    processes.iter_mut().flatten().for_each(|process| process.name = HOSTILE.to_owned());
    details.disks.iter_mut().flatten().for_each(|disk| disk.name = HOSTILE.to_owned());
    details.interfaces.iter_mut().flatten().for_each(|interface| interface.name = HOSTILE.to_owned());
    for mount in details.filesystems.iter_mut().flatten() {
        (mount.mount_point, mount.kind) = (HOSTILE.repeat(4), HOSTILE.to_owned());
    }
    // Of times that are none no sample is kept; these are kept.
    for (at, stats) in observation.view.history.iter_mut().enumerate() {
        stats.timestamp = crate::scene::MIDNIGHT + at as f64;
        stats.io.read_bytes_per_second = Some(f64::INFINITY);
        stats.network.receive_bytes_per_second = Some(f64::NAN);
        stats.network.transmit_bytes_per_second = Some(-f64::MAX);
    }
    observation
}

/// As a process tells it that is far away: without lists.
fn from_afar(trouble: Option<&str>) -> Observation {
    let remote = Some(Remote { trouble: trouble.map(str::to_owned) });
    Observation { lists: Some(Lists::default()), remote, ..watched() }
}

#[test]
fn what_is_not_told_from_afar_is_not_shown_as_none() {
    expect_file!["../pictures/top-far.txt"].assert_eq(&text(&top(from_afar(None), (80, 24)), (80, 24)));
    for (panel, name) in [('1', "cores"), ('3', "disks"), ('4', "interfaces"), ('6', "processes")] {
        let mut top = top(from_afar(None), (80, 24));
        press(&mut top, &[Key::Char(panel), Key::Enter]);
        let shown = text(&top, (80, 24));
        assert!(!shown.contains("nothing"), "{name}: {shown}");
    }
}

#[test]
fn who_is_away_is_named_at_the_foot_whatever_its_words() {
    let mut top = top(from_afar(None), (80, 24));
    let mut away = from_afar(Some(&format!("http://10.0.0.7:8000/: the connection failed {HOSTILE}")));
    (away.lists, away.view.history) = (None, Vec::new());
    top.take_in(away);
    expect_file!["../pictures/top-away.txt"].assert_eq(&text(&top, (80, 24)));
    top.take_in(from_afar(None));
    assert!(text(&top, (80, 24)).contains("? help"));
}

#[test]
fn hostile_text_shows_as_text() {
    let mut top = top(attacked(), (120, 40));
    expect_file!["../pictures/top-hostile.txt"].assert_eq(&text(&top, (120, 40)));
    // What is typed is as foreign: a terminal can be made to send anything.
    press(&mut top, &[Key::Char('/'), Key::Char('\u{202e}'), Key::Char('\u{9b}')]);
    let foot = text(&top, (120, 40)).lines().last().unwrap().to_owned();
    assert!(foot.starts_with(" filter: \\u{202e}\\u{9b}_"), "{foot}");
}

#[test]
fn no_colour_where_none_is_wanted() {
    let top = top(watched(), (120, 40));
    let colours = |appearance| {
        let buffer = draw(&top, (120, 40), &appearance, false);
        buffer.content.iter().filter(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset)).count()
    };
    assert_eq!(colours(Appearance::plain()), 0);
    assert_eq!(colours(Appearance::colored().without_color()), 0);
    assert!(colours(Appearance::colored()) > 100);
    let [plain, colored] = [Appearance::plain(), Appearance::colored()]
        .map(|appearance| picture(&draw(&top, (120, 40), &appearance, false)));
    assert_eq!(plain, colored);
}

fn event() -> impl Strategy<Value = Event> {
    let special = [
        Key::Enter,
        Key::Escape,
        Key::Tab,
        Key::BackTab,
        Key::Backspace,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::Home,
        Key::End,
        Key::PageUp,
        Key::PageDown,
        Key::F1,
        Key::Control('c'),
        Key::Control('l'),
    ];
    let letters: Vec<char> = "12345678zh?/ p[]{}+-=s<>rPMjkgGqx\u{301}長".chars().collect();
    prop_oneof![
        prop::sample::select(special.to_vec()).prop_map(Event::Key),
        prop::sample::select(letters).prop_map(|letter| Event::Key(Key::Char(letter))),
        (0_u16..210, 0_u16..70).prop_map(|(column, row)| Event::Click { column, row }),
        (any::<bool>(), 0_u16..210, 0_u16..70).prop_map(|(up, column, row)| Event::Wheel { up, column, row }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_done_is_drawn_and_no_control_character_ever(
        size in (1_u16..200, 1_u16..60),
        events in prop::collection::vec(event(), 0..30),
        scene in 0..3,
        ascii in any::<bool>(),
    ) {
        let nothing = || Observation { host_name: None, view: unmeasured(), lists: None, remote: None };
        let observations: [fn() -> Observation; 3] = [watched, attacked, nothing];
        let mut top = top(observations[scene as usize](), size);
        for event in events {
            top.apply(event);
            let buffer = draw(&top, size, &Appearance::colored(), ascii);
            prop_assert!(!buffer.content.iter().any(|cell| cell.symbol().chars().any(char::is_control)));
            prop_assert!(!ascii || buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
        }
        // Another look, with what is listed gone.
        top.take_in(Observation { lists: None, ..observations[(scene as usize + 1) % 3]() });
        draw(&top, size, &Appearance::plain(), ascii);
    }
}

#[test]
fn processes_are_in_the_order_that_was_asked_for() {
    let names = |keys: &[Key]| -> Vec<String> {
        let mut top = top(watched(), (80, 24));
        press(&mut top, &[&[Key::Enter], keys].concat());
        let text = text(&top, (80, 24));
        let rows = text.lines().skip(4).take(3);
        rows.map(|row| row.split_whitespace().nth(1).unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["postgres", "python3", "node"]);
    assert_eq!(names(&[Key::Char('s')]), ["java", "chrome", "python3"]);
    assert_eq!(names(&[Key::Char('M')]), ["java", "chrome", "python3"]);
    assert_eq!(names(&[Key::Char('>'), Key::Char('>')])[0], "java");
    assert_eq!(names(&[Key::Char('<')]), ["bash", "chrome", "cron"]);
    assert_eq!(names(&[Key::Char('<'), Key::Char('<')])[0], "systemd");
    assert_eq!(names(&[Key::Char('<'), Key::Char('<'), Key::Char('r')])[0], "mtaio");
    assert_eq!(names(&[Key::Char('s'), Key::Char('P')])[0], "postgres");
}
