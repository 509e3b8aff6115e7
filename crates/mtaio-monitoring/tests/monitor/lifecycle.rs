//! Starting, stopping, asking, and all of it at once from several threads.

use std::sync::atomic::{AtomicBool, Ordering};

use mtaio_monitoring::alerts::{Rule, RuleOptions};
use mtaio_monitoring::monitor::{Config, MonitorCore, Scope};

use super::{PATIENCE, Simulation};

#[test]
fn a_setting_that_cannot_be_is_refused_by_name() {
    let interval = |seconds| {
        let refused = Config::default().with_interval_seconds(seconds);
        refused.expect_err("not an interval").to_string()
    };
    for (given, shown) in
        [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (86_401.0, "86401")]
    {
        let expected = format!("interval must be a finite number of seconds from 0.001 to 86400, got {shown}");
        assert_eq!(interval(given), expected);
    }
    for (given, shown) in [(0, "0"), (10_000_001, "10000001")] {
        let refused = Config::default().with_history_size(given).expect_err("not a size").to_string();
        let expected = format!("history_size must be a whole number of samples from 1 to 10000000, got {shown}");
        assert_eq!(refused, expected);
    }
    assert_eq!(Scope::from_name("host").map(Scope::name), Ok("host"));
    let refused = Scope::from_name("galaxy").expect_err("no scope").to_string();
    assert_eq!(refused, "scope must be 'auto' or 'host', got \"galaxy\"");
    for seconds in [0.001, 86_400.0] {
        let config = Config::default().with_interval_seconds(seconds).expect("an interval");
        assert_eq!(config.interval_seconds(), seconds);
    }
}

#[test]
fn starting_twice_is_starting_once_and_so_is_stopping() {
    let simulation = Simulation::new();
    assert!(!simulation.monitor.is_running());
    simulation.monitor.request_stop();
    assert!(simulation.monitor.wait_stopped(PATIENCE), "it never ran");
    let simulation = simulation.start();
    simulation.monitor.start().expect("it runs already");
    assert!(simulation.monitor.is_running());
    simulation.ticks(2);
    for _ in 0..2 {
        simulation.monitor.request_stop();
        assert!(!simulation.monitor.is_running());
        assert!(simulation.monitor.wait_stopped(PATIENCE));
    }
    let health = simulation.monitor.health();
    assert_eq!((health.samples, health.running), (2, false));
}

#[test]
fn a_monitor_that_starts_again_goes_on_with_its_history() {
    let simulation = Simulation::started();
    simulation.ticks(2);
    simulation.monitor.request_stop();
    assert!(simulation.monitor.wait_stopped(PATIENCE));
    simulation.hand.advance(60.0);
    simulation.start_again();
    simulation.ticks(2);
    let rows = simulation.monitor.history(None, None).expect("no bounds");
    let marks: Vec<(u64, bool)> = rows.iter().map(|row| (row.sequence, row.gap)).collect();
    assert_eq!(marks, [(0, false), (1, false), (2, true), (3, false)]);
    assert!(rows.iter().all(|row| row.elapsed_seconds < Some(1.2)), "no window reaches over the stop");
}

#[test]
fn history_is_read_by_time_with_both_ends() {
    let simulation = Simulation::started();
    simulation.ticks(5);
    let rows = simulation.monitor.history(None, None).expect("no bounds");
    let stamps: Vec<f64> = rows.iter().map(|row| row.timestamp).collect();
    assert_eq!(stamps.len(), 5);
    let between = simulation.monitor.history(Some(stamps[1]), Some(stamps[3])).expect("two times");
    assert_eq!(between, rows[1..=3]);
    assert_eq!(simulation.monitor.latest_stats().as_ref(), rows.last());
    let refused = simulation.monitor.history(None, Some(f64::NAN)).expect_err("no time").to_string();
    assert_eq!(refused, "end_time must be seconds since the epoch, or nothing, got NaN");
}

