//! What people read.

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::profiler::Profile;
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::{profiles, service};

fn check(profile: &Profile, expected: &str) {
    assert_eq!(profile.to_string().trim_end(), expected.trim_matches('\n'), "\n{profile}");
}

#[test]
fn a_service() {
    check(
        &service(),
        "
5 traces of 3 names in 60.0 ms, 2 tasks

NAME     CALLS    TOTAL      RUN     WAIT     MEAN      P50      P90      P99  MEMORY  ERRORS
request      2  80.0 ms  24.0 ms  56.0 ms  40.0 ms  40.0 ms  40.0 ms  40.0 ms     0 B       0
serve        1  60.0 ms  20.0 ms  40.0 ms  60.0 ms  60.0 ms  60.0 ms  60.0 ms     0 B       0
query        2  40.0 ms  2.00 ms  38.0 ms  20.0 ms  20.0 ms  20.0 ms  20.0 ms     0 B       1

CALL TREE  CALLS    TOTAL     SELF
serve          1  60.0 ms  20.0 ms
  request      2  80.0 ms  40.0 ms
    query      2  40.0 ms  40.0 ms
",
    );
}

#[test]
fn nothing_recorded() {
    check(&Profiler::new().profile(), "0 traces of 0 names in 0 ns, 0 tasks");
}

#[test]
fn what_is_missing_is_told() {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(1, &clock);
    let _open = profiler.enter("応答\u{1b}");
    for _ in 0..3 {
        let _step = profiler.enter("step");
        hand.advance(1.5);
    }
    let text = profiler.profile().to_string();
    let expected = "
CALL TREE            CALLS   TOTAL    SELF
応答\\u{1b} (1 open)      1  4.50 s  3.00 s
  step                   1  1.50 s  1.50 s

2 traces were let go: counted in the table, not in the call tree
1 trace is open: 応答\\u{1b} for 4.50 s
";
    assert!(text.ends_with(expected), "{text}");
    assert!(text.contains("step      3  4.50 s"), "{text}");
}

#[test]
fn what_does_not_fit_a_screen_is_counted() {
    let profiler = Profiler::new();
    for name in 0..42 {
        drop(profiler.enter(&format!("name {name} {}", "long ".repeat(20))));
    }
    let profile = profiler.profile();
    let text = profile.to_string();
    assert!(text.contains("\n… and 12 more\n"), "{text}");
    assert!(text.contains("\n… and 32 more\n"), "{text}");
    assert!(text.lines().all(|line| line.width() <= 140), "{text}");
    let whole = format!("{profile:#}");
    assert!(!whole.contains("… and"), "{whole}");
    assert_eq!(whole.lines().count(), 1 + 2 * (1 + 1 + 42));
}

proptest! {
    #[test]
    fn every_line_is_visible_and_columns_stand_below_each_other(profile in profiles()) {
        let text = format!("{profile:#}");
        prop_assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
        let mut rows = text.lines().skip_while(|line| !line.starts_with("NAME"));
        let width = rows.next().map_or(0, UnicodeWidthStr::width);
        prop_assert!(rows.take_while(|line| !line.is_empty()).all(|line| line.width() == width), "{}", text);
    }
}
