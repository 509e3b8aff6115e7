//! What an alert that fires carries of the moment in which it does: when, how often it is gathered, and how much of it.

use std::sync::Arc;

use mtaio_monitoring::alerts::{Alert, AlertState, Evidence};
use mtaio_monitoring::monitor::Event;
use mtaio_monitoring::profiler::Recorder;
use mtaio_monitoring::sampling::RawListed;
use mtaio_monitoring::{Profiler, RuleOptions};

use super::Simulation;

const MIB: u64 = 1 << 20;

fn processes(count: u32) -> Vec<RawListed> {
    let process = |pid: u32| RawListed {
        pid,
        name: format!("worker {pid}").into(),
        is_own: pid == 1,
        started_ns: Some(0),
        cpu_ns: Some(u64::from(pid) * 1_000_000_000),
        rss_bytes: Some(u64::from(count + 1 - pid) * MIB),
        threads: Some(1),
    };
    (1..=count).map(process).collect()
}

/// A monitor that runs, of a machine with a hundred processes.
fn running(interval: f64) -> Simulation {
    let simulation = Simulation::with_interval(interval);
    simulation.machine.change(|counters| counters.processes = processes(100));
    simulation.start()
}

fn alerts(simulation: &Simulation) -> Vec<Alert> {
    let alert = |event| match event {
        Event::Exceeded(alert) | Event::Cleared(alert) | Event::Raised(alert) => Some(alert),
        _ => None,
    };
    simulation.monitor.drain_events().into_iter().filter_map(alert).collect()
}

/// The evidence of the one alert that there is to tell.
fn told(simulation: &Simulation) -> Arc<Evidence> {
    let alerts = alerts(simulation);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    alerts[0].evidence.clone().expect("it has just fired")
}

fn names(evidence: &Evidence) -> (Vec<&str>, Vec<&str>) {
    let open = evidence.slowest_open.iter().map(|trace| &*trace.name).collect();
    (open, evidence.slowest_recent.iter().map(|trace| &*trace.name).collect())
}

#[test]
fn what_fires_has_the_sample_of_the_breach_and_the_biggest_processes() {
    let simulation = running(1.0);
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.tick_at(50);
    assert_eq!((alerts(&simulation).len(), simulation.machine.looks()), (0, 0));
    simulation.tick_at(90);
    let evidence = told(&simulation);
    let sample = evidence.sample.as_ref().expect("it samples");
    assert_eq!(sample.cpu.usage_percent, Some(90.0));
    assert_eq!(sample.timestamp, simulation.monitor.latest_stats().expect("a row").timestamp);
    let pids: Vec<u32> = evidence.biggest_processes.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [1, 2, 3, 4, 5, 96, 97, 98, 99, 100]);
    assert_eq!(evidence.processes_age_seconds, Some(0.0));
    assert_eq!(simulation.machine.looks(), 1);
    // No profiler is attached.
    assert_eq!((evidence.slowest_open.len(), evidence.slowest_recent.len()), (0, 0));
}

#[test]
fn what_becomes_worse_has_evidence_and_what_lasts_or_ends_has_none() {
    let simulation = running(1.0);
    let options = RuleOptions { critical: Some(95.0), repeat_seconds: Some(2.0), ..RuleOptions::default() };
    simulation.rule("cpu_usage", 80.0, options);
    let mut seen = Vec::new();
    for percent in [90, 90, 90, 99, 90, 10] {
        simulation.tick_at(percent);
        for alert in alerts(&simulation) {
            let usage = alert.evidence.as_ref().map(|evidence| {
                evidence.sample.as_ref().and_then(|sample| sample.cpu.usage_percent).expect("it samples")
            });
            seen.push((alert.state, alert.level.name(), usage));
        }
    }
    let firing = AlertState::Firing;
    assert_eq!(
        seen,
        [
            (firing, "warning", Some(90.0)),
            (firing, "warning", None),
            (firing, "critical", Some(99.0)),
            (firing, "warning", None),
            (AlertState::Resolved, "warning", None),
        ]
    );
    simulation.tick_at(90);
    assert!(alerts(&simulation)[0].evidence.is_some(), "again, and new");
    simulation.monitor.remove_rule("cpu_usage");
    simulation.monitor.raise(Alert::of_message("help".to_owned(), 0.0));
    assert!(alerts(&simulation).iter().all(|alert| alert.evidence.is_none()));
}

