//! One threshold: pictures of what it says, its words, and every series against an oracle.

mod expression;
mod instances;
mod oracle;
#[cfg(target_os = "linux")]
mod promtool;
mod properties;
#[cfg(target_os = "linux")]
mod rules_file;
mod states;
mod words;

#[cfg(target_os = "linux")]
pub(crate) use promtool::promtool;

use mtaio_monitoring::alerts::{Change, Rule, RuleOptions, Watch};

/// Runs a series past a threshold, one value a second, and compares what it says:
/// `-` quiet, `p` crossed but not for long enough, `X` exceeded, `.` fires and says nothing, `R` says so again,
/// `C` cleared. A value `~` is a hole in the series.
fn check(series: &str, expected: &str) {
    let (values, rule) = series.split_once('|').expect("values | rule");
    let mut watch = Watch::new(parse_rule(rule.trim()));
    let said: Vec<&str> = values
        .split_whitespace()
        .enumerate()
        .map(|(second, value)| {
            let change = match value.parse() {
                Ok(value) => watch.observe(value, second as u64 * 1_000_000_000),
                Err(_) => {
                    watch.skip();
                    None
                }
            };
            match change {
                Some(Change::Exceeded) => "X",
                Some(Change::StillExceeded) => "R",
                Some(Change::Cleared) => "C",
                None if watch.is_firing() => ".",
                None if watch.is_pending() => "p",
                None => "-",
            }
        })
        .collect();
    assert_eq!(said.join(" "), expected, "{series}");
}

/// `>8`, `<8`, then any of `clear 4`, `for 3`, `repeat 2`.
fn parse_rule(text: &str) -> Rule {
    let mut words = text.split_whitespace();
    let threshold = words.next().expect("a threshold");
    let number = |word: &str| -> f64 { word.parse().expect("a number") };
    let mut options = RuleOptions { below: threshold.starts_with('<'), ..RuleOptions::default() };
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        match option {
            "clear" => options.clear = Some(number(value)),
            "for" => options.for_seconds = number(value),
            "repeat" => options.repeat_seconds = Some(number(value)),
            _ => panic!("no such option: {option}"),
        }
    }
    Rule::new("v", number(&threshold[1..]), options).expect("a sound rule")
}

#[test]
fn it_fires_once_when_crossed_and_again_after_it_has_cleared() {
    check("1 9 9 9 1 9 1 | >8", "- X . . C X C");
    check("9 1 | >8", "X C");
    check("5 1 1 5 1 | <3", "- X . C X");
}

#[test]
fn the_threshold_itself_is_not_beyond_it() {
    check("8 8 9 8 | >8", "- - X C");
    check("3 2 3 | <3", "- X C");
}

#[test]
fn hysteresis_holds_the_alert_until_the_other_level() {
    check("1 9 9 5 4 5 | >8 clear 4", "- X . . C -");
    check("5 2 4 6 7 | <3 clear 7", "- X . . C");
}

#[test]
fn it_must_last_and_one_good_value_starts_anew() {
    check("9 9 9 9 1 | >8 for 2", "p p X . C");
    check("9 9 1 9 9 9 | >8 for 2", "p p - p p X");
    check("9 8 9 | >8 clear 4 for 1", "p - p");
    check("9 9 | >8 for 0", "X .");
}

#[test]
fn it_says_so_again_while_it_lasts() {
    check("9 9 9 9 9 1 9 9 | >8 repeat 2", "X . R . R C X .");
    check("9 5 5 5 | >8 clear 4 repeat 3", "X . . R");
    check("9 9 9 9 9 | >8 for 1 repeat 2", "p X . R .");
}

#[test]
fn time_that_nobody_saw_is_no_time_beyond_the_threshold() {
    check("9 9 ~ 9 9 9 | >8 for 2", "p p - p p X");
    check("9 ~ 9 1 | >8", "X . . C");
}

#[test]
fn an_infinite_value_is_beyond_any_threshold() {
    check("inf -inf | >8", "X C");
    check("-inf inf | <8", "X C");
}
