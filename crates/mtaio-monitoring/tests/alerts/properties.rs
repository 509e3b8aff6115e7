//! What holds of every rule, whatever is seen: in simulated time.

use mtaio_monitoring::alerts::{Change, Level, Moment, NoData, Rule, RuleOptions, Seen, Watch};
use proptest::prelude::*;

const SECOND_NS: u64 = 1_000_000_000;

/// A step: how much later, what is seen (`None`: a hole, nobody looked), and whether a silence is in force.
type Step = (u64, Option<Seen>, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Whole values, so that bounds are met exactly.
    let value = (0..=12_i8).prop_map(|value| Seen::Value(f64::from(value)));
    let seen = prop_oneof![
        12 => value.prop_map(Some),
        1 => Just(Some(Seen::Nothing)),
        1 => Just(Some(Seen::NotFinite)),
        1 => Just(Some(Seen::Time)),
        1 => Just(None),
    ];
    // Silences and series last a while; times are sometimes equal.
    let stretch = (proptest::collection::vec((0..3_u64, seen), 1..8), proptest::bool::weighted(0.2));
    proptest::collection::vec(stretch, 1..12).prop_map(|stretches| {
        let stretches = stretches.into_iter();
        stretches
            .flat_map(|(steps, muted)| {
                steps.into_iter().map(move |(later, seen)| (later * SECOND_NS, seen, muted))
            })
            .collect()
    })
}

fn seconds() -> impl Strategy<Value = f64> {
    prop_oneof![2 => Just(0.0), 1 => (1..6_u8).prop_map(f64::from)]
}

fn rule() -> impl Strategy<Value = Rule> {
    let no_data = prop_oneof![Just(NoData::Keep), Just(NoData::Resolve), Just(NoData::Alert)];
    let samples = prop_oneof![2 => Just((1, 1)), 1 => (1..4_u32, 0..3_u32).prop_map(|(n, more)| (n, n + more))];
    let bounds = (any::<bool>(), 0..4_i8, proptest::option::of(1..4_i8));
    let times = (seconds(), seconds(), seconds(), seconds(), proptest::option::of((1..5_u8).prop_map(f64::from)));
    (bounds, times, samples, no_data).prop_map(|((below, good, worse), times, samples, no_data)| {
        let beyond = |steps: i8| f64::from(if below { 6 - steps } else { 6 + steps });
        let (for_seconds, keep_firing_seconds, grace_seconds, cool_down_seconds, repeat_seconds) = times;
        let options = RuleOptions {
            below,
            clear: Some(beyond(-good)),
            critical: worse.map(beyond),
            for_seconds,
            keep_firing_seconds,
            grace_seconds,
            cool_down_seconds,
            repeat_seconds,
            samples,
            no_data,
            ..RuleOptions::default()
        };
        Rule::new("v", 6.0, options).expect("a sound rule")
    })
}

