//! Alerts that are kept back, in a monitor: silences, cool-downs, graces; and thresholds on expressions.

use mtaio_monitoring::RuleOptions;
use mtaio_monitoring::alerts::NoData;

use super::Simulation;

#[test]
fn what_begins_in_a_silence_is_told_when_it_is_over() {
    let simulation = Simulation::started();
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    let silence = simulation.monitor.silence("cpu_usage", 2.5, "deploy").expect("a silence");
    assert_eq!(simulation.monitor.silences(), std::slice::from_ref(&silence));
    assert_eq!(&*silence.comment, "deploy");
    simulation.tick_at(90);
    simulation.tick_at(91);
    assert!(simulation.told().is_empty());
    let states: Vec<bool> = simulation.monitor.rule_states().into_iter().map(|state| state.firing).collect();
    assert_eq!(states, [true], "tracked all the same");
    simulation.tick_at(92);
    assert_eq!(simulation.told(), ["exceeded: cpu_usage 92 % is above its threshold of 80 %"]);
    assert!(simulation.monitor.silences().is_empty());
    assert!(!simulation.monitor.expire_silence(silence.number), "it is over");
}

#[test]
fn an_alert_that_was_told_ends_in_a_silence_too() {
    let simulation = Simulation::started();
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.tick_at(90);
    assert_eq!(simulation.told().len(), 1);
    simulation.monitor.silence("cpu_usage", 60.0, "").expect("a silence");
    simulation.tick_at(20);
    assert_eq!(simulation.told(), ["cleared: cpu_usage 20 % is back within its threshold of 80 %"]);
    simulation.tick_at(90);
    simulation.tick_at(20);
    assert!(simulation.told().is_empty());
}

#[test]
fn a_silence_that_is_expired_tells_at_once_what_it_kept_back() {
    let simulation = Simulation::new();
    simulation.rule("queue", 10.0, RuleOptions::default());
    simulation.rule("other", 10.0, RuleOptions::default());
    let silence = simulation.monitor.silence("queue", 60.0, "").expect("a silence");
    simulation.monitor.record("queue", 11.0).expect("a name");
    simulation.monitor.record("other", 12.0).expect("a name");
    assert_eq!(simulation.told(), ["exceeded: other 12 is above its threshold of 10"]);
    assert!(simulation.monitor.expire_silence(silence.number));
    assert_eq!(simulation.told(), ["exceeded: queue 11 is above its threshold of 10"]);
    assert!(!simulation.monitor.expire_silence(silence.number));
}

#[test]
fn what_was_recorded_in_a_silence_is_told_though_nobody_records() {
    let simulation = Simulation::started();
    simulation.rule("queue", 10.0, RuleOptions::default());
    simulation.monitor.silence("queue", 1.5, "").expect("a silence");
    simulation.monitor.record("queue", 11.0).expect("a name");
    simulation.tick();
    assert!(simulation.told().is_empty());
    simulation.tick();
    assert_eq!(simulation.told(), ["exceeded: queue 11 is above its threshold of 10"]);
}

#[test]
fn a_cool_down_ends_though_nobody_records() {
    let simulation = Simulation::started();
    let options = RuleOptions { cool_down_seconds: 1.5, ..RuleOptions::default() };
    simulation.rule("queue", 10.0, options);
    for value in [11.0, 9.0, 12.0] {
        simulation.monitor.record("queue", value).expect("a name");
    }
    assert_eq!(simulation.told().len(), 2, "the second one is kept back");
    simulation.tick();
    assert!(simulation.told().is_empty());
    simulation.tick();
    assert_eq!(simulation.told(), ["exceeded: queue 12 is above its threshold of 10"]);
}

#[test]
fn a_machine_that_sleeps_sleeps_through_no_silence() {
    let simulation = Simulation::started();
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.monitor.silence("cpu_usage", 60.0, "").expect("a silence");
    simulation.hand.suspend(3_600.0);
    simulation.hand.jump_wall(7_200.0);
    simulation.tick_at(90);
    simulation.tick_at(90);
    assert!(simulation.told().is_empty());
    assert_eq!(simulation.monitor.silences().len(), 1);
}

#[test]
fn silences_outlive_a_fork_and_are_bounded() {
    let simulation = Simulation::new();
    let first = simulation.monitor.silence("queue", 60.0, "").expect("a silence");
    simulation.monitor.after_fork_in_child();
    assert_eq!(simulation.monitor.silences(), std::slice::from_ref(&first));
    for _ in 1..1_000 {
        let further = simulation.monitor.silence("queue", 60.0, "").expect("room");
        assert!(further.number > first.number);
    }
    let error = simulation.monitor.silence("queue", 60.0, "").expect_err("no room").to_string();
    assert!(error.contains("1000 silences"), "{error}");
    simulation.hand.advance(61.0);
    simulation.monitor.silence("queue", 60.0, "").expect("room again");
    assert_eq!(simulation.monitor.silences().len(), 1);
}

#[test]
fn the_grace_counts_from_the_start() {
    let simulation = Simulation::new();
    let options = RuleOptions { grace_seconds: 3.0, ..RuleOptions::default() };
    simulation.rule("memory_usage", 10.0, options);
    simulation.hand.advance(60.0);
    let simulation = simulation.start();
    simulation.ticks(2);
    assert!(simulation.told().is_empty());
    simulation.tick();
    assert_eq!(simulation.told(), ["exceeded: memory_usage 25 % is above its threshold of 10 %"]);
}

