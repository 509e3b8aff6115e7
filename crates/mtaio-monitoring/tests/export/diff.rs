//! Two profiles beside each other.

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::profiler::Profile;
use proptest::prelude::*;

use super::profiles;

fn traced(lengths: &[(&str, f64)]) -> Profile {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(100, &clock);
    for (name, seconds) in lengths {
        let _trace = profiler.enter(name);
        hand.advance(*seconds);
    }
    profiler.profile()
}

#[test]
fn what_changed_the_most_comes_first() {
    let before = traced(&[("parse", 0.1), ("load", 1.0), ("gone", 0.05), ("same", 2.0)]);
    let after = traced(&[("parse", 0.15), ("parse", 0.15), ("load", 0.25), ("new", 0.3), ("same", 2.0)]);
    let diff = before.diff(&after);
    let expected = "
4 traces → 5 traces, total 3.15 s → 2.85 s (-300 ms)

NAME    CHANGE                     TOTAL  CALLS               MEAN                P50                P99
load   -750 ms   -75.0 %  1.00 s → 250 ms  1 → 1   1.00 s → 250 ms    1.00 s → 250 ms    1.00 s → 250 ms
new    +300 ms       new       – → 300 ms  – → 1        – → 300 ms         – → 300 ms         – → 300 ms
parse  +200 ms  +200.0 %  100 ms → 300 ms  1 → 2   100 ms → 150 ms    100 ms → 150 ms    100 ms → 150 ms
gone  -50.0 ms      gone      50.0 ms → –  1 → –       50.0 ms → –        50.0 ms → –        50.0 ms → –

1 name is the same in both
";
    let squeezed = |text: &str| {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.trim().lines().map(words).collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&diff.to_string()), squeezed(expected), "{diff}");
    let load = &diff.rows()[0];
    assert_eq!((&*load.name, load.calls_change(), load.is_new(), load.is_gone()), ("load", 0, false, false));
    assert!((load.total_change() + 0.75).abs() < 1e-9 && (load.total_change_share().unwrap() + 0.75).abs() < 1e-9);
    assert!((load.mean_change().unwrap() + 0.75).abs() < 1e-9 && load.mean_change_share().unwrap() < -0.7);
    assert_eq!((diff.rows()[1].total_change_share(), diff.rows()[1].mean_change()), (None, None));
}

proptest! {
    #[test]
    fn there_and_back_is_the_opposite(before in profiles(), after in profiles()) {
        let (there, back) = (before.diff(&after), after.diff(&before));
        prop_assert_eq!(there.rows().len(), back.rows().len());
        for row in there.rows() {
            let opposite = back.rows().iter().find(|other| other.name == row.name).unwrap();
            prop_assert_eq!((&row.before, &row.after), (&opposite.after, &opposite.before));
            prop_assert_eq!(row.total_change(), -opposite.total_change());
            prop_assert_eq!(row.calls_change(), -opposite.calls_change());
        }
        prop_assert!(there.rows().is_sorted_by(|a, b| a.total_change().abs() >= b.total_change().abs()));
        let same = before.diff(&before);
        prop_assert!(same.rows().iter().all(|row| row.before == row.after));
        let _ = (format!("{there}"), format!("{there:#}"));
    }
}