/// Runs the steps, and shows each to `see`: the watch before and after it, its moment, what was seen and what was told.
fn run(
    rule: &Rule,
    steps: &[Step],
    mut see: impl FnMut(&Watch, &Watch, Moment, Seen, Option<(Change, Level)>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut watch = Watch::new(rule.clone());
    let mut now_ns = 0;
    for (later, seen, muted) in steps {
        now_ns += later;
        let Some(seen) = *seen else {
            watch.skip();
            continue;
        };
        let moment = Moment { now_ns, interval_ns: SECOND_NS, muted: *muted };
        let before = watch.clone();
        let told = watch.step(seen, moment).transition.map(|transition| (transition.change, transition.level));
        see(&before, &watch, moment, seen, told)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_alert_that_is_told_ends_once_and_nothing_else_does(rule in rule(), steps in steps()) {
        let mut open = None;
        run(&rule, &steps, |_, after, _, _, told| {
            match told {
                Some((Change::Exceeded, level)) => {
                    prop_assert!(open.is_none_or(|before| level > before), "told again without news");
                    open = Some(level);
                }
                Some((Change::StillExceeded, level)) => {
                    prop_assert!(open.is_some_and(|before| level <= before));
                    open = Some(level);
                }
                Some((Change::Cleared, level)) => prop_assert_eq!(open.take(), Some(level)),
                None => {}
            }
            prop_assert_eq!(after.told(), open);
            prop_assert!(after.is_firing() || open.is_none(), "an end that nobody was told of");
            Ok(())
        })?;
    }

    #[test]
    fn it_is_foreseen_what_will_be_told(rule in rule(), steps in steps()) {
        run(&rule, &steps, |before, _, moment, seen, told| {
            let is_new = matches!(told, Some((Change::Exceeded, _)));
            prop_assert_eq!(before.would_fire(seen, moment), is_new);
            Ok(())
        })?;
    }

    #[test]
    fn neither_silence_nor_cool_down_swallows_an_end_or_what_is_worse(rule in rule(), steps in steps()) {
        // When and how bad the newest alert was.
        let mut newest: Option<(u64, Level)> = None;
        run(&rule, &steps, |before, after, moment, _, told| {
            if let Some((Change::Exceeded, level)) = told {
                prop_assert!(!moment.muted, "told in a silence");
                newest = Some((moment.now_ns, level));
            }
            if before.told().is_some() && !after.is_firing() {
                prop_assert_eq!(told.map(|(change, _)| change), Some(Change::Cleared));
            }
            let Some(level) = after.level() else { return Ok(()) };
            if moment.muted {
                prop_assert_eq!(told, None);
                return Ok(());
            }
            // Nobody is left with a wrong idea of it, but for a cool-down after an alert no less bad.
            let cools = newest.is_some_and(|(at, bad)| moment.now_ns < at + rule.cool_down_ns && level <= bad);
            prop_assert!(after.told() == Some(level) || (after.told().is_none() && cools));
            Ok(())
        })?;
    }

    #[test]
    fn a_flapping_value_is_told_once_a_cool_down(rule in rule(), steps in steps(), cool_down in 1..9_u8) {
        let cool_down_ns = u64::from(cool_down) * SECOND_NS;
        let rule = Rule { cool_down_ns, critical: None, ..rule };
        let mut newest: Option<u64> = None;
        run(&rule, &steps, |_, _, moment, _, told| {
            if let Some((Change::Exceeded, _)) = told {
                prop_assert!(newest.is_none_or(|at| moment.now_ns >= at + cool_down_ns));
                newest = Some(moment.now_ns);
            }
            Ok(())
        })?;
    }

    #[test]
    fn within_the_band_nothing_begins_and_nothing_ends(rule in rule(), steps in steps()) {
        let rule = Rule { samples: (1, 1), keep_firing_ns: 0, no_data: NoData::Keep, ..rule };
        run(&rule, &steps, |before, after, _, seen, _| {
            let Seen::Value(value) = seen else {
                prop_assert!(after.is_firing() == before.is_firing(), "changed without a value");
                return Ok(());
            };
            let beyond = |bound: f64| if rule.below { value < bound } else { value > bound };
            if beyond(rule.clear) && !beyond(rule.threshold) {
                prop_assert_eq!(before.is_firing(), after.is_firing());
                prop_assert!(!after.is_pending());
            }
            if !beyond(rule.clear) {
                prop_assert!(!after.is_firing());
            }
            if beyond(rule.threshold) {
                prop_assert!(after.is_firing() || after.is_pending());
            }
            Ok(())
        })?;
    }

    #[test]
    fn n_of_m_is_what_a_look_back_at_all_values_says(
        below in any::<bool>(),
        good in 0..4_i8,
        (n, more) in (1..9_u32, 0..9_u32),
        values in proptest::collection::vec(0..=12_i8, 0..80),
    ) {
        let clear = f64::from(if below { 6 + good } else { 6 - good });
        let options = RuleOptions { below, clear: Some(clear), samples: (n, n + more), ..RuleOptions::default() };
        let mut watch = Watch::new(Rule::new("v", 6.0, options).expect("a sound rule"));
        let mut fires = false;
        for at in 0..values.len() {
            let last = &values[(at + 1).saturating_sub((n + more) as usize)..=at];
            let bound = if fires { clear } else { 6.0 };
            let is_beyond = |value: &&i8| {
                let value = f64::from(**value);
                if below { value < bound } else { value > bound }
            };
            fires = last.iter().filter(is_beyond).count() >= n as usize;
            watch.observe(values[at].into(), at as u64 * SECOND_NS);
            prop_assert_eq!(watch.is_firing(), fires, "at {} of {:?}", at, &values);
        }
    }

    #[test]
    fn time_that_nobody_saw_makes_nothing_fire(rule in rule(), steps in steps(), asleep in 0..100_u64) {
        // After a hole of any length, `for_seconds` of values have to come again.
        let rule = Rule { samples: (1, 1), critical: None, no_data: NoData::Keep, grace_ns: 0, cool_down_ns: 0, ..rule };
        let mut watch = Watch::new(rule.clone());
        let mut now_ns = 0;
        for (later, seen, _) in steps {
            now_ns += later;
            watch.step(seen.unwrap_or(Seen::Time), Moment { now_ns, ..Moment::default() });
        }
        if watch.is_firing() {
            return Ok(());
        }
        watch.skip();
        now_ns += asleep * SECOND_NS;
        let bad = Seen::Value(if rule.below { 0.0 } else { 12.0 });
        let woken_ns = now_ns;
        while watch.step(bad, Moment { now_ns, ..Moment::default() }).transition.is_none() {
            prop_assert!(watch.is_pending());
            now_ns += SECOND_NS / 2;
        }
        prop_assert_eq!(now_ns - woken_ns, rule.for_ns);
    }
}
