//! Series with labels: which is which, how many there may be, and what becomes of the rest.

use std::sync::Arc;

use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::metrics::{Declaration, Labels, METRIC_SERIES_LIMIT, Registry};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().copied())
}

fn series(registry: &Registry, name: &str, pairs: &[(&str, &str)]) -> Arc<mtaio_monitoring::metrics::Series> {
    registry.get_or_create_labelled(name, &labels(pairs), false).expect("room").series
}

#[test]
fn labels_are_what_they_are_in_whatever_order() {
    let ab = labels(&[("a", "1"), ("b", "2")]);
    assert_eq!(ab, labels(&[("b", "2"), ("a", "1")]));
    assert_ne!(ab, labels(&[("a", "2"), ("b", "1")]));
    assert_eq!(labels(&[("a", "old"), ("a", "new")]).get("a"), Some("new"));
    assert_eq!(labels(&[("q", "a\"b\\c\nd")]).to_string(), r#"{q="a\"b\\c\nd"}"#);
    assert_eq!(Labels::default().to_string(), "");
    assert_eq!(ab.only(&["b".into(), "z".into()]), labels(&[("b", "2")]));
    let registry = Registry::new();
    let first = series(&registry, "m", &[("a", "1"), ("b", "2")]);
    assert!(Arc::ptr_eq(&first, &series(&registry, "m", &[("b", "2"), ("a", "1")])));
    assert!(!Arc::ptr_eq(&first, &series(&registry, "n", &[("b", "2"), ("a", "1")])), "another metric");
    assert!(registry.get("m").is_none(), "none without labels");
    assert_eq!(registry.len(), 2);
}

#[test]
fn beyond_the_limit_of_a_metric_one_series_takes_all_and_no_sum_is_lost() {
    let registry = Registry::new();
    let mut told = Vec::new();
    for user in 0..METRIC_SERIES_LIMIT + 50 {
        // A few users are busier than others.
        let times = if user < 2 { 3 } else { 1 };
        for _ in 0..times {
            let user = user.to_string();
            let found = registry.get_or_create_labelled("m", &labels(&[("route", "/"), ("user", &user)]), false);
            let found = found.expect("room for what has no room");
            found.series.record(2.0);
            told.extend(found.overflow);
        }
    }
    assert_eq!(registry.len(), METRIC_SERIES_LIMIT);
    let all = registry.snapshot();
    let overflow = all.iter().find(|series| series.labels == Labels::overflow()).expect("there is one");
    assert_eq!(overflow.labels.to_string(), r#"{otel.metric.overflow="true"}"#);
    assert_eq!((overflow.count, overflow.sum), (50, 100.0));
    let sum: f64 = all.iter().map(|series| series.sum).sum();
    assert_eq!(sum, 2.0 * (METRIC_SERIES_LIMIT + 50 + 4) as f64);
    assert_eq!(registry.overflowed(), 0, "nothing was dropped");
    let [message] = &told[..] else { panic!("told once, and not {} times", told.len()) };
    assert!(message.starts_with("\"m\" has 2000 series, which is as many as one metric can have"), "{message}");
    let blame = "Its label \"user\" has the most values, 2000; those recorded most often: \"0\" (3 recorded), \"1\" (3 recorded)";
    assert!(message.contains(blame), "{message}");
    // Other metrics have the room that they had.
    assert!(series(&registry, "other", &[("a", "1")]).labels().get("a").is_some());
}

#[test]
fn the_limit_on_all_series_holds_over_all_metrics() {
    let registry = Registry::with_limit(10);
    for at in 0..8 {
        series(&registry, "m", &[("at", &at.to_string())]);
    }
    assert!(registry.get_or_create("plain").is_some());
    assert_eq!(series(&registry, "n", &[("at", "0")]).labels(), &labels(&[("at", "0")]));
    assert_eq!(series(&registry, "n", &[("at", "1")]).labels(), &Labels::overflow());
    assert!(registry.get_or_create("no room").is_none());
    assert_eq!((registry.len(), registry.overflowed()), (10, 1));
}

#[test]
fn a_declaration_is_kept_and_another_one_refused() {
    let registry = Registry::new();
    let declare = |kind, unit| registry.declare("m", &Declaration::new(kind, unit, "Help.").expect("a unit"));
    registry.get_or_create("m").expect("room").record(-1.0);
    declare(Kind::Histogram, "").expect("what was recorded before stays");
    declare(Kind::Histogram, "s").expect("the unit was open");
    declare(Kind::Histogram, "").expect("no other unit");
    let metric = registry.metric("m").expect("declared");
    let declared = metric.declaration();
    assert_eq!((declared.kind(), declared.unit(), declared.help()), (Kind::Histogram, "s", "Help."));
    assert_eq!(registry.get("m").and_then(|series| series.last()), Some(-1.0));
    let error = declare(Kind::Counter, "s").unwrap_err().to_string();
    assert!(error.contains("declared as a histogram already, and cannot be a counter"), "{error}");
    let error = declare(Kind::Histogram, "ms").unwrap_err().to_string();
    assert!(error.contains("with the unit \"s\" already, and cannot have \"ms\""), "{error}");
    let error = Declaration::new(Kind::Gauge, "seconds ", "").unwrap_err().to_string();
    assert!(error.starts_with("unit must be up to 63 ASCII characters"), "{error}");
}

#[test]
fn a_counters_last_value_is_its_total_over_all_threads() {
    let registry = Registry::new();
    registry.declare("m", &Declaration::new(Kind::Counter, "", "").unwrap()).unwrap();
    let series = series(&registry, "m", &[("a", "1")]);
    assert_eq!(series.last(), None);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| series.record(0.5)));
        }
    });
    assert_eq!(series.last(), Some(2000.0));
}

#[test]
fn steps_of_a_gauge_are_not_lost_between_threads() {
    let registry = Registry::new();
    let gauge = registry.get_or_create("m").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let gauge = &gauge;
            let step = if thread < 3 { 1.0 } else { -1.0 };
            scope.spawn(move || (0..2000).for_each(|_| _ = gauge.record_difference(step)));
        }
    });
    assert_eq!(gauge.last(), Some(4000.0));
    assert_eq!(gauge.snapshot().max.map(|max| max <= 6000.0), Some(true));
}
