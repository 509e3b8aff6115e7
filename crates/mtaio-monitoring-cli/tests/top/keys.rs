//! What keys and the mouse do: events in, state out.

use mtaio_monitoring_cli::top::{Event, Key, Observation, Order, Outcome, Panel, State, Top};

use super::pictures::{press, text, top};
use crate::scene::{MIDNIGHT, sample, unmeasured, watched};

const SIZE: (u16, u16) = (80, 24);
/// The time of the newest sample.
const NEWEST: f64 = MIDNIGHT + 59.0;

fn pressed(keys: &[Key]) -> Top {
    let mut top = top(watched(), SIZE);
    press(&mut top, keys);
    top
}

fn letters(text: &str) -> Vec<Key> {
    text.chars().map(Key::Char).collect()
}

/// The next second's sample, and no lists.
fn next(top: &mut Top, second: u32) {
    let mut observation = watched();
    observation.view.history = vec![sample(second)];
    observation.view.snapshot.stats = observation.view.history.last().cloned();
    top.take_in(observation);
}

#[test]
fn the_focus_goes_round_the_panels_that_are_there() {
    let mut top = pressed(&[]);
    let mut went = vec![top.state.focus];
    for _ in 0..8 {
        press(&mut top, &[Key::Tab]);
        went.push(top.state.focus);
    }
    let (before, after) = Panel::ALL.split_at(5);
    assert_eq!(went, [after, before, &after[..1]].concat());
    press(&mut top, &[Key::BackTab, Key::BackTab]);
    assert_eq!(top.state.focus, Panel::Network);
    press(&mut top, &letters("2"));
    assert_eq!(top.state.focus, Panel::Memory);
    // From a panel without rows arrows go to its neighbours.
    press(&mut top, &[Key::Down]);
    assert_eq!(top.state.focus, Panel::Disks);
    press(&mut top, &[Key::Up, Key::Char('k')]);
    assert_eq!(top.state.focus, Panel::Processors);

    // Panels that there is nothing for are passed over.
    let mut bare = Top::new(Observation { host_name: None, view: unmeasured(), lists: None, remote: None }, SIZE);
    press(&mut bare, &letters("8"));
    assert_eq!(bare.state.focus, Panel::Processes);
    let mut seen = Vec::new();
    for _ in 0..4 {
        press(&mut bare, &[Key::Tab]);
        seen.push(bare.state.focus);
    }
    assert_eq!(seen, [Panel::Memory, Panel::Disks, Panel::Network, Panel::Processors]);
}

