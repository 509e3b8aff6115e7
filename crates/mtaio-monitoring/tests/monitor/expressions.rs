//! Many thresholds on expressions: what they cost is bounded, and none of them is forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::RuleOptions;
use mtaio_monitoring::alerts::Rule;
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::monitor::{Config, Event, MonitorCore};

use super::wait_until;

/// The time is the real one here, because it is what is spent.
#[test]
fn thresholds_that_take_too_long_are_looked_at_in_turn_and_sampling_goes_on() {
    const RULES: usize = 400;
    const SERIES: usize = 200;
    let config = Config::default().with_interval_seconds(0.05).expect("a sound interval");
    let monitor = Arc::new(MonitorCore::new(config));
    for number in 0..RULES {
        let metric = format!("request_duration:p99 by (route, r{number})");
        monitor.set_rule(Rule::new(&metric, 0.5, RuleOptions::default()).expect("a sound rule"));
    }
    let record = || {
        for route in 0..SERIES {
            let labels = Labels::new([("route", format!("/{route}"))]);
            monitor.record_with("request_duration", if route == 7 { 0.9 } else { 0.1 }, &labels).expect("a name");
        }
    };
    record();
    monitor.start().expect("a thread");
    let mut fired = BTreeSet::new();
    wait_until("each of them has fired", || {
        record();
        for event in monitor.drain_events() {
            if let Event::Exceeded(alert) = event {
                fired.extend(alert.metric.map(|metric| metric.to_string()));
            }
        }
        fired.len() == RULES
    });
    let health = monitor.health();
    monitor.request_stop();
    assert!(monitor.wait_stopped(Duration::from_secs(5)));
    assert!(health.delayed_thresholds > 0, "{health:?}");
    assert!(health.samples > 2 * health.missed_ticks, "{health:?}");
}
