//! Pictures of the options beyond the plain ones, and what an alert says of them.

use mtaio_monitoring::alerts::{
    Alert, AlertState, Change, Level, Mark, Moment, NoData, Rule, RuleOptions, Seen, Watch,
};
use mtaio_monitoring::metrics::Labels;

const SECOND_NS: u64 = 1_000_000_000;

/// Runs a series past a threshold of 8, one step a second, and compares what it says: `-` inactive, `p` pending,
/// `f` fires and was told, `q` fires and was kept back, `r` recovers, `W` and `C` told at the level warning or critical,
/// `S` said again or told to be less bad, `.` ended. A step is a value, `~` (a hole: nobody looked), `_` (no value), `?`
/// (no number) or `,` (time passes); behind it `m` where a silence is in force.
fn check(options: RuleOptions, series: &str, expected: &str) {
    let mut watch = Watch::new(Rule::new("v", 8.0, options).expect("a sound rule"));
    let steps = series.split_whitespace().zip(0_u64..);
    let said: Vec<&str> = steps
        .map(|(step, second)| {
            let muted = step.ends_with('m');
            let moment = Moment { now_ns: second * SECOND_NS, interval_ns: SECOND_NS, muted };
            let seen = match step.trim_end_matches('m') {
                "~" => {
                    watch.skip();
                    Seen::Time
                }
                "_" => Seen::Nothing,
                "?" => Seen::NotFinite,
                "," => Seen::Time,
                value => Seen::Value(value.parse().expect("a number")),
            };
            let transition = watch.step(seen, moment).transition;
            match transition.map(|transition| (transition.change, transition.level)) {
                Some((Change::Exceeded, Level::Critical)) => "C",
                Some((Change::Exceeded, _)) => "W",
                Some((Change::StillExceeded, _)) => "S",
                Some((Change::Cleared, _)) => ".",
                None if watch.phase().name() == "recovering" => "r",
                None if watch.is_firing() => {
                    if watch.told().is_some() {
                        "f"
                    } else {
                        "q"
                    }
                }
                None if watch.is_pending() => "p",
                None => "-",
            }
        })
        .collect();
    assert_eq!(said.join(" "), expected, "{series} with {options:?}");
}

fn plain() -> RuleOptions {
    RuleOptions::default()
}

#[test]
fn it_keeps_firing_for_a_while_and_a_bad_value_is_no_news() {
    let options = RuleOptions { keep_firing_seconds: 2.0, ..plain() };
    check(options, "9 1 1 1 1", "W r r . -");
    check(options, "9 1 1 9 1 1 1 9", "W r r f r r . W");
    // The value may stay away: time passes all the same.
    check(options, "9 1 , , ,", "W r r . -");
    // Between the threshold and clear it has not cleared.
    check(RuleOptions { clear: Some(4.0), ..options }, "9 1 6 1 1 1", "W r f r r .");
    // Whoever has slept has seen nothing good.
    check(options, "9 1 ~ 1 1 1", "W r f r r .");
}

#[test]
fn n_of_the_last_m_values() {
    let options = RuleOptions { samples: (2, 3), ..plain() };
    check(options, "9 1 9 1 1 9 9", "- - W . - - W");
    check(options, "9 9 1 9 1 1", "- W f f . -");
    check(RuleOptions { samples: (3, 3), ..plain() }, "9 9 1 9 9 9 1", "- - - - - W .");
    check(RuleOptions { clear: Some(4.0), ..options }, "9 9 6 6 1 1", "- W f f f .");
    check(RuleOptions { for_seconds: 1.0, ..options }, "9 9 9 1 1", "- p W f .");
    // What was before a hole does not count.
    check(options, "9 ~ 9 9", "- - - W");
}

