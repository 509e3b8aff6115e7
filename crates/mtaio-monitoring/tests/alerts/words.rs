//! What a threshold refuses, and what its alerts say.

use mtaio_monitoring::alerts::{Alert, AlertState, Change, Rule, RuleOptions};

fn refusal(metric: &str, threshold: f64, options: RuleOptions) -> String {
    Rule::new(metric, threshold, options).expect_err("not a sound rule").to_string()
}

#[test]
fn what_cannot_be_a_threshold_is_refused_by_name() {
    let plain = RuleOptions::default();
    let clear = |clear| RuleOptions { clear: Some(clear), ..plain };
    let below = |clear| RuleOptions { below: true, clear: Some(clear), ..plain };
    let lasting = |for_seconds| RuleOptions { for_seconds, ..plain };
    let repeated = |repeat| RuleOptions { repeat_seconds: Some(repeat), ..plain };
    for (refused, expected) in [
        (refusal("", 1.0, plain), "metric must be a name of at least one character, got ''"),
        (refusal("v", f64::NAN, plain), "value must be a finite number, got NaN"),
        (refusal("v", f64::INFINITY, plain), "value must be a finite number, got inf"),
        (refusal("v", 8.0, clear(9.0)), "clear must be a finite number at or below the threshold of 8, got 9"),
        (
            refusal("v", 8.0, clear(f64::NAN)),
            "clear must be a finite number at or below the threshold of 8, got NaN",
        ),
        (
            refusal("v", 8.0, clear(f64::NEG_INFINITY)),
            "clear must be a finite number at or below the threshold of 8, got -inf",
        ),
        (refusal("v", 8.0, below(7.0)), "clear must be a finite number at or above the threshold of 8, got 7"),
        (
            refusal("v", 8.0, lasting(-1.0)),
            "for_seconds must be a number of seconds from 0 to 3.2e9 (a hundred years), got -1",
        ),
        (
            refusal("v", 8.0, lasting(f64::NAN)),
            "for_seconds must be a number of seconds from 0 to 3.2e9 (a hundred years), got NaN",
        ),
        (
            refusal("v", 8.0, lasting(f64::INFINITY)),
            "for_seconds must be a number of seconds from 0 to 3.2e9 (a hundred years), got inf",
        ),
        (
            refusal("v", 8.0, repeated(0.0)),
            "repeat_seconds must be a number of seconds above 0 and up to 3.2e9 (a hundred years), or None, got 0",
        ),
        (
            refusal("v", 8.0, repeated(f64::NAN)),
            "repeat_seconds must be a number of seconds above 0 and up to 3.2e9 (a hundred years), or None, got NaN",
        ),
    ] {
        assert_eq!(refused, expected);
    }
}

/// The message of a change, for `cpu_usage` above or below 80 that clears at 70 or 90.
fn check(change: Change, below: bool, value: f64, unit: &str, expected: &str) {
    let clear = if below { 90.0 } else { 70.0 };
    let options = RuleOptions { below, clear: Some(clear), ..RuleOptions::default() };
    let rule = Rule::new("cpu_usage", 80.0, options).expect("a sound rule");
    let alert = Alert::of_change(&rule, change, value, unit, 12.5);
    assert_eq!(alert.message, expected);
    let firing = change != Change::Cleared;
    assert_eq!(alert.state == AlertState::Firing, firing);
    assert_eq!(alert.state.name(), if firing { "firing" } else { "resolved" });
    assert_eq!(alert.level.name(), "warning");
    assert_eq!(alert.metric.as_deref(), Some("cpu_usage"));
    assert_eq!((alert.value, alert.threshold), (Some(value), Some(80.0)));
    assert_eq!(alert.timestamp, 12.5);
}

#[test]
fn an_alert_says_what_happened_in_one_sentence() {
    use Change::{Cleared, Exceeded, StillExceeded};
    check(Exceeded, false, 91.256, "%", "cpu_usage 91.26 % is above its threshold of 80 %");
    check(Exceeded, true, 3.0, "%", "cpu_usage 3 % is below its threshold of 80 %");
    check(StillExceeded, false, 99.0, "", "cpu_usage 99 is still above its threshold of 80");
    check(StillExceeded, true, 9.0, "", "cpu_usage 9 is still below its threshold of 80");
    check(StillExceeded, false, 75.0, "", "cpu_usage 75 has not cleared its threshold of 80");
    check(StillExceeded, true, 85.0, "", "cpu_usage 85 has not cleared its threshold of 80");
    check(Cleared, false, 60.0, "%", "cpu_usage 60 % is back within its threshold of 80 %");
}

#[test]
fn numbers_are_written_as_a_person_reads_them() {
    let number = |value: f64, unit: &str| {
        let rule = Rule::new("v", 1.0, RuleOptions::default()).expect("a sound rule");
        let message = Alert::of_change(&rule, Change::Exceeded, value, unit, 0.0).message;
        let end = message.find(" is above").expect("one sentence");
        message[2..end].to_owned()
    };
    for (value, unit, expected) in [
        (0.0, "", "0"),
        (-0.5, "", "-0.5"),
        (0.000_123, "s", "0.000123 s"),
        (0.495_828, "", "0.4958"),
        (0.050_001_2, "", "0.05"),
        (0.000_000_5, "s", "5.000e-7 s"),
        (12.345_6, "1", "12.35"),
        (1_234.56, "", "1235"),
        (100.0, "%", "100 %"),
        (99.999, "%", "100 %"),
        (8_589_934_592.0, "By", "8589934592 By"),
        (1e15, "", "1.000e15"),
        (7.0, "{thread}", "7 thread"),
        (7.5, "{operation}/s", "7.5 operation/s"),
    ] {
        assert_eq!(number(value, unit), expected);
    }
}

#[test]
fn an_alert_that_ends_with_its_threshold_says_so() {
    let rule = Rule::new("queue", 10.0, RuleOptions::default()).expect("a sound rule");
    let alert = Alert::of_removal(&rule, 1.0);
    assert_eq!(alert.message, "the threshold of 10 on queue was removed while it fired");
    assert_eq!(alert.state, AlertState::Resolved);
    assert_eq!((alert.value, alert.threshold), (None, Some(10.0)));
}

#[test]
fn a_message_is_an_alert_too() {
    let alert = Alert::of_message("disk swapped".to_owned(), 3.0);
    assert_eq!(alert.message, "disk swapped");
    assert_eq!((alert.metric, alert.value, alert.threshold), (None, None, None));
    assert_eq!(alert.state, AlertState::Firing);
}
