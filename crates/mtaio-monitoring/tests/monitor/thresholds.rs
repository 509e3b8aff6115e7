//! Thresholds on samples: what is told, when, and once.

use mtaio_monitoring::RuleOptions;
use mtaio_monitoring::metrics::Labels;
use mtaio_monitoring::metrics::catalogue::{BuiltIn, Kind};

use super::Simulation;

#[test]
fn a_threshold_on_a_sample_fires_and_clears() {
    let simulation = Simulation::started();
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.tick_at(50);
    assert!(simulation.told().is_empty());
    simulation.tick_at(90);
    assert_eq!(simulation.told(), ["exceeded: cpu_usage 90 % is above its threshold of 80 %"]);
    simulation.tick_at(95);
    assert!(simulation.told().is_empty(), "once");
    simulation.tick_at(20);
    assert_eq!(simulation.told(), ["cleared: cpu_usage 20 % is back within its threshold of 80 %"]);
}

#[test]
fn a_threshold_must_last_and_repeats() {
    let simulation = Simulation::started();
    let options = RuleOptions { for_seconds: 2.0, repeat_seconds: Some(3.0), ..RuleOptions::default() };
    simulation.rule("cpu_usage", 80.0, options);
    let mut said = Vec::new();
    for _ in 0..9 {
        simulation.tick_at(90);
        said.push(simulation.told().len());
    }
    assert_eq!(said, [0, 0, 1, 0, 0, 1, 0, 0, 1]);
}

#[test]
fn a_level_is_checked_at_the_first_sample_already() {
    let simulation = Simulation::new();
    simulation.rule("memory_usage", 10.0, RuleOptions::default());
    let simulation = simulation.start();
    simulation.tick();
    assert_eq!(simulation.told(), ["exceeded: memory_usage 25 % is above its threshold of 10 %"]);
}

#[test]
fn a_name_without_values_is_told_once_after_three_ticks_with_what_it_may_mean() {
    let simulation = Simulation::started();
    simulation.rule("cpu_usgae", 80.0, RuleOptions::default());
    simulation.ticks(2);
    assert!(simulation.told().is_empty());
    simulation.tick();
    assert_eq!(
        simulation.told(),
        [
            "no data: the threshold on \"cpu_usgae\" has had no value for three intervals; did you mean \"cpu_usage\"?"
        ]
    );
    simulation.ticks(4);
    assert!(simulation.told().is_empty(), "once");
    let silent = simulation.monitor.health().thresholds_without_data;
    assert_eq!(silent, ["cpu_usgae".into()]);
    // A value after all.
    simulation.monitor.record("cpu_usgae", 1.0).expect("a name");
    assert!(simulation.monitor.health().thresholds_without_data.is_empty());
}

#[test]
fn a_name_that_resembles_none_gets_no_advice() {
    let simulation = Simulation::started();
    simulation.rule("zzz", 1.0, RuleOptions::default());
    simulation.ticks(3);
    assert_eq!(simulation.told(), ["no data: the threshold on \"zzz\" has had no value for three intervals"]);
}

#[test]
fn a_right_name_without_values_is_not_taken_for_a_wrong_one() {
    let simulation = Simulation::started();
    simulation.machine.change(|counters| counters.load = None);
    simulation.rule("load_average", 1.0, RuleOptions::default());
    simulation.ticks(3);
    assert_eq!(
        simulation.told(),
        ["no data: the threshold on \"load_average\" has had no value for three intervals"]
    );
}

#[test]
fn a_name_that_had_a_value_before_its_threshold_is_not_silent() {
    let simulation = Simulation::started();
    simulation.monitor.record("queue", 3.0).expect("a name");
    simulation.rule("queue", 10.0, RuleOptions::default());
    simulation.ticks(5);
    assert!(simulation.told().is_empty());
}

#[test]
fn fast_samples_that_have_no_window_yet_do_not_make_a_name_silent() {
    // 10 ms: a share exists from the tenth sample on.
    let simulation = Simulation::with_interval(0.01);
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    let simulation = simulation.start();
    (0..20).for_each(|_| {
        simulation.machine.work(2, 0);
        simulation.tick();
    });
    let told = simulation.told();
    assert_eq!(told, ["exceeded: cpu_usage 100 % is above its threshold of 80 %"]);
}

