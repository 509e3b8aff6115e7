//! Declared metrics, labels, windows and queries of a monitor that runs and of one that does not.

use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::alerts::RuleOptions;
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::monitor::{Bound, Config, MonitorCore};

use super::Simulation;
use crate::machine::Machine;

fn route(route: &str) -> Labels {
    Labels::new([("route", route)])
}

fn declared(simulation: &Simulation, kind: Kind, name: &str) -> Bound {
    simulation.monitor.declare(kind, name, "", "").expect("a name")
}

fn ask(simulation: &Simulation, expression: &str, seconds: f64) -> Option<f64> {
    simulation.monitor.query(expression, seconds).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_kind_answers_in_its_own_way() {
    let simulation = Simulation::new();
    let (counter, gauge) =
        (declared(&simulation, Kind::Counter, "jobs"), declared(&simulation, Kind::Gauge, "depth"));
    for step in [1.0, 2.0, -1.0, f64::NAN] {
        simulation.monitor.record_bound(&counter, step);
    }
    assert_eq!(simulation.monitor.health().dropped_values, 2, "below zero, and no number");
    simulation.monitor.record("jobs", 4.0).expect("by name it adds as well");
    assert_eq!(simulation.monitor.latest_value("jobs"), Ok(7.0));
    simulation.monitor.record_bound(&gauge, 5.0);
    simulation.monitor.add_bound(&gauge, -7.0);
    assert_eq!(simulation.monitor.latest_value("depth"), Ok(-2.0));
    assert_eq!((ask(&simulation, "jobs:count", 60.0), ask(&simulation, "jobs:sum", 60.0)), (Some(3.0), Some(7.0)));
    assert_eq!(
        (ask(&simulation, "depth:min", 60.0), ask(&simulation, "depth:max", 60.0)),
        (Some(-2.0), Some(5.0))
    );
}

#[test]
fn a_monitor_that_never_ran_answers_since_the_first_record() {
    let simulation = Simulation::new();
    simulation.hand.advance(3600.0);
    simulation.monitor.record_with("m", 1.0, &route("/a")).expect("a name");
    simulation.hand.advance(600.0);
    simulation.monitor.record_with("m", 3.0, &route("/b")).expect("a name");
    for window in [Some(1.0), Some(1e6), None] {
        let summary = simulation.monitor.summary("m", window, None).expect("known");
        assert_eq!((summary.count(), summary.sum(), summary.seconds), (2, 4.0, 600.0), "{window:?}");
        assert_eq!(summary.last, Some(3.0));
    }
    assert_eq!(ask(&simulation, "m:rate", 60.0), Some(2.0 / 600.0));
}

#[test]
fn windows_series_and_ratios_while_it_runs() {
    let simulation = Simulation::started();
    for second in 0..30 {
        simulation.monitor.record_with("duration", 0.1, &route("/a")).expect("a name");
        simulation.monitor.record_with("duration", f64::from(second), &route("/b")).expect("a name");
        if second >= 20 {
            simulation.monitor.record_with("errors", 1.0, &route("/b")).expect("a name");
        }
        simulation.tick();
    }
    assert_eq!(ask(&simulation, "duration:count", 10.0), Some(20.0));
    assert_eq!(ask(&simulation, r#"duration{route="/b"}:min"#, 10.0), Some(20.0));
    assert_eq!(ask(&simulation, r#"duration{route!="/b"}:p50"#, 10.0), Some(0.1));
    assert_eq!(ask(&simulation, "duration:rate", 10.0), Some(2.0));
    assert_eq!(ask(&simulation, "errors:count / duration:count", 10.0), Some(0.5));
    assert_eq!(ask(&simulation, "errors:count / duration:count", 20.0), Some(0.25));
    assert_eq!(ask(&simulation, r#"duration{route="/c"}:count"#, 10.0), Some(0.0));
    assert_eq!(ask(&simulation, r#"duration{route="/c"}:p99"#, 10.0), None);
    let by = simulation.monitor.query_by("errors:count / duration:count by (route)", 10.0).expect("an expression");
    assert_eq!(by, [(route("/a"), Some(0.0)), (route("/b"), Some(1.0))]);
    let summary = simulation.monitor.summary("duration", Some(10.0), Some(&route("/b"))).expect("known");
    assert_eq!((summary.count(), summary.seconds, summary.last), (10, 10.0, Some(29.0)));
    assert_eq!(
        simulation.monitor.latest_value("duration"),
        Ok(29.0),
        "the series that comes last in the newest tick"
    );
}

#[test]
fn what_was_recorded_before_a_start_is_no_part_of_its_windows() {
    let simulation = Simulation::new();
    simulation.monitor.record("m", 1.0).expect("a name");
    simulation.hand.advance(1000.0);
    simulation.start_again();
    simulation.ticks(5);
    simulation.monitor.record("m", 1.0).expect("a name");
    assert_eq!(ask(&simulation, "m:count", 60.0), Some(1.0));
    assert_eq!(ask(&simulation, "m:count", 10_000.0), Some(2.0));
}

#[test]
fn built_in_metrics_have_windows_too() {
    let simulation = Simulation::started();
    for percent in [10, 20, 30, 40] {
        simulation.tick_at(percent);
    }
    let near = |expression, seconds, expected: f64| {
        let value = ask(&simulation, expression, seconds).expect("measured");
        assert!((value - expected).abs() <= expected * 0.0109, "{expression}: {value}");
    };
    near("cpu_usage:mean", 2.0, 35.0);
    near("cpu_usage:max", 100.0, 40.0);
    near("cpu_usage:p50", 100.0, 20.0);
    near("cpu_usage", 1.0, 40.0);
    near("cpu_usage:count", 2.0, 2.0);
    assert_eq!(ask(&simulation, r#"cpu_usage{cpu="0"}:mean"#, 60.0), None, "they have no labels");
}

#[test]
fn questions_that_cannot_be_answered_say_why() {
    let simulation = Simulation::new();
    simulation.monitor.record("queue_depth", 1.0).expect("a name");
    let error = |expression, seconds| simulation.monitor.query(expression, seconds).expect_err("no answer");
    let misspelt = error("queue_dpeth:p99", 60.0);
    assert!(matches!(misspelt, MonitoringError::UnknownMetric(_)));
    assert!(misspelt.to_string().contains("Did you mean \"queue_depth\"?"), "{misspelt}");
    assert!(error("queue_depth:p999x", 60.0).to_string().contains("^ an aggregate is"));
    assert!(error("queue_depth:max by (route)", 60.0).to_string().contains("one without `by`"));
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let message = error("queue_depth", seconds).to_string();
        assert!(message.starts_with("window_seconds must be a number of seconds above 0"), "{message}");
    }
    let refused =
        |name| simulation.monitor.declare(Kind::Gauge, name, "", "").expect_err("no such name").to_string();
    assert!(refused("cpu_usage").contains("does not measure itself, got \"cpu_usage\""));
    assert!(refused("").contains("at least one character"));
    let nameless = simulation.monitor.record_with("m", 1.0, &Labels::new([("", "x")])).expect_err("no label");
    assert!(nameless.to_string().starts_with("labels must be names"), "{nameless}");
}

#[test]
fn a_threshold_sees_series_with_labels_whenever_they_come() {
    let simulation = Simulation::new();
    simulation.monitor.record_with("depth", 1.0, &route("/before")).expect("a name");
    simulation.rule("depth", 10.0, RuleOptions::default());
    assert!(simulation.monitor.record_with("depth", 11.0, &route("/before")).expect("a name"));
    assert!(simulation.monitor.record_with("depth", 1.0, &route("/after")).expect("a name"));
    let told = simulation.told();
    assert!(told[0].starts_with("exceeded") && told[1].starts_with("cleared"), "{told:?}");
    // A threshold on a counter is one on its total.
    let jobs = declared(&simulation, Kind::Counter, "jobs");
    simulation.rule("jobs", 2.5, RuleOptions::default());
    let fires: Vec<bool> = (0..3).map(|_| simulation.monitor.record_bound(&jobs, 1.0)).collect();
    assert_eq!(fires, [false, false, true]);
}

#[test]
fn series_that_nobody_uses_expire_unless_a_handle_is_held() {
    let simulation = Simulation::started();
    let held = declared(&simulation, Kind::Gauge, "m").with_labels(&route("/held")).expect("a label");
    simulation.monitor.record_bound(&held, 1.0);
    simulation.monitor.record_with("m", 2.0, &route("/idle")).expect("a name");
    simulation.monitor.record("m", 3.0).expect("a name");
    let series = || {
        let recorded = simulation.monitor.recorded();
        recorded.iter().map(|series| series.labels.to_string()).collect::<Vec<_>>()
    };
    simulation.tick();
    simulation.hand.advance(3590.0);
    simulation.tick();
    assert_eq!(series(), ["", r#"{route="/held"}"#, r#"{route="/idle"}"#]);
    simulation.hand.advance(120.0);
    simulation.tick();
    assert_eq!(series(), ["", r#"{route="/held"}"#]);
    assert_eq!(simulation.monitor.health().expired_series, 1);
    // It begins anew.
    simulation.monitor.record_with("m", 5.0, &route("/idle")).expect("a name");
    assert_eq!(ask(&simulation, r#"m{route="/idle"}:count"#, 1e6), Some(1.0));
}

#[test]
fn too_many_series_are_told_of_once_and_memory_of_windows_is_bounded() {
    let (config, hand) = Machine::new().config();
    let config = config.with_window_memory_bytes(4096).expect("a sound budget");
    let monitor = MonitorCore::new(config);
    let mut told = 0;
    for user in 0..2_100 {
        told += usize::from(
            monitor.record_with("m", 1.0, &Labels::new([("user", user.to_string())])).expect("a name"),
        );
    }
    hand.advance(1.0);
    let events = monitor.drain_events();
    assert_eq!((told, events.len()), (1, 1));
    assert_eq!(monitor.query("m:count", 60.0), Ok(Some(2_100.0)));
    assert_eq!(monitor.query(r#"m{otel.metric.overflow="true"}:count"#, 60.0), Ok(Some(100.0)));
    let refused = Config::default().with_window_memory_bytes(usize::MAX).expect_err("too much").to_string();
    assert!(refused.starts_with("window_memory_bytes must be a whole number of bytes"), "{refused}");
    let refused = Config::default().with_series_expiry_seconds(0.0).expect_err("too short").to_string();
    assert!(refused.starts_with("series_expiry_seconds must be a finite number"), "{refused}");
}

#[test]
fn the_child_of_a_fork_has_declarations_and_handles_and_no_values() {
    let simulation = Simulation::new();
    let jobs = declared(&simulation, Kind::Counter, "jobs");
    simulation.monitor.record_bound(&jobs, 5.0);
    simulation.monitor.after_fork_in_child();
    assert_eq!(simulation.monitor.query("jobs:sum", 60.0), Ok(Some(0.0)), "declared, and nothing recorded");
    simulation.monitor.declare(Kind::Gauge, "jobs", "", "").expect_err("it is a counter in the child too");
}
