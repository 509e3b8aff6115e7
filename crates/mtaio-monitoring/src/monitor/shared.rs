//! What the handles, the sampling thread and the recorders of one monitor share.
//!
//! Long because the thread and those who call it take the same locks in the same order, which one page shows.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::lock::{Condvar, Mutex};
use arc_swap::ArcSwap;

use crate::alerts::{Rule, Silence};
use crate::error::{MonitoringError, Result};
use crate::history::{Ring, Stamped, Windows};
use crate::metrics::catalogue::BuiltIn;
use crate::metrics::{Declaration, Registry};
use crate::rates::{Interval, SystemStats};
use crate::sampling::OpenTriggers;

use super::cadence::{Cadence, Due};
use super::config::Config;
use super::evidence::Gatherer;
use super::health::{Health, HealthReport};
use super::outbox::{Event, Outbox};
use super::own_cost::OwnCost;
use super::pressure::Pressure;
use super::sampler::{Reading, Sampler};
use super::watches::{Look, Watches};

/// How long somebody who asks for a reading waits for one that is under way: a file of `/proc` that hangs must not
/// hang the asker.
pub(super) const ASK_BUDGET: Duration = Duration::from_secs(1);

/// Thresholds on expressions may take one part in so many of the interval.
const EXPRESSIONS_SHARE: u64 = 4;

/// See [`super::MonitorCore`].
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) process_id: u32,
    pub(super) registry: Registry,
    pub(super) windows: Mutex<Windows>,
    /// Beside the watches, to be read without a lock after a fork.
    pub(super) rules: ArcSwap<BTreeMap<Arc<str>, Rule>>,
    /// As declared, to be read without a lock after a fork.
    pub(super) declared: ArcSwap<BTreeMap<Arc<str>, Declaration>>,
    pub(super) watches: Mutex<Watches>,
    /// The threshold on an expression after which the time of the newest sample was over.
    stopped_at: Mutex<Option<Arc<str>>>,
    /// As the rules; those that are over are taken out when another one comes.
    pub(super) silences: ArcSwap<Vec<Silence>>,
    pub(super) silences_so_far: AtomicU64,
    pub(super) sampler: Mutex<Sampler>,
    pub(super) history: Mutex<Ring<Interval>>,
    pub(super) outbox: Outbox,
    pub(super) health: Health,
    pub(super) own_cost: Mutex<OwnCost>,
    pub(super) control: Mutex<Control>,
    pub(super) changed: Condvar,
    pub(super) pressure: Pressure,
    /// Of the source, to be asked without waiting for a reading that is under way.
    pub(super) pressure_triggers: Option<Arc<dyn OpenTriggers>>,
    /// What was going on when an alert fired.
    pub(super) gatherer: Gatherer,
}

/// What the sampling thread is told, and what it says.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// The thread that may run; any other one ends at its next step.
    pub(super) current: Option<u64>,
    /// Threads started so far.
    pub(super) started: u64,
    /// Threads that have not ended yet.
    pub(super) alive: usize,
}

impl Stamped for Interval {
    fn timestamp_seconds(&self) -> f64 {
        self.time.timestamp_ns as f64 / 1e9
    }
}

impl Shared {
    pub(super) fn new(config: Config) -> Self {
        let source = config.open_source();
        let pressure_triggers = source.pressure_triggers();
        let gatherer = Gatherer::new(config.clock().clone(), source.process_lister());
        let sampler = Sampler::new(source, config.clock().clone(), config.interval_ns())
            .with_scope(config.scope())
            .with_zfs_arc_available(config.zfs_arc_available());
        let history = Ring::new(config.history_size());
        let (clock, budget) = (config.clock().clone(), config.window_memory_bytes());
        let windows = Windows::new(clock.monotonic_ns(), config.history_size(), budget);
        Self {
            config,
            process_id: std::process::id(),
            registry: Registry::new().with_clock(clock),
            windows: Mutex::new(windows),
            rules: ArcSwap::default(),
            declared: ArcSwap::default(),
            watches: Mutex::default(),
            stopped_at: Mutex::default(),
            silences: ArcSwap::default(),
            silences_so_far: AtomicU64::new(0),
            sampler: Mutex::new(sampler),
            history: Mutex::new(history),
            outbox: Outbox::default(),
            health: Health::default(),
            own_cost: Mutex::default(),
            control: Mutex::default(),
            changed: Condvar::new(),
            pressure: Pressure::default(),
            pressure_triggers,
            gatherer,
        }
    }

