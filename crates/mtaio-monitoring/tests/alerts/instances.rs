//! A threshold over many series: values by hand, as the registry of labelled series would give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use mtaio_monitoring::alerts::{
    Change, INSTANCES, Instances, Mark, Matcher, Moment, NoData, Rule, RuleOptions, Silence, Term, Values,
};
use mtaio_monitoring::metrics::Labels;

const SECOND_NS: u64 = 1_000_000_000;

/// What each term gives, by the term's text; and the windows that were asked for.
#[derive(Default)]
struct Table(BTreeMap<String, Vec<(Labels, Option<f64>)>>);

impl Table {
    fn set(&mut self, term: &str, of: &[(&str, Option<f64>)]) {
        let row = |(route, value): &(&str, Option<f64>)| (labels(route), *value);
        self.0.insert(term.to_owned(), of.iter().map(row).collect());
    }
}

impl Values for Table {
    fn values(&self, term: &Term, by: &[Arc<str>], window_ns: u64) -> Vec<(Labels, Option<f64>)> {
        assert_eq!(window_ns, 60 * SECOND_NS);
        assert!(by.is_empty() || *by == ["route".into()]);
        self.0.get(&term.to_string()).cloned().unwrap_or_default()
    }
}

/// `""` for none at all.
fn labels(route: &str) -> Labels {
    if route.is_empty() { Labels::default() } else { Labels::new([("route", route)]) }
}

fn rule(text: &str, options: RuleOptions) -> Rule {
    Rule::new(text, 0.5, options).expect("a sound rule")
}

fn at(second: u64) -> Moment {
    Moment { now_ns: second * SECOND_NS, interval_ns: SECOND_NS, muted: false }
}

/// What a look at a second says: `/a exceeded`, `/b no data`.
fn said(instances: &mut Instances, table: &Table, second: u64) -> Vec<String> {
    let outcomes = instances.look(table, at(second), |_, _| false);
    let lines = outcomes.into_iter().flat_map(|(labels, outcome)| {
        let route = labels.get("route").unwrap_or("all").to_owned();
        let told = outcome.transition.map(|transition| match transition.change {
            Change::Exceeded => "exceeded",
            Change::StillExceeded => "still",
            Change::Cleared if transition.value.is_none() => "gone",
            Change::Cleared => "cleared",
        });
        let marked = outcome.mark.map(|mark| match mark {
            Mark::NoData => "no data",
            Mark::DataAgain => "data again",
            Mark::NotFinite => "no number",
        });
        marked.into_iter().chain(told).map(move |what| format!("{route} {what}")).collect::<Vec<_>>()
    });
    lines.collect()
}

const RATIO: &str = "errors:count / requests:count by (route)";

#[test]
fn every_set_of_labels_has_a_state_of_its_own() {
    let mut table = Table::default();
    let mut instances = Instances::new(rule("busy:mean by (route)", RuleOptions::default()));
    table.set("busy:mean", &[("/a", Some(0.9)), ("/b", Some(0.1)), ("/c", None)]);
    assert_eq!(said(&mut instances, &table, 0), ["/a exceeded"]);
    table.set("busy:mean", &[("/a", Some(0.9)), ("/b", Some(0.7)), ("/c", Some(0.2))]);
    assert_eq!(said(&mut instances, &table, 1), ["/b exceeded"]);
    table.set("busy:mean", &[("/a", Some(0.2)), ("/b", Some(0.7))]);
    assert_eq!(said(&mut instances, &table, 2), ["/a cleared"]);
    let left: Vec<_> = instances.iter().map(|(labels, _)| labels.to_string()).collect();
    assert_eq!(left, ["{route=\"/b\"}"], "what there is nothing to remember of is not kept");
}

