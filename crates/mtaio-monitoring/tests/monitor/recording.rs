//! Values that the program records, and the thresholds that watch them.

use mtaio_monitoring::alerts::{Alert, Rule};
use mtaio_monitoring::monitor::{Event, MonitorCore};
use mtaio_monitoring::sampling::Section;
use mtaio_monitoring::{MonitoringError, RuleOptions, Snapshot};

use super::Simulation;

#[test]
fn a_threshold_is_checked_at_the_record_itself_whether_the_monitor_runs_or_not() {
    let simulation = Simulation::new();
    simulation.rule("queue", 10.0, RuleOptions::default());
    assert!(!simulation.monitor.record("queue", 10.0).expect("a name"));
    assert!(simulation.monitor.record("queue", 11.0).expect("a name"), "there is something to tell");
    assert_eq!(simulation.told(), ["exceeded: queue 11 is above its threshold of 10"]);
    assert!(!simulation.monitor.record("queue", 12.0).expect("a name"));
    assert!(simulation.monitor.record("queue", 3.0).expect("a name"));
    assert_eq!(simulation.told(), ["cleared: queue 3 is back within its threshold of 10"]);
}

#[test]
fn a_recorded_value_must_last_too() {
    let simulation = Simulation::new();
    let options = RuleOptions { for_seconds: 5.0, ..RuleOptions::default() };
    simulation.rule("queue", 10.0, options);
    let record = |value| simulation.monitor.record("queue", value).expect("a name");
    assert!(!record(11.0));
    simulation.hand.advance(4.0);
    assert!(!record(11.0));
    simulation.hand.advance(1.0);
    assert!(record(11.0));
}

#[test]
fn what_is_no_number_is_dropped_and_counted() {
    let simulation = Simulation::new();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(!simulation.monitor.record("queue", value).expect("a name"));
    }
    assert_eq!(simulation.monitor.health().dropped_values, 3);
    let error = simulation.monitor.latest_value("queue").expect_err("no value");
    assert!(matches!(error, MonitoringError::UnknownMetric(_)));
}

#[test]
fn names_that_cannot_be_recorded_are_refused() {
    let simulation = Simulation::new();
    let refusal = |name| simulation.monitor.record(name, 1.0).expect_err("no such name").to_string();
    assert_eq!(refusal(""), "name must be a name of at least one character, got ''");
    assert_eq!(
        refusal("cpu_usage"),
        "name must be one that the monitor does not measure itself, got \"cpu_usage\": record under another name"
    );
}

#[test]
fn names_beyond_the_limit_are_dropped_and_counted() {
    let simulation = Simulation::new();
    for number in 0..10_000 {
        simulation.monitor.record(&format!("user {number}"), 1.0).expect("a name");
    }
    assert!(!simulation.monitor.record("one more", 1.0).expect("a name"));
    assert_eq!(simulation.monitor.health().dropped_names, 1);
    assert!(simulation.monitor.series("and another").expect("a name").is_none());
}

#[test]
fn a_metric_without_a_value_is_an_error_that_helps() {
    let simulation = Simulation::new();
    simulation.monitor.record("queue_depth", 1.0).expect("a name");
    let error = |name| simulation.monitor.latest_value(name).expect_err("no value").to_string();
    let message = error("queue_dpeth");
    assert!(
        message.starts_with(
            "no value of the metric \"queue_dpeth\" yet. Did you mean \"queue_depth\"? Known names: "
        ),
        "{message}"
    );
    assert!(message.contains("cpu_usage") && message.contains("queue_depth"));
    let message = error("cpu_usage");
    assert!(message.starts_with("no value of the metric \"cpu_usage\" yet. Known names: "), "{message}");
}

#[test]
fn the_latest_value_is_of_the_newest_sample_or_record() {
    let simulation = Simulation::started();
    simulation.tick_at(40);
    simulation.monitor.record("queue", 1.0).expect("a name");
    simulation.monitor.record("queue", 2.0).expect("a name");
    let latest = |name| simulation.monitor.latest_value(name).expect("a value");
    assert_eq!((latest("cpu_usage"), latest("queue")), (40.0, 2.0));
}