    pub(super) fn start(self: &Arc<Self>) -> Result<()> {
        let mut control = self.control.lock();
        if control.current.is_some() {
            return Ok(());
        }
        self.health.first_sequence.store(self.sequence(), Ordering::Relaxed);
        control.started += 1;
        let thread = control.started;
        let shared = Arc::clone(self);
        crate::thread::spawn("mtaio-monitor", move || shared.run(thread)).map_err(|error| {
            MonitoringError::Unavailable(format!("the sampling thread could not be started: {error}"))
        })?;
        control.current = Some(thread);
        control.alive += 1;
        self.arm_all(&mut control);
        self.outbox.destinations.resume();
        Ok(())
    }

    /// Tells the threads to end, and returns at once.
    pub(super) fn request_stop(&self) {
        let mut control = self.control.lock();
        control.current = None;
        self.pressure.end();
        self.changed.notify_all();
    }

    /// The sampling thread.
    fn run(&self, thread: u64) {
        let clock = self.config.clock();
        self.sampler.lock().start_anew();
        self.own_cost.lock().start_anew();
        self.watches.lock().begin(clock.monotonic_ns());
        self.gatherer.forget_sample();
        // What was recorded while nobody took samples is no part of the first one.
        self.cut_windows();
        let start_ns = clock.monotonic_ns() + self.phase_ns();
        let mut cadence = Cadence::new(start_ns, self.config.interval_ns());
        let _first_baseline = self.guarded(|| self.sampler.lock().tick());
        loop {
            let mut control = self.control.lock();
            while control.current == Some(thread) {
                let left_ns = cadence.next_ns().saturating_sub(clock.monotonic_ns());
                if left_ns == 0 {
                    break;
                }
                self.changed.wait_for(&mut control, clock.nap(left_ns));
            }
            if control.current != Some(thread) {
                if control.current.is_none() {
                    self.gatherer.forget_sample();
                }
                control.alive -= 1;
                self.changed.notify_all();
                return;
            }
            drop(control);
            let due = cadence.arrive(clock.monotonic_ns());
            Health::add(&self.health.missed_ticks, due.missed);
            if self.guarded(|| self.tick(thread, due)).is_none() {
                // No sample came of it, and the sequence must not pretend that there was no deadline.
                Health::add(&self.health.missed_ticks, 1);
            }
        }
    }

    /// Many workers that start together must not all read `/proc` in the same moment, second after second (P37):
    /// each process is a little off, by up to a tenth of the interval and never more than 0.1 s.
    fn phase_ns(&self) -> u64 {
        let spread_ns = (self.config.interval_ns() / 10).min(100_000_000);
        // Knuth's multiplicative hash, since neighbours in the process table should be far apart.
        let hash = u64::from(self.process_id.wrapping_mul(2_654_435_769));
        (hash * spread_ns) >> 32
    }

    /// A panic in here is a bug of ours, and no reason to take the host down: it is caught, counted and told.
    pub(super) fn guarded<T>(&self, step: impl FnOnce() -> T) -> Option<T> {
        let outcome = catch_unwind(AssertUnwindSafe(step)).ok();
        if outcome.is_none() {
            Health::add(&self.health.panics, 1);
            self.outbox.push(Event::Fault("a bug in the sampler was caught; sampling goes on".to_owned()));
            self.outbox.wake();
        }
        outcome
    }

    fn tick(&self, thread: u64, due: Due) {
        let clock = self.config.clock();
        let begun_ns = clock.monotonic_ns();
        let (mut reading, failed_reads) = {
            let mut sampler = self.sampler.lock();
            (sampler.tick(), sampler.failed_reads())
        };
        if self.control.lock().current != Some(thread) {
            // Stopped while the system took its time to answer: nobody is to hear of it now.
            return;
        }
        let health = &self.health;
        reading.interval.time.sequence = self.sequence();
        let missed_ticks = health.missed_ticks.load(Ordering::Relaxed);
        reading.interval.monitor = self.own_cost.lock().tick(clock, begun_ns, due, missed_ticks, failed_reads);
        health.latest_late_ns.store(due.late_ns, Ordering::Relaxed);
        health.largest_late_ns.fetch_max(due.late_ns, Ordering::Relaxed);
        self.cut_windows();
        // A row without a window would tell of a processor that nobody measured, so the first ticks after a
        // beginning and after a gap (0.1 s at most) are not kept. Before the thresholds look at it.
        if reading.has_window {
            self.history.lock().push(reading.interval);
        }
        self.evaluate(&reading, due);
        // Last, so that whoever sees the count sees all that came of the sample.
        Health::add(&health.samples, 1);
        self.outbox.wake();
    }

