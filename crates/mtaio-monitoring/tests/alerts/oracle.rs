//! The same decision, made differently: the whole series lies open, and episodes are looked for in it.

use mtaio_monitoring::alerts::{Change, Rule, RuleOptions, Watch};
use proptest::prelude::*;

/// A value at a time in nanoseconds; no value is a hole.
type Point = (u64, Option<f64>);

/// What is said at each point. An episode begins at the first point at which the values have been beyond the
/// threshold for long enough, without an end and without a hole; it ends at the first value that is good enough.
fn said(series: &[Point], rule: &Rule) -> Vec<Option<Change>> {
    let mut said = vec![None; series.len()];
    let mut from = 0;
    while let Some(begin) = (from..series.len()).find(|&at| lasts_until(series, from, at, rule)) {
        said[begin] = Some(Change::Exceeded);
        let good = |value: f64| {
            if rule.below { value >= rule.clear } else { value <= rule.clear }
        };
        let end = (begin + 1..series.len()).find(|&at| series[at].1.is_some_and(good));
        let mut told = series[begin].0;
        for at in begin + 1..end.unwrap_or(series.len()) {
            let due = rule.repeat_ns.is_some_and(|repeat| series[at].0 - told >= repeat);
            if due && series[at].1.is_some() {
                said[at] = Some(Change::StillExceeded);
                told = series[at].0;
            }
        }
        let Some(end) = end else { break };
        said[end] = Some(Change::Cleared);
        from = end + 1;
    }
    said
}

/// Whether the run of crossings that ends at `at`, and began no earlier than `from`, has lasted long enough.
fn lasts_until(series: &[Point], from: usize, at: usize, rule: &Rule) -> bool {
    let beyond = |point: &Point| {
        point.1.is_some_and(|value| if rule.below { value < rule.threshold } else { value > rule.threshold })
    };
    let run = series[from..=at].iter().rev().take_while(|point| beyond(point)).count();
    run > 0 && series[at].0 - series[at + 1 - run].0 >= rule.for_ns
}

fn rule() -> impl Strategy<Value = Rule> {
    let for_seconds = prop_oneof![Just(0.0), 0.0..4.0];
    let repeat_seconds = proptest::option::of(0.1..5.0);
    (any::<bool>(), proptest::option::of(0..4_i8), for_seconds, repeat_seconds).prop_map(
        |(below, clear, for_seconds, repeat_seconds)| {
            let away = |steps: i8| f64::from(if below { 5 + steps } else { 5 - steps });
            let clear = clear.map(away);
            let options = RuleOptions { below, clear, for_seconds, repeat_seconds, ..RuleOptions::default() };
            Rule::new("v", 5.0, options).expect("a sound rule")
        },
    )
}

fn series() -> impl Strategy<Value = Vec<Point>> {
    // Whole values, so that thresholds are met exactly, and times that are sometimes equal.
    let value = proptest::option::weighted(0.95, (0..=10_i8).prop_map(f64::from));
    let steps = proptest::collection::vec((0..2_000_000_000_u64, value), 0..60);
    steps.prop_map(|steps| {
        let mut now = 0;
        steps
            .into_iter()
            .map(|(step, value)| {
                now += step;
                (now, value)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_threshold_says_what_the_oracle_says(rule in rule(), series in series()) {
        let mut watch = Watch::new(rule.clone());
        let mut firing = false;
        let expected = said(&series, &rule);
        for (at, (now, value)) in series.iter().enumerate() {
            let change = match value {
                Some(value) => watch.observe(*value, *now),
                None => {
                    watch.skip();
                    None
                }
            };
            prop_assert_eq!(change, expected[at], "at {} of {:?}", at, series);
            firing = match change {
                Some(Change::Exceeded) => true,
                Some(Change::Cleared) => false,
                _ => firing,
            };
            prop_assert_eq!(watch.is_firing(), firing);
            prop_assert!(!(watch.is_firing() && watch.is_pending()));
        }
    }
}