#[test]
fn two_levels_in_one_rule() {
    let options = RuleOptions { critical: Some(20.0), ..plain() };
    check(options, "9 21 9 21 1", "W C S C .");
    check(options, "21 22 1", "C f .");
    check(RuleOptions { level: Level::Critical, ..plain() }, "9 1", "C .");
    // As far from 20 as 5 is from 8.
    check(RuleOptions { clear: Some(5.0), ..options }, "9 21 18 17 7 5", "W C f S f .");
    check(RuleOptions { for_seconds: 2.0, ..options }, "9 9 9 21 21 21 9 1", "p p W f f C S .");
    check(RuleOptions { repeat_seconds: Some(2.0), ..options }, "9 9 21 21 21 9 9 9", "W f C f S S f S");
}

#[test]
fn a_level_below_is_worse_the_lower_it_is() {
    let options = RuleOptions { below: true, critical: Some(2.0), clear: Some(9.0), ..plain() };
    check(options, "9 7 1 2.5 3 8 9", "- W C f S f .");
}

#[test]
fn a_cool_down_keeps_back_a_new_alert_and_nothing_else() {
    let options = RuleOptions { cool_down_seconds: 4.0, ..plain() };
    check(options, "9 1 9 1 9 9 1", "W . q - W f .");
    check(options, "9 1 9 9 9 9", "W . q q W f");
    // It still lasts when the cool-down is over, and nobody records.
    check(options, "9 1 9 , , ,", "W . q q W f");
    // What has ended by then was nobody's business.
    check(options, "9 1 9 1 1 1 9", "W . q - - - W");
    let options = RuleOptions { critical: Some(20.0), ..options };
    // Never an escalation, be it from none at all; and the lesser level waits.
    check(options, "9 1 21 1 21 1 9 9", "W . C . q - W f");
    // A lesser level is told at once, and does not begin the cool-down anew.
    check(options, "21 9 1 9 9", "C S . q W");
}

#[test]
fn a_silence_keeps_back_what_begins_and_not_what_ends() {
    check(plain(), "9 9m 1m 1", "W f . -");
    check(plain(), "9m 9m 9 1", "q q W .");
    check(plain(), "9m , 1", "q W .");
    check(plain(), "9m 1m 1", "q - -");
    let options = RuleOptions { critical: Some(20.0), repeat_seconds: Some(1.0), ..plain() };
    check(options, "9 21m 21m 21 9m 9 1", "W f f C f S .");
}

#[test]
fn nothing_fires_in_the_grace() {
    let options = RuleOptions { grace_seconds: 3.0, ..plain() };
    check(options, "9 9 9 9 1", "p p p W .");
    check(options, "9 1 9 9 1 9", "p - p W . W");
    check(RuleOptions { for_seconds: 2.0, ..options }, "1 9 9 9 9", "- p p W f");
    check(RuleOptions { no_data: NoData::Alert, ..options }, "_ _ _ _ 1", "- - - W .");
}

#[test]
fn without_a_value_the_rule_says_what_becomes_of_it() {
    check(plain(), "9 _ _ _ _ 1", "W f f f f .");
    check(RuleOptions { for_seconds: 2.0, ..plain() }, "9 _ 9", "p p W");
    let resolves = RuleOptions { no_data: NoData::Resolve, ..plain() };
    check(resolves, "9 _ 9", "W . W");
    check(RuleOptions { for_seconds: 2.0, ..resolves }, "9 _ 9 9 9", "p - p p W");
    check(RuleOptions { keep_firing_seconds: 2.0, ..resolves }, "9 _ _ _", "W r r .");
    let alerts = RuleOptions { no_data: NoData::Alert, ..plain() };
    check(alerts, "1 _ _ _ _ 1 1", "- - - W f . -");
    check(alerts, "1 _ _ 1 _ _ _", "- - - - - - W");
    check(alerts, "1 _ _ _ 9 1", "- - - W f .");
    check(RuleOptions { for_seconds: 5.0, ..alerts }, "1 _ _ _ _ _ 1", "- - - - - W .");
    check(RuleOptions { critical: Some(20.0), ..alerts }, "1 _ _ _ 21 1", "- - - W C .");
}

#[test]
fn what_is_no_number_is_neither_good_nor_bad() {
    check(plain(), "? 9 ? 1 ?", "- W f . -");
    check(RuleOptions { for_seconds: 2.0, ..plain() }, "9 ? 9", "p p W");
    check(RuleOptions { samples: (2, 2), ..plain() }, "9 ? 9", "- - W");
}