    /// Counts deadlines from the first start on, missed ones included.
    pub(super) fn sequence(&self) -> u64 {
        let health = &self.health;
        health.samples.load(Ordering::Relaxed) + health.missed_ticks.load(Ordering::Relaxed)
    }

    /// Values count for the moment at which they were due: else `repeat_seconds` and `for_seconds` would wait a whole
    /// interval more whenever a timer is later once than the next time.
    fn evaluate(&self, reading: &Reading, due: Due) {
        let stats = SystemStats::from(&reading.interval);
        self.gatherer.see_sample(&reading.interval);
        let silent = {
            let mut watches = self.watches.lock();
            if reading.after_gap {
                watches.skip();
            } else {
                // Pushed while the watches are held, here and everywhere: the order of events is that of the changes.
                let silences = self.silences.load();
                let look = self.look(due.deadline_ns, stats.timestamp, &silences);
                if self.gatherer.wants_processes() && watches.would_fire(&stats, &look) {
                    // Nobody who records is to wait for a look at thousands of processes.
                    drop(watches);
                    let _panic_is_told = self.guarded(|| self.gatherer.look_at_processes());
                    watches = self.watches.lock();
                }
                for event in watches.observe_sample(&stats, &look) {
                    self.outbox.push(event);
                }
                drop(watches);
                self.look_at_expressions(&look);
                watches = self.watches.lock();
            }
            // Before the first window shares and rates cannot have a value: that is no sign of a misspelt name.
            if reading.has_window {
                watches.count_silence(due.missed + 1, |metric| self.has_value(metric))
            } else {
                Vec::new()
            }
        };
        self.observe_pressure(&reading.pressure, reading.after_gap, due.deadline_ns, stats.timestamp);
        for metric in silent {
            self.outbox.push(Event::NoData(self.no_data_message(&metric)));
        }
    }

    /// Looks at the thresholds on expressions, each under a lock of its own, so that a record of a watched name waits for
    /// one look and not for all of them. When a quarter of the interval is over, the rest must wait for the next sample,
    /// which goes on where this one stopped: sampling keeps its cadence whatever is asked of it.
    fn look_at_expressions(&self, look: &Look<'_>) {
        let clock = self.config.clock();
        let deadline_ns = clock.monotonic_ns().saturating_add(self.config.interval_ns() / EXPRESSIONS_SHARE);
        let stopped_at = self.stopped_at.lock().take();
        let mut has_looked = false;
        let rounds = [(stopped_at.clone(), None), (None, stopped_at.clone())];
        for (mut after, until) in rounds.into_iter().take(1 + usize::from(stopped_at.is_some())) {
            loop {
                let mut watches = self.watches.lock();
                // One look a sample: where it fails, it fires without.
                let may_fire = has_looked || !self.gatherer.wants_processes();
                let range = (after.as_ref(), until.as_ref());
                let Some((metric, events)) = watches.observe_next_expression(range, self, look, may_fire) else {
                    break;
                };
                let Some(events) = events else {
                    // As above; and then again.
                    drop(watches);
                    let _panic_is_told = self.guarded(|| self.gatherer.look_at_processes());
                    has_looked = true;
                    continue;
                };
                events.into_iter().for_each(|event| self.outbox.push(event));
                drop(watches);
                if clock.monotonic_ns() >= deadline_ns {
                    Health::add(&self.health.delayed_thresholds, 1);
                    *self.stopped_at.lock() = Some(metric);
                    return;
                }
                after = Some(metric);
            }
        }
    }

    #[cold]
    pub(super) fn check(&self, metric: &str, value: f64) -> bool {
        let now = self.config.clock().now();
        let mut watches = self.watches.lock();
        let silences = self.silences.load();
        let look = self.look(now.monotonic_ns, now.realtime_ns as f64 / 1e9, &silences);
        let events = watches.observe(metric, value, &look);
        let tells = !events.is_empty();
        events.into_iter().for_each(|event| self.outbox.push(event));
        tells
    }

    pub(super) fn look<'a>(&'a self, now_ns: u64, timestamp: f64, silences: &'a [Silence]) -> Look<'a> {
        let interval_ns = self.config.interval_ns();
        Look { now_ns, interval_ns, timestamp, silences, gatherer: &self.gatherer }
    }