#[test]
fn a_ratio_is_of_the_same_labels() {
    let mut table = Table::default();
    let mut instances = Instances::new(rule(RATIO, RuleOptions::default()));
    let requests = [("/a", Some(10.0)), ("/b", Some(10.0)), ("/idle", Some(0.0)), ("/odd", Some(0.0))];
    table.set("requests:count", &requests);
    table.set(
        "errors:count",
        &[("/a", Some(6.0)), ("/b", Some(5.0)), ("/idle", Some(0.0)), ("/odd", Some(1.0)), ("/c", Some(3.0))],
    );
    // Half is not above a half; nothing of nothing is no value; one of none is no number; /c has no requests.
    assert_eq!(said(&mut instances, &table, 0), ["/a exceeded", "/odd no number"]);
    // Traffic ends: no requests are no good news.
    table.set("requests:count", &[("/a", Some(0.0))]);
    table.set("errors:count", &[("/a", Some(0.0))]);
    assert_eq!(said(&mut instances, &table, 1), [""; 0]);
    table.set("requests:count", &[("/a", Some(8.0))]);
    assert_eq!(said(&mut instances, &table, 2), ["/a cleared"]);
}

#[test]
fn without_by_there_is_one_instance_whatever_there_is() {
    let mut table = Table::default();
    let silent = RuleOptions { no_data: NoData::Alert, ..RuleOptions::default() };
    let mut instances = Instances::new(rule("beat:count", silent));
    assert!((0..3).all(|second| said(&mut instances, &table, second).is_empty()));
    assert_eq!(said(&mut instances, &table, 3), ["all exceeded"]);
    assert!(!instances.has_seen_value());
    table.set("beat:count", &[("", Some(0.2))]);
    assert_eq!(said(&mut instances, &table, 4), ["all cleared"]);
    assert!(instances.has_seen_value());
    // A name that never had a value is reported by who knows the names.
    let mut instances = Instances::new(rule("nothing:count", RuleOptions::default()));
    assert!((0..9).all(|second| said(&mut instances, &table, second).is_empty()));
}

#[test]
fn a_series_that_is_gone_ends_its_alert_as_the_rule_says() {
    let gone = |no_data, for_seconds: f64| {
        let mut table = Table::default();
        let options = RuleOptions { no_data, for_seconds, ..RuleOptions::default() };
        let mut instances = Instances::new(rule("busy:mean by (route)", options));
        table.set("busy:mean", &[("/a", Some(0.9))]);
        let mut lines: Vec<_> = (0..10).map(|second| said(&mut instances, &table, second).join(", ")).collect();
        table.set("busy:mean", &[]);
        lines.extend((10..20).map(|second| said(&mut instances, &table, second).join(", ")));
        let lines = lines.into_iter().enumerate().filter(|(_, said)| !said.is_empty());
        let lines: Vec<_> = lines.map(|(second, said)| format!("{second} {said}")).collect();
        (lines.join("; "), instances.iter().count())
    };
    assert_eq!(gone(NoData::Resolve, 0.0), ("0 /a exceeded; 10 /a gone".to_owned(), 0));
    assert_eq!(gone(NoData::Keep, 0.0), ("0 /a exceeded; 12 /a no data, /a gone".to_owned(), 0));
    assert_eq!(gone(NoData::Keep, 5.0), ("5 /a exceeded; 14 /a no data, /a gone".to_owned(), 0));
    assert_eq!(gone(NoData::Alert, 0.0), ("0 /a exceeded".to_owned(), 1), "it still fires, for another reason");
}

#[test]
fn a_series_that_is_there_without_a_value_keeps_its_state() {
    let mut table = Table::default();
    let mut instances = Instances::new(rule("busy:mean by (route)", RuleOptions::default()));
    table.set("busy:mean", &[("/a", Some(0.9))]);
    assert_eq!(said(&mut instances, &table, 0), ["/a exceeded"]);
    table.set("busy:mean", &[("/a", None)]);
    let lines: Vec<_> = (1..20).map(|second| said(&mut instances, &table, second).join(", ")).collect();
    assert_eq!(lines.concat(), "/a no data");
    table.set("busy:mean", &[("/a", Some(0.1))]);
    assert_eq!(said(&mut instances, &table, 20), ["/a data again", "/a cleared"]);
}