#[test]
fn a_history_keeps_the_newest_rows() {
    let simulation = Simulation::started();
    simulation.ticks(120);
    let rows = simulation.monitor.history(None, None).expect("no bounds");
    let sequences: Vec<u64> = rows.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, (20..120).collect::<Vec<u64>>());
}

#[test]
fn who_asks_a_monitor_that_does_not_run_is_told_to_come_back_once() {
    let simulation = Simulation::new();
    let wait = simulation.monitor.current_stats().expect("it answers").expect_err("no window yet");
    assert!((wait - 0.1).abs() < 1e-9, "{wait}");
    simulation.hand.advance(wait);
    simulation.machine.work(30, 70);
    let stats = simulation.monitor.current_stats().expect("it answers").expect("a window");
    assert_eq!(stats.cpu.usage_percent, Some(30.0));
    assert!(simulation.monitor.latest_stats().is_none(), "the history is the cadence's alone");
}

/// A small generator of its own, so that a failure can be run again from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn anything_at_once_from_several_threads_leaves_a_sound_monitor() {
    for seed in 0..4 {
        let simulation = Simulation::with_interval(0.01);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let time = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    simulation.hand.advance(0.001);
                    simulation.machine.work(1, 1);
                    std::thread::yield_now();
                }
            });
            let players: Vec<_> = (0..4)
                .map(|player| {
                    let monitor = &*simulation.monitor;
                    scope.spawn(move || play(monitor, &mut Dice(seed * 4 + player), 400))
                })
                .collect();
            for player in players {
                player.join().expect("no panic");
            }
            over.store(true, Ordering::Relaxed);
            time.join().expect("no panic");
        });
        check_sound(&simulation, seed);
    }
}

fn play(monitor: &MonitorCore, dice: &mut Dice, moves: usize) {
    const METRICS: [&str; 4] = ["cpu_usage", "memory_usage", "queue", "latency"];
    for _ in 0..moves {
        let metric = METRICS[dice.roll(4) as usize];
        match dice.roll(12) {
            0 | 1 => monitor.start().expect("a thread"),
            2 => monitor.request_stop(),
            3 => drop(monitor.wait_stopped(std::time::Duration::from_micros(100))),
            4 => {
                let threshold = dice.roll(100) as f64;
                monitor.set_rule(Rule::new(metric, threshold, RuleOptions::default()).expect("a sound rule"));
            }
            5 => drop(monitor.remove_rule(metric)),
            6 => drop(monitor.current_stats().expect("the system answers")),
            7 => drop(monitor.history(None, None).expect("no bounds")),
            8 => drop(monitor.drain_events()),
            9 => drop(monitor.rule_states()),
            // Refused for the names of built-in metrics, as it should be.
            _ => drop(monitor.record(metric, dice.roll(100) as f64)),
        }
    }
}

fn check_sound(simulation: &Simulation, seed: u64) {
    let monitor = &simulation.monitor;
    monitor.request_stop();
    assert!(monitor.wait_stopped(PATIENCE), "seed {seed}: every thread has ended");
    assert_eq!(monitor.health().panics, 0, "seed {seed}");
    let rows = monitor.history(None, None).expect("no bounds");
    assert!(rows.is_sorted_by_key(|row| row.timestamp), "seed {seed}: time does not go back");
    assert!(rows.is_sorted_by(|one, next| one.sequence < next.sequence), "seed {seed}: each deadline once");
    // The list of thresholds that a fork would keep is the list that is checked.
    let rules = |monitor: &MonitorCore| -> Vec<Rule> {
        monitor.rule_states().into_iter().map(|state| state.rule).collect()
    };
    let before = rules(monitor);
    monitor.after_fork_in_child();
    assert_eq!(rules(monitor), before, "seed {seed}");
    // A threshold on a recorded metric is seen by the next record, whatever came before.
    monitor.set_rule(Rule::new("queue", 50.0, RuleOptions::default()).expect("a sound rule"));
    assert!(monitor.record("queue", 51.0).expect("a name"), "seed {seed}");
}