#[test]
fn the_mouse_chooses_and_the_wheel_turns_what_is_below_it() {
    let mut top = pressed(&[]);
    top.apply(Event::Click { column: 70, row: 3 });
    assert_eq!(top.state.focus, Panel::Memory);
    // Neither the head nor what lies outside is a panel.
    top.apply(Event::Click { column: 3, row: 0 });
    top.apply(Event::Click { column: 500, row: 500 });
    assert_eq!(top.state.focus, Panel::Memory);
    let first_process = |top: &Top| {
        let text = text(top, SIZE);
        let rows: Vec<&str> = text.lines().collect();
        let heading = rows.iter().position(|row| row.contains("pid name")).unwrap();
        rows[heading + 1].split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(first_process(&top), "postgres");
    top.apply(Event::Wheel { up: false, column: 3, row: 20 });
    assert_ne!(first_process(&top), "postgres");
    top.apply(Event::Wheel { up: true, column: 3, row: 20 });
    assert_eq!(first_process(&top), "postgres");
    assert_eq!(top.state.focus, Panel::Memory);

    // Rows end, however far one goes.
    press(&mut top, &[Key::Char('6'), Key::End]);
    let last = first_process(&top);
    press(&mut top, &[Key::PageDown, Key::Down, Key::Char('G')]);
    assert_eq!(first_process(&top), last);
    press(&mut top, &[Key::PageUp]);
    assert_ne!(first_process(&top), last);
    press(&mut top, &[Key::Home]);
    assert_eq!(first_process(&top), "postgres");
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let mut top = pressed(&letters("/jAq"));
    // While it is typed, letters are letters.
    assert_eq!((top.state.filter.as_str(), top.state.typing), ("jAq", true));
    press(&mut top, &[Key::Backspace]);
    assert!(top.state.shows("java") && top.state.shows("JAVA") && !top.state.shows("bash"));
    assert!(text(&top, SIZE).contains("processes 1 of 12"));
    press(&mut top, &[Key::Enter]);
    assert!(!top.state.typing);
    assert!(text(&top, SIZE).contains("filter: jA  Esc clears"));
    press(&mut top, &[Key::Escape]);
    assert_eq!(top.state.filter, "");
    assert!(text(&top, SIZE).contains("processes 12"));
    // Esc while typing gives it up at once, and nothing is longer than a line.
    press(&mut top, &letters("/nobody has such a name"));
    assert!(text(&top, SIZE).contains("nothing with this in it"));
    press(&mut top, &[Key::Escape]);
    assert_eq!((top.state.filter.as_str(), top.state.typing), ("", false));
    press(&mut top, &letters(&format!("/{}", "x".repeat(1000))));
    assert_eq!(top.state.filter.len(), 64);
}

#[test]
fn a_moment_is_held_while_sampling_goes_on() {
    let mut top = pressed(&letters("p"));
    assert_eq!(top.state.held, Some(NEWEST));
    let before = text(&top, SIZE);
    next(&mut top, 60);
    next(&mut top, 61);
    assert_eq!(top.newest(), Some(NEWEST + 2.0));
    // Below what was sampled stand alerts and metrics, which are those of now.
    let sampled = |text: &str| text.lines().skip(1).take(13).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(sampled(&text(&top, SIZE)), sampled(&before));
    assert!(text(&top, SIZE).contains("00:00:59 held, 2s back"), "{}", text(&top, SIZE));
    press(&mut top, &letters(" "));
    assert_eq!(top.state.held, None);
    assert!(text(&top, SIZE).contains("00:01:01 live"));
}

#[test]
fn back_in_time_and_forwards_again() {
    // A chart of a minute goes back by six seconds.
    let mut top = pressed(&[Key::Left]);
    assert_eq!(top.state.held, Some(NEWEST - 6.0));
    press(&mut top, &letters("["));
    assert_eq!(top.state.held, Some(NEWEST - 12.0));
    let text = text(&top, SIZE);
    assert!(text.contains("00:00:47 held, 12s back"), "{text}");
    press(&mut top, &letters("]"));
    assert_eq!(top.state.held, Some(NEWEST - 6.0));
    press(&mut top, &[Key::Right]);
    assert_eq!(top.state.held, None);
    // No further than there is anything, in either direction.
    press(&mut top, &letters("{{{"));
    assert_eq!(top.state.held, Some(MIDNIGHT));
    press(&mut top, &letters("}}"));
    assert_eq!(top.state.held, None);
}

#[test]
fn charts_show_more_time_or_less() {
    let seconds = |keys: &str| pressed(&letters(keys)).state.span_seconds();
    assert_eq!(["", "-", "--", "+", "=", "++++++++++"].map(seconds), [60.0, 30.0, 30.0, 300.0, 300.0, 86_400.0]);
    // To begin with, a chart holds sixty samples at least.
    let begins = [0.001, 1.0, 2.0, 60.0, 86_400.0].map(|interval| State::new(interval).span_seconds());
    assert_eq!(begins, [60.0, 60.0, 300.0, 3_600.0, 86_400.0]);
}

#[test]
fn the_order_of_processes() {
    let order = |keys: &str| {
        let state = pressed(&letters(keys)).state;
        (state.order, state.reversed)
    };
    assert_eq!(order(""), (Order::Processor, false));
    assert_eq!(order("s"), (Order::Memory, false));
    assert_eq!(order("sssss"), (Order::Processor, false));
    assert_eq!(order("<"), (Order::Name, false));
    assert_eq!(order("r"), (Order::Processor, true));
    assert_eq!(order("M"), (Order::Memory, false));
    assert_eq!(order("MM"), (Order::Memory, true));
    assert_eq!(order("MMP"), (Order::Processor, false));
}

#[test]
fn escape_goes_back_a_step_at_a_time_and_then_ends() {
    let mut top = pressed(&letters("pz/a"));
    press(&mut top, &[Key::Enter, Key::Char('?')]);
    let state = |top: &Top| {
        let state = &top.state;
        (state.help, !state.filter.is_empty(), state.zoomed, state.held.is_some())
    };
    let escape = Event::Key(Key::Escape);
    let mut left = vec![state(&top)];
    for _ in 0..4 {
        assert_eq!(top.apply(escape), Outcome::Draw);
        left.push(state(&top));
    }
    let steps = [
        (true, true, true, true),
        (false, true, true, true),
        (false, false, true, true),
        (false, false, false, true),
        (false, false, false, false),
    ];
    assert_eq!(left, steps);
    assert_eq!(top.apply(escape), Outcome::End);
}

#[test]
fn some_keys_are_for_whoever_holds_the_terminal() {
    let outcome = |top: &mut Top, key| top.apply(Event::Key(key));
    let mut top = pressed(&[]);
    assert_eq!(outcome(&mut top, Key::Char('q')), Outcome::End);
    assert_eq!(outcome(&mut top, Key::Control('c')), Outcome::End);
    assert_eq!(outcome(&mut top, Key::Control('l')), Outcome::DrawAll);
    assert_eq!(outcome(&mut top, Key::Char('x')), Outcome::Draw);
    // Help is gone with the next key, which does nothing else; q ends all the same, and Ctrl-C where a filter is typed.
    press(&mut top, &letters("?z"));
    assert!(!top.state.help && !top.state.zoomed);
    press(&mut top, &letters("?"));
    assert_eq!(outcome(&mut top, Key::Char('q')), Outcome::End);
    press(&mut top, &letters("x/"));
    assert_eq!(outcome(&mut top, Key::Control('c')), Outcome::End);
}