#[test]
fn there_is_an_end_to_instances() {
    let mut table = Table::default();
    let routes: Vec<String> = (0..INSTANCES + 10).map(|number| format!("/{number:05}")).collect();
    let all = |value| routes.iter().map(|route| (labels(route), Some(value))).collect::<Vec<_>>();
    let mut instances = Instances::new(rule("busy:mean by (route)", RuleOptions::default()));
    table.0.insert("busy:mean".to_owned(), all(0.1));
    assert!(said(&mut instances, &table, 0).is_empty());
    assert_eq!((instances.iter().count(), instances.refused()), (0, 0), "good values take no room");
    table.0.insert("busy:mean".to_owned(), all(0.9));
    assert_eq!(said(&mut instances, &table, 1).len(), INSTANCES);
    assert_eq!((instances.iter().count(), instances.refused()), (INSTANCES, 10));
    assert!(said(&mut instances, &table, 2).is_empty(), "nobody hears of what is not followed");
    assert_eq!(instances.refused(), 20);
    table.0.insert("busy:mean".to_owned(), all(0.1));
    assert_eq!(said(&mut instances, &table, 3).len(), INSTANCES);
    assert_eq!(instances.iter().count(), 0);
}

#[test]
fn a_silence_is_for_the_labels_that_it_names() {
    let silence = Silence::new(1, r#"requests{route!="/b"}"#, 10.0, "deploy", 0, 100.0).expect("a silence");
    assert_eq!(silence.expires, 110.0);
    let mut table = Table::default();
    table.set("requests:count", &[("/a", Some(1.0)), ("/b", Some(1.0))]);
    table.set("errors:count", &[("/a", Some(1.0)), ("/b", Some(1.0))]);
    let mut instances = Instances::new(rule(RATIO, RuleOptions::default()));
    let mut told = |second| {
        let mutes = |rule: &Rule, labels: &Labels| silence.mutes(rule, labels, at(second).now_ns);
        let outcomes = instances.look(&table, at(second), mutes);
        outcomes
            .into_iter()
            .map(|(labels, _)| labels.get("route").unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(0), ["/b"]);
    assert_eq!(told(9), [""; 0]);
    assert_eq!(told(10), ["/a"], "when it is over");
}

#[test]
fn a_matcher_means_a_metric_its_labels_or_a_whole_expression() {
    // What a threshold chooses are labels of its alert, too.
    let chosen = rule(r#"took{route="/cart",zone!="b"}:p99 by (host)"#, RuleOptions::default());
    for (text, expected) in [
        ("took", true),
        (r#"took{route="/cart"}"#, true),
        (r#"took{route="/pay"}"#, false),
        (r#"took{zone="b"}"#, false),
    ] {
        let matcher = Matcher::new(text).expect("a matcher");
        assert_eq!(matcher.matches(&chosen, &Labels::new([("host", "x")])), expected, "{text}");
    }
    let rule = rule(RATIO, RuleOptions::default());
    for (text, expected) in [
        ("errors", true),
        ("requests", true),
        ("error", false),
        (r#"errors{route="/a"}"#, true),
        (r#"errors{route="/b"}"#, false),
        (r#"errors{zone=""}"#, true),
        ("errors:count", false),
        ("errors:count/requests:count by(route)", true),
        ("errors:count / requests:count", false),
    ] {
        let matcher = Matcher::new(text).expect("a matcher");
        assert_eq!(&**matcher.text(), text);
        assert_eq!(matcher.matches(&rule, &labels("/a")), expected, "{text}");
    }
    assert!(Matcher::new("errors{").is_err());
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Silence::new(1, "errors", seconds, "", 0, 0.0).expect_err("no time").to_string();
        assert!(error.starts_with("seconds must be a number of seconds above 0"), "{error}");
    }
}

#[test]
fn grace_and_holes_are_for_all_of_them() {
    let mut table = Table::default();
    table.set("busy:mean", &[("/a", Some(0.9))]);
    let options = RuleOptions { grace_seconds: 5.0, for_seconds: 2.0, ..RuleOptions::default() };
    let mut instances = Instances::new(rule("busy:mean by (route)", options));
    instances.begin(10 * SECOND_NS);
    assert!((10..15).all(|second| said(&mut instances, &table, second).is_empty()));
    instances.skip();
    assert!((15..17).all(|second| said(&mut instances, &table, second).is_empty()));
    assert_eq!(said(&mut instances, &table, 17), ["/a exceeded"]);
    // One that comes later is as old as the rule.
    table.set("busy:mean", &[("/b", Some(0.9))]);
    assert!((18..20).all(|second| said(&mut instances, &table, second).iter().all(|line| line.starts_with("/a"))));
    assert!(said(&mut instances, &table, 20).contains(&"/b exceeded".to_owned()));
}