#[test]
fn the_log_hears_once_of_what_is_missing_or_no_number() {
    let mut watch = Watch::new(Rule::new("v", 8.0, plain()).expect("a sound rule"));
    let mut marks = Vec::new();
    let steps = [Seen::Value(1.0), Seen::Nothing, Seen::Nothing, Seen::Nothing, Seen::Nothing, Seen::Value(1.0)];
    let errors = [Seen::NotFinite, Seen::NotFinite, Seen::Value(1.0), Seen::NotFinite];
    for (seen, second) in steps.into_iter().chain(errors).zip(0..) {
        let moment = Moment { now_ns: second * SECOND_NS, interval_ns: SECOND_NS, muted: false };
        marks.push(watch.step(seen, moment).mark);
        assert_eq!(watch.is_in_error(), seen == Seen::NotFinite);
        assert_eq!(watch.has_no_data(), (3..5).contains(&second));
    }
    let expected = [(3, Mark::NoData), (5, Mark::DataAgain), (6, Mark::NotFinite), (9, Mark::NotFinite)];
    for (second, mark) in marks.into_iter().enumerate() {
        let said = expected.iter().find(|(at, _)| *at == second).map(|(_, mark)| *mark);
        assert_eq!(mark, said, "at {second}");
    }
}

#[test]
fn an_alert_tells_the_whole_story() {
    let options = RuleOptions {
        for_seconds: 2.0,
        critical: Some(95.0),
        keep_firing_seconds: 1.0,
        window_seconds: 30.0,
        ..plain()
    };
    let rule = Rule::new("busy:mean by (zone)", 80.0, options).expect("a sound rule");
    let rule = rule.with_annotations([("runbook", "https://example.org/busy")]);
    let labels = Labels::new([("zone", "a")]);
    let mut watch = Watch::new(rule);
    let mut alerts = Vec::new();
    for (value, second) in [70.0, 90.0, 85.0, 88.0, 97.0, 99.0, 97.0, 85.0, 60.0, 60.0].into_iter().zip(0_u64..) {
        let now_ns = (100 + second) * SECOND_NS;
        let moment = Moment { now_ns, interval_ns: SECOND_NS, muted: false };
        if let Some(transition) = watch.step(Seen::Value(value), moment).transition {
            let timestamp = 1_000.0 + second as f64;
            alerts.push(Alert::of_transition(&watch.rule, &transition, &labels, "%", now_ns, timestamp));
        }
    }
    let story: Vec<_> =
        alerts.iter().map(|alert| (&*alert.message, alert.level, alert.threshold, alert.peak)).collect();
    let name = "busy:mean by (zone) {zone=\"a\"}";
    let expected = [
        (format!("{name} 88 % is above its threshold of 80 %"), Level::Warning, 80.0, 90.0),
        (format!("{name} 97 % is above its critical threshold of 95 %"), Level::Critical, 95.0, 99.0),
        (format!("{name} 60 % is back within its threshold of 80 %"), Level::Warning, 80.0, 99.0),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(message, level, threshold, peak)| (&**message, *level, Some(*threshold), Some(*peak)))
        .collect();
    // The critical level keeps firing for a second too; when it is over, so is it with the other one, a second later.
    assert_eq!(story[..2], expected[..2]);
    assert_eq!(story.last(), expected.last());
    for alert in &alerts {
        assert_eq!(alert.since, Some(1_001.0), "the first value above it");
        assert_eq!(alert.labels, labels);
        assert_eq!(alert.window_seconds, Some(30.0));
        assert_eq!(&*alert.annotations["runbook"], "https://example.org/busy");
    }
}

