//! A machine that panics, hangs or is forked: what the monitor makes of it.

use std::time::{Duration, Instant};

use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::alerts::{Rule, RuleOptions};
use mtaio_monitoring::monitor::MonitorCore;

use super::{PATIENCE, Simulation, wait_until};
use crate::machine::Machine;

const FAULT: &str = "fault: a bug in the sampler was caught; sampling goes on";

#[test]
fn a_reading_that_panics_is_counted_and_sampling_goes_on() {
    let simulation = Simulation::started();
    simulation.ticks(2);
    simulation.machine.panic_next(1);
    simulation.hand.advance(1.0);
    wait_until("the panic is caught", || simulation.monitor.health().missed_ticks == 1);
    let health = simulation.monitor.health();
    assert_eq!((health.panics, health.samples), (1, 2));
    assert_eq!(simulation.told(), [FAULT]);
    simulation.tick_at(50);
    let rows = simulation.monitor.history(None, None).expect("no bounds");
    let sequences: Vec<u64> = rows.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, [0, 1, 3], "the deadline without a sample has its number");
    assert_eq!(rows[2].elapsed_seconds, Some(2.0), "and the next sample covers its time");
}

#[test]
fn a_first_reading_that_panics_only_costs_the_first_window() {
    let simulation = Simulation::new();
    simulation.machine.panic_next(1);
    let simulation = simulation.start();
    simulation.ticks(2);
    let health = simulation.monitor.health();
    assert_eq!((health.panics, health.samples), (1, 2));
    assert_eq!(simulation.monitor.history(None, None).expect("no bounds").len(), 1);
}

#[test]
fn a_panic_does_not_reach_who_asks() {
    let simulation = Simulation::started();
    simulation.machine.panic_next(1);
    let error = simulation.monitor.current_stats().expect_err("a bug");
    assert!(matches!(error, MonitoringError::Unavailable(_)), "{error}");
    assert_eq!(simulation.told(), [FAULT]);
    simulation.hand.advance(0.5);
    assert!(simulation.monitor.current_stats().expect("well again").is_ok());
}

#[test]
fn a_waker_is_called_for_a_fault_too() {
    let simulation = Simulation::started();
    let (sender, calls) = std::sync::mpsc::channel();
    let ring = move || sender.send(()).expect("the test listens");
    simulation.monitor.set_waker(Some(std::sync::Arc::new(ring)));
    simulation.ticks(3);
    assert!(calls.try_recv().is_err(), "nothing to tell, so nobody is woken");
    simulation.machine.panic_next(1);
    simulation.hand.advance(1.0);
    calls.recv_timeout(PATIENCE).expect("woken");
}

#[test]
fn a_system_that_does_not_answer_hangs_neither_who_asks_nor_who_stops() {
    let simulation = Simulation::started();
    simulation.tick();
    let reads = simulation.machine.reads();
    simulation.machine.hang();
    simulation.hand.advance(1.0);
    wait_until("a reading is under way", || simulation.machine.reads() > reads);

    let begin = Instant::now();
    let error = simulation.monitor.current_stats().expect_err("no answer").to_string();
    assert_eq!(error, "the reading under way has taken over 1 s: the system does not answer");
    assert!(begin.elapsed() >= Duration::from_secs(1));
    // What is known is still to be had.
    assert_eq!(simulation.monitor.history(None, None).expect("no bounds").len(), 1);
    assert!(simulation.monitor.latest_value("memory_usage").is_ok());

    let begin = Instant::now();
    simulation.monitor.request_stop();
    assert!(!simulation.monitor.is_running());
    assert!(!simulation.monitor.wait_stopped(Duration::from_millis(20)), "it still hangs");
    assert!(begin.elapsed() < Duration::from_secs(10));

    simulation.machine.release();
    assert!(simulation.monitor.wait_stopped(PATIENCE));
    let rows = simulation.monitor.history(None, None).expect("no bounds").len();
    assert_eq!(rows, 1, "what came after the stop is nobody's");
    assert_eq!(simulation.monitor.health().samples, 1);
}

#[test]
fn a_monitor_that_is_started_again_while_its_old_thread_hangs_has_one_thread_in_the_end() {
    let simulation = Simulation::started();
    let reads = simulation.machine.reads();
    simulation.machine.hang();
    simulation.hand.advance(1.0);
    wait_until("a reading is under way", || simulation.machine.reads() > reads);
    simulation.monitor.request_stop();
    simulation.monitor.start().expect("a thread");
    assert!(
        simulation.monitor.wait_stopped(Duration::ZERO),
        "who waits for the old one need not: it was started again"
    );
    simulation.machine.release();
    wait_until("the new thread has its baseline", || simulation.machine.reads() > reads + 1);
    let _reading_over = simulation.monitor.health();
    simulation.hand.advance(0.1);
    simulation.ticks(3);
    assert_eq!(simulation.monitor.health().samples, 3, "none of them twice");
}

#[test]
fn a_monitor_that_is_dropped_ends_its_thread() {
    let machine = Machine::new();
    let (config, _hand) = machine.config();
    let monitor = MonitorCore::new(config);
    monitor.start().expect("a thread");
    assert_eq!((machine.opened(), machine.closed()), (1, 0));
    drop(monitor);
    wait_until("nobody holds the source", || machine.closed() == 1);
}

#[test]
fn dropping_a_monitor_whose_system_hangs_does_not_hang() {
    let machine = Machine::new();
    let (config, _hand) = machine.config();
    let monitor = MonitorCore::new(config);
    machine.hang();
    monitor.start().expect("a thread");
    wait_until("a reading is under way", || machine.reads() == 1);
    drop(monitor);
    assert_eq!(machine.closed(), 0);
    machine.release();
    wait_until("nobody holds the source", || machine.closed() == 1);
}

#[test]
fn p31_the_child_of_a_fork_has_the_thresholds_and_nothing_else() {
    let simulation = Simulation::started();
    simulation.rule("queue", 10.0, RuleOptions::default());
    simulation.rule("memory_usage", 99.0, RuleOptions::default());
    simulation.ticks(3);
    assert!(simulation.monitor.record("queue", 11.0).expect("a name"));
    simulation.monitor.record("other", f64::NAN).expect("a name");
    // A fork copies no threads; here the thread must be ended by hand.
    simulation.monitor.request_stop();
    assert!(simulation.monitor.wait_stopped(PATIENCE));

    simulation.monitor.after_fork_in_child();
    assert!(!simulation.monitor.is_running());
    assert!(simulation.monitor.history(None, None).expect("no bounds").is_empty());
    assert!(simulation.monitor.recorded().is_empty());
    assert!(simulation.told().is_empty(), "the parent tells what is the parent's");
    let health = simulation.monitor.health();
    assert_eq!((health.samples, health.dropped_values), (0, 0));
    assert_eq!(simulation.machine.opened(), 2, "with descriptors of its own");

    let rules: Vec<Rule> = simulation.monitor.rule_states().into_iter().map(|state| state.rule).collect();
    let metrics: Vec<&str> = rules.iter().map(|rule| &*rule.metric).collect();
    assert_eq!(metrics, ["memory_usage", "queue"]);
    assert!(simulation.monitor.record("queue", 12.0).expect("a name"), "a first value is a crossing");
    simulation.start_again();
    simulation.ticks(2);
    assert_eq!(simulation.monitor.history(None, None).expect("no bounds").len(), 2);
}