#[test]
fn a_handle_records_what_the_name_does() {
    let simulation = Simulation::new();
    simulation.rule("queue", 10.0, RuleOptions::default());
    let queue = simulation.monitor.series("queue").expect("a name").expect("room for it");
    assert!(simulation.monitor.record_in(&queue, 11.0));
    assert_eq!(simulation.told().len(), 1);
    assert!(simulation.monitor.remove_rule("queue"));
    assert_eq!(simulation.told().len(), 1, "the end of the alert");
    assert!(!simulation.monitor.record_in(&queue, 99.0), "nobody watches any more");
    assert_eq!(simulation.monitor.latest_value("queue").expect("a value"), 99.0);
}

#[test]
fn an_alert_of_the_programs_own_carries_the_threshold_of_its_metric() {
    let simulation = Simulation::new();
    simulation.rule("queue", 10.0, RuleOptions::default());
    simulation.monitor.raise(Alert::of_message("plain".to_owned(), 0.0));
    let mut about = Alert::of_message("too long".to_owned(), 0.0);
    about.metric = Some("queue".into());
    about.value = Some(5.0);
    simulation.monitor.raise(about);
    let alerts: Vec<_> = simulation
        .monitor
        .drain_events()
        .into_iter()
        .map(|event| match event {
            Event::Raised(alert) => (alert.message, alert.threshold, alert.timestamp),
            other => panic!("not raised: {other:?}"),
        })
        .collect();
    let now = 1_767_225_600.0;
    assert_eq!(alerts, [("plain".to_owned(), None, now), ("too long".to_owned(), Some(10.0), now)]);
}

#[test]
fn a_snapshot_shows_all_of_it() {
    let simulation = Simulation::started();
    simulation.rule("queue", 10.0, RuleOptions::default());
    simulation.monitor.record("queue", 11.0).expect("a name");
    simulation.tick_at(30);
    let snapshot = Snapshot::of(&simulation.monitor);
    assert_eq!(snapshot.interval_seconds, 1.0);
    assert_eq!(snapshot.stats.and_then(|stats| stats.cpu.usage_percent), Some(30.0));
    assert_eq!(snapshot.recorded.len(), 1);
    assert!(snapshot.thresholds[0].firing && !snapshot.thresholds[0].pending);
    assert!(snapshot.health.running);
    assert_eq!(snapshot.health.sections.len(), Section::ALL.len());
}

#[test]
fn eight_threads_that_record_while_thresholds_fire_lose_nothing_uncounted() {
    const THREADS: u64 = 8;
    const RECORDS: u64 = 10_000;
    let simulation = Simulation::started();
    let monitor: &MonitorCore = &simulation.monitor;
    for metric in ["shared", "own 0", "own 7"] {
        monitor.set_rule(Rule::new(metric, 0.5, RuleOptions::default()).expect("a sound rule"));
    }
    // Each record of these crosses its threshold one way or the other.
    let told: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let own = format!("own {thread}");
                    let mut told = 0;
                    for record in 0..RECORDS {
                        let value = (record % 2) as f64;
                        told += u64::from(monitor.record(&own, value).expect("a name"));
                        told += u64::from(monitor.record("shared", value).expect("a name"));
                        if record % 100 == 0 {
                            monitor.record("dropped", f64::NAN).expect("a name");
                        }
                    }
                    told
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    let counts: u64 = monitor.recorded().iter().map(|series| series.sketch.count).sum();
    assert_eq!(counts, 2 * THREADS * RECORDS);
    let health = monitor.health();
    assert_eq!(health.dropped_values, THREADS * RECORDS / 100);
    let waiting = monitor.drain_events().len() as u64;
    assert_eq!(waiting + health.dropped_events, told);
    assert!(told >= 2 * (RECORDS - 1), "the two that one thread records alone flap at every record");
    assert_eq!(monitor.recent_alerts().total, told);
    let before = simulation.deadlines();
    simulation.tick();
    assert_eq!(simulation.deadlines(), before + 1, "sampling goes on undisturbed");
}

#[test]
fn events_that_nobody_takes_make_room_for_newer_ones_and_are_counted() {
    let simulation = Simulation::new();
    simulation.rule("flapping", 0.5, RuleOptions::default());
    for record in 0..5_000 {
        simulation.monitor.record("flapping", f64::from(record % 2)).expect("a name");
    }
    let told = simulation.told();
    assert_eq!(told.len(), 4_096);
    assert_eq!(simulation.monitor.health().dropped_events, 4_999 - 4_096);
    assert!(told.last().is_some_and(|newest| newest.starts_with("exceeded")), "the newest state is kept");
}