#[test]
fn an_alert_without_a_value_says_so() {
    let rule = Rule::new("beat", 8.0, RuleOptions { no_data: NoData::Alert, ..plain() }).expect("a sound rule");
    let mut watch = Watch::new(rule.clone());
    let told = |watch: &mut Watch, seen, second: u64| {
        let now_ns = second * SECOND_NS;
        let outcome = watch.step(seen, Moment { now_ns, interval_ns: SECOND_NS, muted: false });
        let transition = outcome.transition?;
        Some(Alert::of_transition(&watch.rule, &transition, &Labels::default(), "", now_ns, second as f64))
    };
    assert_eq!(told(&mut watch, Seen::Value(5.0), 0), None);
    let silent = told(&mut watch, Seen::Nothing, 3).expect("an alert");
    assert_eq!(silent.message, "beat has no value: nothing says that it is within 8");
    assert_eq!((silent.value, silent.peak, silent.since), (None, None, Some(1.0)));
    let back = told(&mut watch, Seen::Value(6.0), 4).expect("its end");
    assert_eq!((back.state, back.value), (AlertState::Resolved, Some(6.0)));
    let rule = Rule { no_data: NoData::Resolve, ..rule };
    let mut watch = Watch::new(rule);
    told(&mut watch, Seen::Value(9.0), 0).expect("an alert");
    let end = told(&mut watch, Seen::Nothing, 1).expect("its end");
    assert_eq!(end.message, "beat has no value any more, and so its alert ends");
    assert_eq!((end.state, end.value, end.peak), (AlertState::Resolved, None, Some(9.0)));
}

#[test]
fn what_cannot_be_an_option_is_refused_by_name() {
    let refusal = |options| Rule::new("v", 8.0, options).expect_err("not a sound rule").to_string();
    let seconds = "must be a number of seconds from 0 to 3.2e9 (a hundred years), got";
    for (options, expected) in [
        (
            RuleOptions { critical: Some(8.0), ..plain() },
            "critical must be a finite number above the threshold of 8, or None, got 8".to_owned(),
        ),
        (
            RuleOptions { critical: Some(9.0), below: true, ..plain() },
            "critical must be a finite number below the threshold of 8, or None, got 9".to_owned(),
        ),
        (
            RuleOptions { critical: Some(f64::INFINITY), ..plain() },
            "critical must be a finite number above the threshold of 8, or None, got inf".to_owned(),
        ),
        (
            RuleOptions { critical: Some(9.0), level: Level::Critical, ..plain() },
            "critical is a second level beside a warning: give either it or level='critical'".to_owned(),
        ),
        (RuleOptions { keep_firing_seconds: -1.0, ..plain() }, format!("keep_firing_seconds {seconds} -1")),
        (RuleOptions { grace_seconds: f64::NAN, ..plain() }, format!("grace_seconds {seconds} NaN")),
        (RuleOptions { cool_down_seconds: 4e9, ..plain() }, format!("cool_down_seconds {seconds} 4000000000")),
        (
            RuleOptions { window_seconds: 0.0, ..plain() },
            "window_seconds must be a number of seconds above 0 and up to 86400 (a day), got 0".to_owned(),
        ),
        (
            RuleOptions { samples: (0, 3), ..plain() },
            "samples must be (n, m), n of the last m values, with 1 <= n <= m <= 64, or None, got (0, 3)"
                .to_owned(),
        ),
        (
            RuleOptions { samples: (4, 3), ..plain() },
            "samples must be (n, m), n of the last m values, with 1 <= n <= m <= 64, or None, got (4, 3)"
                .to_owned(),
        ),
        (
            RuleOptions { samples: (1, 65), ..plain() },
            "samples must be (n, m), n of the last m values, with 1 <= n <= m <= 64, or None, got (1, 65)"
                .to_owned(),
        ),
    ] {
        assert_eq!(refusal(options), expected);
    }
    let other = NoData::from_name("ignore").expect_err("another name").to_string();
    assert_eq!(other, "no_data must be 'keep', 'resolve' or 'alert', got \"ignore\"");
    let other = Level::from_name("fatal").expect_err("another name").to_string();
    assert_eq!(other, "level must be 'warning' or 'critical', got \"fatal\"");
    for level in [Level::Warning, Level::Critical] {
        assert_eq!(Level::from_name(level.name()), Ok(level));
    }
}