#[test]
fn a_threshold_on_a_ratio_of_recorded_values() {
    let simulation = Simulation::started();
    simulation.rule("busy / workers", 0.5, RuleOptions::default());
    simulation.monitor.record("busy", 3.0).expect("a name");
    simulation.monitor.record("workers", 4.0).expect("a name");
    assert!(simulation.told().is_empty(), "at a sample, and not at a record");
    simulation.tick();
    assert_eq!(simulation.told(), ["exceeded: busy / workers 0.75 is above its threshold of 0.5"]);
    simulation.monitor.record("busy", 1.0).expect("a name");
    simulation.tick();
    assert_eq!(simulation.told(), ["cleared: busy / workers 0.25 is back within its threshold of 0.5"]);
    simulation.monitor.record("busy", 4.0).expect("a name");
    simulation.tick();
    assert_eq!(simulation.told().len(), 1);
    assert!(simulation.monitor.remove_rule("busy / workers"));
    assert_eq!(simulation.told(), ["raised: the threshold of 0.5 on busy / workers was removed while it fired"]);
}

#[test]
fn an_expression_without_values_is_told_once() {
    let simulation = Simulation::started();
    simulation.rule("busy / workers", 0.5, RuleOptions::default());
    simulation.ticks(6);
    assert_eq!(
        simulation.told(),
        ["no data: the threshold on \"busy / workers\" has had no value for three intervals"]
    );
    assert_eq!(simulation.monitor.health().thresholds_without_data, ["busy / workers".into()]);
}

#[test]
fn a_built_in_value_that_goes_away_is_told_of_once_and_again_when_it_is_back() {
    let simulation = Simulation::started();
    simulation.rule("memory_usage", 10.0, RuleOptions::default());
    simulation.tick();
    assert_eq!(simulation.told().len(), 1);
    let mut memory = None;
    simulation.machine.change(|counters| memory = counters.memory.take());
    simulation.ticks(6);
    assert_eq!(
        simulation.told(),
        ["no data: the threshold on \"memory_usage\" has no value any more, and stays as it was"]
    );
    assert_eq!(simulation.monitor.health().thresholds_without_data, ["memory_usage".into()]);
    simulation.machine.change(|counters| counters.memory = memory);
    simulation.tick();
    assert_eq!(simulation.told(), ["notice: the threshold on \"memory_usage\" has values again"]);
    assert!(simulation.monitor.health().thresholds_without_data.is_empty());
}

#[test]
fn a_program_that_falls_silent_is_an_alert_where_the_rule_says_so() {
    let simulation = Simulation::started();
    simulation.rule("beat", 10.0, RuleOptions { no_data: NoData::Alert, ..RuleOptions::default() });
    simulation.rule("queue", 10.0, RuleOptions { no_data: NoData::Resolve, ..RuleOptions::default() });
    simulation.monitor.record("beat", 1.0).expect("a name");
    simulation.monitor.record("queue", 11.0).expect("a name");
    assert_eq!(simulation.told().len(), 1);
    simulation.ticks(2);
    assert!(simulation.told().is_empty());
    simulation.ticks(2);
    assert_eq!(
        simulation.told(),
        [
            "exceeded: beat has no value: nothing says that it is within 10",
            "cleared: queue has no value any more, and so its alert ends"
        ]
    );
    simulation.monitor.record("beat", 2.0).expect("a name");
    assert_eq!(simulation.told(), ["cleared: beat 2 is back within its threshold of 10"]);
}

#[test]
fn each_route_that_is_slow_has_an_alert_of_its_own_and_ends_with_its_window() {
    let simulation = Simulation::started();
    let options = RuleOptions { window_seconds: 2.0, no_data: NoData::Resolve, ..Default::default() };
    simulation.rule("request_duration:p99 by (route)", 0.5, options);
    let request = |route: &str, seconds: f64| {
        let labels = mtaio_monitoring::metrics::Labels::new([("route", route), ("method", "GET")]);
        simulation.monitor.record_with("request_duration", seconds, &labels).expect("a name");
    };
    for _ in 0..99 {
        request("/quick", 0.01);
        request("/slow", 0.8);
    }
    simulation.tick();
    let told = simulation.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("exceeded: request_duration:p99 by (route) {route=\"/slow\"} "), "{told:?}");
    // Nothing is slow any more, and two samples later nobody remembers.
    for _ in 0..3 {
        request("/slow", 0.02);
        simulation.tick();
    }
    let told = simulation.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("cleared: request_duration:p99 by (route) {route=\"/slow\"} "), "{told:?}");
}

#[test]
fn a_ratio_of_counts_fires_and_a_mean_of_the_machine_does_too() {
    let simulation = Simulation::started();
    let window = RuleOptions { window_seconds: 3.0, ..Default::default() };
    simulation.rule("request_error:count / request_duration:count", 0.2, window);
    simulation.rule("cpu_usage:mean", 50.0, window);
    for second in 0..3 {
        for at in 0..10 {
            simulation.monitor.record("request_duration", 0.1).expect("a name");
            if at < second * 3 {
                simulation.monitor.record("request_error", 1.0).expect("a name");
            }
        }
        // 20, 60 and 100 % are 60 % in the mean.
        simulation.tick_at(20 + 40 * second);
    }
    let mut told = simulation.told();
    told.sort();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("exceeded: cpu_usage:mean 60"), "{told:?}");
    assert!(told[1].starts_with("exceeded: request_error:count / request_duration:count 0.3"), "{told:?}");
}
