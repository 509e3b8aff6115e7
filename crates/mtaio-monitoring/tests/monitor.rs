//! The loop: its deadlines, its readings, its thread, and what it does when something goes wrong. The machine and the
//! time are the tests' own; only the thread is real.

mod cadence;
#[cfg(feature = "config-file")]
mod config_file;
mod destinations;
mod evidence;
mod expressions;
#[cfg(feature = "destinations")]
mod hostile_peers;
mod lifecycle;
mod own_metrics;
mod pressure;
mod range;
mod recording;
mod sampler;
mod scope;
mod silences;
mod thresholds;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mtaio_monitoring::alerts::{Rule, RuleOptions};
use mtaio_monitoring::clock::ManualClock;
use mtaio_monitoring::monitor::{Event, MonitorCore};

use crate::machine::Machine;

/// How long a test waits for another thread before it gives up: long, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for another thread. Time is no part of what is tested here, so it is the real one.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// A monitor of a machine and a time that the test moves.
pub(crate) struct Simulation {
    pub(crate) monitor: Arc<MonitorCore>,
    pub(crate) machine: Machine,
    pub(crate) hand: Arc<ManualClock>,
    interval: f64,
}

impl Simulation {
    /// A sample a second. Not started.
    pub(crate) fn new() -> Self {
        Self::with_interval(1.0)
    }

    pub(crate) fn with_interval(interval: f64) -> Self {
        let machine = Machine::new();
        let (config, hand) = machine.config();
        let config = config.with_interval_seconds(interval).expect("a sound interval");
        let config = config.with_history_size(100).expect("a sound size");
        Self { monitor: Arc::new(MonitorCore::new(config)), machine, hand, interval }
    }

    /// Started, with its first baseline taken. The first deadline is up to 1.1 intervals away, so a tenth of one
    /// passes here, and from now on each interval brings exactly one.
    pub(crate) fn started() -> Self {
        Self::new().start()
    }

    pub(crate) fn start(self) -> Self {
        self.start_again();
        self
    }

    pub(crate) fn start_again(&self) {
        let reads = self.machine.reads();
        self.monitor.start().expect("a thread");
        wait_until("the baseline is read", || self.machine.reads() > reads);
        // The reading has begun, not ended; it ends before the lock that this asks for is free.
        let _health = self.monitor.health();
        self.hand.advance(self.interval / 10.0);
    }

    pub(crate) fn deadlines(&self) -> u64 {
        let health = self.monitor.health();
        health.samples + health.missed_ticks
    }

    /// An interval passes, and the sample is taken.
    pub(crate) fn tick(&self) {
        let before = self.monitor.health().samples;
        self.hand.advance(self.interval);
        wait_until("the sample is taken", || self.monitor.health().samples > before);
    }

    pub(crate) fn ticks(&self, count: usize) {
        (0..count).for_each(|_| self.tick());
    }

    /// An interval of which the processors work `percent`.
    pub(crate) fn tick_at(&self, percent: u64) {
        self.machine.work(2 * percent, 200 - 2 * percent);
        self.tick();
    }

    pub(crate) fn rule(&self, metric: &str, threshold: f64, options: RuleOptions) {
        self.monitor.set_rule(Rule::new(metric, threshold, options).expect("a sound rule"));
    }

    /// What there is to tell, a line each.
    pub(crate) fn told(&self) -> Vec<String> {
        self.monitor.drain_events().into_iter().map(line).collect()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.machine.release();
        self.monitor.request_stop();
    }
}

fn line(event: Event) -> String {
    match event {
        Event::Exceeded(alert) => format!("exceeded: {}", alert.message),
        Event::Cleared(alert) => format!("cleared: {}", alert.message),
        Event::Raised(alert) => format!("raised: {}", alert.message),
        Event::NoData(message) => format!("no data: {message}"),
        Event::Pressure { rule, event } => {
            let (resource, kind) = (event.resource.name(), event.kind.name());
            let (source, scope) = (event.source.name(), event.scope.name());
            let value = event.value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.2}"));
            format!("pressure {rule}: {resource} {kind} {value} of the {scope}, {source}")
        }
        Event::Notice(message) => format!("notice: {message}"),
        Event::Fault(message) => format!("fault: {message}"),
    }
}