#[test]
fn an_expression_has_evidence_too_and_the_processes_are_looked_at_before() {
    let simulation = running(1.0);
    simulation.rule("queue:max", 10.0, RuleOptions::default());
    simulation.rule("latency:max", 10.0, RuleOptions::default());
    simulation.monitor.record("queue", 11.0).expect("a name");
    simulation.monitor.record("latency", 11.0).expect("a name");
    simulation.tick();
    let alerts = alerts(&simulation);
    let evidence: Vec<&Arc<Evidence>> = alerts.iter().filter_map(|alert| alert.evidence.as_ref()).collect();
    assert_eq!(evidence.len(), 2);
    assert!(Arc::ptr_eq(evidence[0], evidence[1]), "one for all of a sample");
    assert_eq!((evidence[0].biggest_processes.len(), simulation.machine.looks()), (10, 1));
}

#[test]
fn a_record_never_looks_at_processes_and_has_those_of_the_last_ten_seconds() {
    let simulation = running(1.0);
    simulation.rule("queue", 10.0, RuleOptions::default());
    let breach = |seconds: &str| {
        simulation.monitor.record("queue", 0.0).expect("a name");
        simulation.monitor.record("queue", 11.0).expect("a name");
        let alert = alerts(&simulation).pop().expect("it fires");
        let evidence = alert.evidence.expect("it has just fired");
        let age = evidence.processes_age_seconds.map_or_else(|| "-".to_owned(), |age| age.to_string());
        assert_eq!(age, seconds);
        assert_eq!(evidence.biggest_processes.len(), if seconds == "-" { 0 } else { 10 });
        evidence
    };
    simulation.tick_at(30);
    let evidence = breach("-");
    let sample = evidence.sample.as_ref().expect("the newest");
    assert_eq!((sample.cpu.usage_percent, simulation.machine.looks()), (Some(30.0), 0));
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.tick_at(90);
    assert_eq!((alerts(&simulation).len(), simulation.machine.looks()), (1, 1));
    breach("0");
    simulation.ticks(10);
    let _cleared = alerts(&simulation);
    breach("10");
    simulation.tick();
    breach("-");
    assert_eq!(simulation.machine.looks(), 1);
}

#[test]
fn a_monitor_that_does_not_run_has_no_sample_and_one_that_was_stopped_no_old_one() {
    let simulation = Simulation::new();
    simulation.rule("queue", 10.0, RuleOptions::default());
    simulation.monitor.record("queue", 11.0).expect("a name");
    let evidence = told(&simulation);
    assert_eq!((&evidence.sample, evidence.timestamp), (&None, 1_767_225_600.0));
    simulation.start_again();
    simulation.tick();
    simulation.monitor.request_stop();
    assert!(simulation.monitor.wait_stopped(super::PATIENCE));
    simulation.monitor.record("queue", 0.0).expect("a name");
    simulation.monitor.record("queue", 11.0).expect("a name");
    assert_eq!(alerts(&simulation)[1].evidence.as_ref().expect("it fires").sample, None);
}

#[test]
fn a_storm_gathers_once_a_second() {
    let simulation = running(1_000.0);
    let profiler = Profiler::with_clock(1_000, simulation.monitor.config().clock());
    simulation.monitor.attach_profiler(profiler.recorder());
    (0..1_000).for_each(|at| simulation.rule(&format!("m{at}"), 10.0, RuleOptions::default()));
    let mut gathered: Vec<Arc<Evidence>> = Vec::new();
    for tenth in 0..30 {
        drop(profiler.enter(&format!("trace {tenth}")));
        for at in 0..1_000 {
            simulation.monitor.record(&format!("m{at}"), 0.0).expect("a name");
            simulation.monitor.record(&format!("m{at}"), 11.0).expect("a name");
        }
        for alert in alerts(&simulation).into_iter().filter(|alert| alert.state == AlertState::Firing) {
            let evidence = alert.evidence.expect("it has just fired");
            if !gathered.last().is_some_and(|last| Arc::ptr_eq(last, &evidence)) {
                gathered.push(evidence);
            }
        }
        simulation.hand.advance(0.1);
    }
    let traces: Vec<usize> = gathered.iter().map(|evidence| evidence.slowest_recent.len()).collect();
    assert_eq!(traces, [1, 5, 5], "thirty thousand alerts in three seconds");
}