    pub(super) fn set_rule(&self, rule: &Rule) {
        let timestamp = self.epoch_seconds();
        // Held over both lists, so that they agree however many threads set and remove.
        let mut watches = self.watches.lock();
        // The rule is listed before the series is looked up, and a new series looks at the list: whoever comes
        // second sees the other.
        self.rules.rcu(|rules| {
            let mut rules = BTreeMap::clone(rules);
            rules.insert(Arc::clone(&rule.metric), rule.clone());
            rules
        });
        let ended = watches.set(rule, timestamp);
        self.set_watched(&rule.metric, true);
        ended.into_iter().for_each(|event| self.outbox.push(event));
    }

    pub(super) fn remove_rule(&self, metric: &str) -> bool {
        let mut watches = self.watches.lock();
        self.rules.rcu(|rules| {
            let mut rules = BTreeMap::clone(rules);
            rules.remove(metric);
            rules
        });
        self.set_watched(metric, false);
        let Some(ended) = watches.remove(metric, self.epoch_seconds()) else { return false };
        ended.into_iter().for_each(|event| self.outbox.push(event));
        true
    }

    pub(super) fn epoch_seconds(&self) -> f64 {
        self.config.clock().now().realtime_ns as f64 / 1e9
    }

    pub(super) fn health_report(&self, budget: Duration) -> HealthReport {
        let health = &self.health;
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        let (sections, (suspends, wall_clock_jumps, counter_restarts)) = match self.sampler.try_lock_for(budget) {
            Some(sampler) => (sampler.source_health(), sampler.events()),
            None => Default::default(),
        };
        let (thresholds_without_data, dropped_instances) = {
            let watches = self.watches.lock();
            (watches.without_data(), watches.refused())
        };
        HealthReport {
            running: self.control.lock().current.is_some(),
            samples: health.samples.load(Ordering::Relaxed),
            missed_ticks: health.missed_ticks.load(Ordering::Relaxed),
            latest_late_seconds: seconds(health.latest_late_ns.load(Ordering::Relaxed)),
            largest_late_seconds: seconds(health.largest_late_ns.load(Ordering::Relaxed)),
            dropped_values: health.dropped_values.load(Ordering::Relaxed),
            dropped_names: self.registry.overflowed(),
            expired_series: self.registry.expired(),
            dropped_window_blocks: self.windows.lock().dropped(),
            dropped_events: self.outbox.dropped(),
            panics: health.panics.load(Ordering::Relaxed),
            suspends,
            wall_clock_jumps,
            counter_restarts,
            handler_errors: health.handler_errors.load(Ordering::Relaxed),
            dropped_calls: health.dropped_calls.load(Ordering::Relaxed),
            thresholds_without_data,
            dropped_instances,
            delayed_thresholds: health.delayed_thresholds.load(Ordering::Relaxed),
            sections,
            pressure_triggers: self.pressure.health(),
            destinations: self.outbox.destinations.health(),
        }
    }

    pub(super) fn no_value(&self, name: &str) -> MonitoringError {
        let mut names: Vec<String> = self.known_names().collect();
        names.sort_unstable();
        let hint = self.similar(name).map(|similar| format!(" Did you mean {similar:?}?")).unwrap_or_default();
        MonitoringError::UnknownMetric(format!(
            "no value of the metric {name:?} yet.{hint} Known names: {}",
            names.join(", ")
        ))
    }

    fn no_data_message(&self, metric: &str) -> String {
        let hint = match self.similar(metric) {
            Some(similar) => format!("; did you mean {similar:?}?"),
            None => String::new(),
        };
        format!("the threshold on {metric:?} has had no value for three intervals{hint}")
    }

    /// Whether something was recorded under this name, be it before its threshold was set.
    fn has_value(&self, metric: &str) -> bool {
        let metric = self.registry.metric(metric);
        metric.is_some_and(|metric| metric.series().iter().any(|series| series.last().is_some()))
    }

    fn known_names(&self) -> impl Iterator<Item = String> {
        let built_in = BuiltIn::ALL.iter().map(|metric| metric.description().name.to_owned());
        built_in.chain(self.registry.names().into_iter().map(|name| name.to_string()))
    }

    /// The known name that a misspelt one most likely means.
    fn similar(&self, name: &str) -> Option<String> {
        if BuiltIn::from_name(name).is_some() {
            return None;
        }
        self.known_names()
            .filter(|known| known != name)
            .map(|known| (strsim::jaro_winkler(name, &known), known))
            .filter(|(similarity, _)| *similarity > 0.85)
            .max_by(|(left, _), (right, _)| left.total_cmp(right))
            .map(|(_, known)| known)
    }
}