#[test]
fn p36_a_gap_mutes_alerts_and_marks_the_next_row() {
    let simulation = Simulation::started();
    simulation.rule("memory_usage", 30.0, RuleOptions::default());
    simulation.tick();
    simulation.hand.suspend(3_600.0);
    // Memory is full when it wakes up, for a moment.
    simulation.machine.change(|counters| {
        counters.memory.as_mut().expect("memory").available = Some(1);
    });
    simulation.tick();
    assert!(simulation.told().is_empty(), "muted");
    simulation.tick();
    assert_eq!(simulation.told().len(), 1, "and then it counts");
    let rows = simulation.monitor.history(None, None).expect("no bounds");
    let marks: Vec<bool> = rows.iter().map(|row| row.gap).collect();
    assert_eq!(marks, [false, true], "no row of the tick after the gap: it has no window");
    let health = simulation.monitor.health();
    assert_eq!((health.suspends, health.samples), (1, 3));
}

#[test]
fn time_that_a_stopped_monitor_did_not_see_does_not_count_as_time_beyond() {
    let simulation = Simulation::started();
    let options = RuleOptions { for_seconds: 5.0, ..RuleOptions::default() };
    simulation.rule("memory_usage", 10.0, options);
    simulation.ticks(2);
    simulation.monitor.request_stop();
    assert!(simulation.monitor.wait_stopped(super::PATIENCE));
    simulation.hand.advance(3_600.0);
    simulation.start_again();
    simulation.ticks(5);
    assert!(simulation.told().is_empty());
    simulation.tick();
    assert_eq!(simulation.told().len(), 1);
}

#[test]
fn the_same_rule_again_changes_nothing_and_another_one_begins_anew() {
    let simulation = Simulation::started();
    simulation.rule("memory_usage", 10.0, RuleOptions::default());
    simulation.tick();
    assert_eq!(simulation.told().len(), 1);
    simulation.rule("memory_usage", 10.0, RuleOptions::default());
    simulation.tick();
    assert!(simulation.told().is_empty(), "still the same alert");
    simulation.rule("memory_usage", 20.0, RuleOptions::default());
    assert_eq!(simulation.told(), ["raised: the threshold of 10 on memory_usage was removed while it fired"]);
    simulation.tick();
    assert_eq!(simulation.told(), ["exceeded: memory_usage 25 % is above its threshold of 20 %"]);
    assert!(simulation.monitor.remove_rule("memory_usage"));
    assert_eq!(simulation.told().len(), 1, "its end");
    assert!(!simulation.monitor.remove_rule("memory_usage"));
    simulation.tick();
    assert!(simulation.told().is_empty());
}

#[test]
fn rules_show_where_they_stand() {
    let simulation = Simulation::started();
    let lasting = RuleOptions { for_seconds: 60.0, ..RuleOptions::default() };
    simulation.rule("memory_usage", 10.0, lasting);
    simulation.rule("thread_count", 1.0, RuleOptions::default());
    simulation.rule("cpu_usage", 99.0, RuleOptions::default());
    simulation.tick();
    let stats = simulation.monitor.latest_stats().expect("a sample");
    let states = simulation.monitor.rule_states();
    let states: Vec<_> =
        states.iter().map(|state| (&*state.rule.metric, state.value, state.pending, state.firing)).collect();
    let value = |name| stats.value(BuiltIn::from_name(name).expect("a metric"));
    let expected = [("cpu_usage", false, false), ("memory_usage", true, false), ("thread_count", false, true)];
    assert_eq!(states, expected.map(|(metric, pending, firing)| (metric, value(metric), pending, firing)));
}

#[test]
fn of_several_sets_of_labels_the_worst_value_is_shown() {
    let simulation = Simulation::started();
    let latency = simulation.monitor.declare(Kind::Histogram, "latency", "s", "").unwrap();
    let record = |route: &'static str, value| {
        let labelled = latency.with_labels(&Labels::new([("route", route)])).unwrap();
        simulation.monitor.record_bound(&labelled, value);
    };
    simulation.rule("latency:max by (route)", 10.0, RuleOptions::default());
    simulation.rule("latency:min by (route)", 0.5, RuleOptions { below: true, ..RuleOptions::default() });
    let shown = || simulation.monitor.rule_states().iter().map(|state| state.value).collect::<Vec<_>>();
    assert_eq!(shown(), [None, None]);
    record("/a", 3.0);
    record("/b", 7.0);
    simulation.tick();
    assert_eq!(shown(), [Some(7.0), Some(3.0)]);
}