#[test]
fn a_storm_of_samples_looks_at_the_processes_once_a_second_and_has_each_its_own_sample() {
    let simulation = running(0.1);
    let mut usages = Vec::new();
    // Each sample of twenty sets off an alert.
    for percent in 1..=20 {
        simulation.rule("cpu_usage", 0.5, RuleOptions::default());
        simulation.machine.work(2 * percent, 20_u64.saturating_sub(2 * percent));
        simulation.tick();
        let alert = alerts(&simulation).pop().expect("it fires");
        let evidence = alert.evidence.expect("it has just fired");
        assert!(evidence.processes_age_seconds.is_some_and(|age| age < 1.0), "{evidence:?}");
        let usage = evidence.sample.as_ref().and_then(|sample| sample.cpu.usage_percent);
        assert_eq!(usage, alert.value);
        usages.push(usage);
        simulation.monitor.remove_rule("cpu_usage");
        let _removed = alerts(&simulation);
    }
    usages.dedup();
    assert!(usages.len() > 5, "{usages:?}");
    let looks = simulation.machine.looks();
    assert!((2..=3).contains(&looks), "two seconds, {looks} looks");
}

#[test]
fn a_share_of_time_is_that_since_the_look_before() {
    let simulation = running(1.0);
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.tick_at(90);
    assert!(told(&simulation).biggest_processes.iter().all(|process| process.cpu_is_lifetime_mean));
    (0..3).for_each(|_| simulation.tick_at(10));
    simulation.machine.change(|counters| {
        counters.processes[41].cpu_ns = counters.processes[41].cpu_ns.map(|ns| ns + 2_000_000_000);
    });
    simulation.tick_at(90);
    let alert = alerts(&simulation).pop().expect("it fires again");
    let evidence = alert.evidence.expect("it has just fired");
    let busy = evidence.biggest_processes.iter().find(|process| process.pid == 42).expect("the busiest");
    assert_eq!((busy.cpu_cores_used, busy.cpu_window_seconds), (Some(0.5), Some(4.0)));
    assert!(!busy.cpu_is_lifetime_mean);
    assert_eq!(evidence.biggest_processes.len(), 6, "nobody else did anything");
}

#[test]
fn a_bug_in_the_look_costs_the_processes_and_not_the_alert() {
    let simulation = running(1.0);
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.rule("queue:max", 1.0, RuleOptions::default());
    simulation.monitor.record("queue", 11.0).expect("a name");
    simulation.machine.panic_at_look();
    simulation.tick_at(90);
    let evidence: Vec<_> = alerts(&simulation).into_iter().map(|alert| alert.evidence.expect("fired")).collect();
    assert_eq!(evidence.len(), 2);
    assert!(evidence.iter().all(|one| one.biggest_processes.is_empty() && one.sample.is_some()));
    assert_eq!((simulation.monitor.health().panics, simulation.machine.looks()), (1, 1));
    // And where none can be seen.
    simulation.machine.change(|counters| counters.processes.clear());
    (0..2).for_each(|_| simulation.tick_at(10));
    let _cleared = alerts(&simulation);
    simulation.tick_at(90);
    assert_eq!(told(&simulation).processes_age_seconds, None);
}

#[test]
fn the_traces_are_those_of_the_profiler_that_is_attached() {
    let simulation = Simulation::new();
    simulation.rule("queue", 10.0, RuleOptions::default());
    let clock = simulation.monitor.config().clock().clone();
    let (first, second) = (Profiler::with_clock(100, &clock), Profiler::with_clock(100, &clock));
    let open = first.enter("checkout");
    drop(second.enter("other"));
    let breach = || {
        simulation.hand.advance(2.0);
        simulation.monitor.record("queue", 0.0).expect("a name");
        simulation.monitor.record("queue", 11.0).expect("a name");
        let alert = alerts(&simulation).pop().expect("it fires");
        alert.evidence.expect("it has just fired")
    };
    assert_eq!(names(&breach()), (vec![], vec![]));
    simulation.monitor.attach_profiler(first.recorder());
    simulation.monitor.attach_profiler(first.recorder());
    let evidence = breach();
    assert_eq!(names(&evidence), (vec!["checkout"], vec![]));
    assert!((evidence.slowest_open[0].duration_seconds - 4.0).abs() < 1e-3, "{evidence:?}");
    drop(open);
    assert_eq!(names(&breach()), (vec![], vec!["checkout"]));
    simulation.monitor.attach_profiler(second.recorder());
    assert_eq!(names(&breach()), (vec![], vec!["other"]));
    drop(second);
    assert_eq!(names(&breach()), (vec![], vec![]), "it is not kept alive");
    simulation.monitor.attach_profiler(first.recorder());
    simulation.monitor.attach_profiler(Profiler::disabled().recorder());
    assert_eq!(names(&breach()), (vec![], vec![]));
    simulation.monitor.attach_profiler(None);
    assert_eq!(names(&breach()), (vec![], vec![]));
}

#[test]
fn the_child_of_a_fork_asks_what_goes_on_in_the_place_of_the_parents_profiler_and_nothing_else() {
    let simulation = Simulation::new();
    simulation.rule("queue", 10.0, RuleOptions::default());
    let clock = simulation.monitor.config().clock().clone();
    let parents = Arc::new(Recorder::new(100, &clock, false));
    simulation.monitor.attach_profiler(Some(&parents));
    let begin = |recorder: &Recorder, name: &str| {
        let _stays_open = recorder.begin(recorder.name(name), 0, 0, recorder.ticks()).expect("room");
    };
    begin(&parents, "the parent's");
    simulation.monitor.after_fork_in_child();
    simulation.monitor.record("queue", 11.0).expect("a name");
    assert_eq!(names(&told(&simulation)), (vec![], vec![]), "its locks may be held for ever");
    let childs = Arc::new(parents.anew(&clock));
    parents.hand_over_to(&childs);
    begin(&childs, "the child's");
    simulation.hand.advance(2.0);
    simulation.monitor.record("queue", 0.0).expect("a name");
    simulation.monitor.record("queue", 11.0).expect("a name");
    assert_eq!(names(alerts(&simulation)[1].evidence.as_ref().expect("it fires")), (vec!["the child's"], vec![]));
    // A fork of the fork.
    simulation.monitor.after_fork_in_child();
    let grandchilds = Arc::new(childs.anew(&clock));
    childs.hand_over_to(&grandchilds);
    begin(&grandchilds, "the grandchild's");
    simulation.monitor.record("queue", 11.0).expect("a name");
    assert_eq!(names(&told(&simulation)), (vec!["the grandchild's"], vec![]));
    drop(grandchilds);
    simulation.hand.advance(2.0);
    simulation.monitor.record("queue", 0.0).expect("a name");
    simulation.monitor.record("queue", 11.0).expect("a name");
    assert_eq!(names(alerts(&simulation)[1].evidence.as_ref().expect("it fires")), (vec![], vec![]));
}

#[test]
fn while_nothing_fires_nothing_is_looked_at() {
    let simulation = running(1.0);
    simulation.rule("cpu_usage", 80.0, RuleOptions::default());
    simulation.rule("queue:p99", 80.0, RuleOptions::default());
    let options = RuleOptions { for_seconds: 3.0, ..RuleOptions::default() };
    simulation.rule("memory_usage", 10.0, options);
    (0..3).for_each(|_| simulation.tick_at(50));
    assert_eq!((alerts(&simulation).len(), simulation.machine.looks()), (0, 0));
    simulation.tick_at(50);
    assert_eq!((alerts(&simulation).len(), simulation.machine.looks()), (1, 1));
    simulation.ticks(5);
    assert_eq!((alerts(&simulation).len(), simulation.machine.looks()), (0, 1), "it lasts, and is known");
}
