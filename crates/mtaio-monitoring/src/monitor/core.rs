//! The monitor without a runtime: a sampling thread, a history, thresholds, recorded metrics and an outbox.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};

use crate::alerts::{Alert, Rule};
use crate::error::{MonitoringError, Result};
use crate::history::{Ring, Stamped};
use crate::metrics::catalogue::BuiltIn;
use crate::metrics::{Registry, Series, SeriesSnapshot};
use crate::rates::{Interval, SystemStats};

use super::cadence::{Cadence, Due};
use super::config::Config;
use super::health::{Health, HealthReport};
use super::outbox::{Event, Outbox, RecentAlerts};
use super::sampler::{Reading, Sampler};
use super::watches::Watches;

/// How long somebody who asks for a reading waits for one that is under way: a file of `/proc` that hangs must not
/// hang the asker.
const ASK_BUDGET: Duration = Duration::from_secs(1);

/// The monitor that both faces share. Every method may be called from any thread.
///
/// ```
/// use mtaio_monitoring::monitor::{Config, MonitorCore};
/// let monitor = MonitorCore::new(Config::default());
/// monitor.record("queue_depth", 17.0).unwrap();
/// assert_eq!(monitor.latest_value("queue_depth").unwrap(), 17.0);
/// ```
pub struct MonitorCore {
    /// Swapped only in the child of a fork, where the locks of the old one may be held by threads that are gone.
    shared: ArcSwap<Shared>,
}

struct Shared {
    config: Config,
    process_id: u32,
    registry: Registry,
    /// Beside the watches, to be read without a lock after a fork.
    rules: ArcSwap<BTreeMap<Arc<str>, Rule>>,
    watches: Mutex<Watches>,
    sampler: Mutex<Sampler>,
    history: Mutex<Ring<Interval>>,
    outbox: Outbox,
    health: Health,
    control: Mutex<Control>,
    changed: Condvar,
}

/// What the sampling thread is told, and what it says.
#[derive(Debug, Default)]
struct Control {
    /// The thread that may run; any other one ends at its next step.
    current: Option<u64>,
    /// Threads started so far.
    started: u64,
    /// Threads that have not ended yet.
    alive: usize,
}

impl Stamped for Interval {
    fn timestamp_seconds(&self) -> f64 {
        self.time.timestamp_ns as f64 / 1e9
    }
}

impl MonitorCore {
    /// A monitor that does not run yet. It reads nothing until it is started or asked.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { shared: ArcSwap::from_pointee(Shared::new(config)) }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> Config {
        self.shared().config.clone()
    }

    /// Starts sampling. Does nothing where it runs already.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Unavailable`] where the system gives no thread.
    pub fn start(&self) -> Result<()> {
        Shared::start(&self.shared())
    }

    /// Whether it samples.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.shared().control.lock().current.is_some()
    }

    /// Tells the sampling thread to end, and returns at once. See [`Self::wait_stopped`].
    pub fn request_stop(&self) {
        let shared = self.shared();
        shared.control.lock().current = None;
        shared.changed.notify_all();
    }

    /// Waits until no sampling thread is left, for `budget` at most, and says whether that is so.
    #[must_use]
    pub fn wait_stopped(&self, budget: Duration) -> bool {
        let shared = self.shared();
        let mut control = shared.control.lock();
        if control.alive > 0 {
            shared.changed.wait_while_for(&mut control, |control| control.alive > 0, budget);
        }
        control.alive == 0
    }

    /// In the child of a fork: makes the monitor stopped and startable. Settings and thresholds stay; the history,
    /// recorded values and counters begin anew, because they are the parent's.
    pub fn after_fork_in_child(&self) {
        let old = self.shared.load_full();
        let new = Shared::new(old.config.clone());
        for rule in old.rules.load().values() {
            new.set_rule(rule);
        }
        // A thread of the parent may hold any lock of the old one for ever: it must not be torn down.
        std::mem::forget(Arc::clone(&old));
        self.shared.store(Arc::new(new));
    }

    /// Records a value. Returns whether there is now something to tell ([`Self::drain_events`]).
    ///
    /// NaN and infinities are dropped and counted, and so are names beyond the limit of the registry.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for an empty name and for the name of a built-in metric.
    pub fn record(&self, name: &str, value: f64) -> Result<bool> {
        let shared = self.shared();
        Ok(shared.series(name)?.is_some_and(|series| shared.record(&series, value)))
    }

    /// The series of this name, made if need be: a handle for [`Self::record_in`]. `None` beyond the limit on names.
    ///
    /// # Errors
    ///
    /// As [`Self::record`].
    pub fn series(&self, name: &str) -> Result<Option<Arc<Series>>> {
        self.shared().series(name)
    }

    /// Records through a handle: what [`Self::record`] does, without looking the name up.
    pub fn record_in(&self, series: &Series, value: f64) -> bool {
        self.shared.load().record(series, value)
    }

    /// Sets the threshold of the rule's metric, in place of the one that it had.
    #[allow(clippy::needless_pass_by_value, reason = "a rule is given away: it is not the caller's any more")]
    pub fn set_rule(&self, rule: Rule) {
        let shared = self.shared();
        shared.set_rule(&rule);
        shared.outbox.wake();
    }

    /// Takes a metric's threshold away and says whether it had one. If it was firing, its alert ends.
    pub fn remove_rule(&self, metric: &str) -> bool {
        let shared = self.shared();
        let found = shared.remove_rule(metric);
        shared.outbox.wake();
        found
    }

    /// Every threshold: its rule, whether it waits for `for_seconds`, whether it fires.
    #[must_use]
    pub fn rule_states(&self) -> Vec<(Rule, bool, bool)> {
        self.shared().watches.lock().states()
    }

    /// Raises an alert of the program's own.
    pub fn raise(&self, mut alert: Alert) {
        let shared = self.shared();
        alert.timestamp = shared.epoch_seconds();
        alert.threshold = alert
            .metric
            .as_ref()
            .and_then(|metric| shared.rules.load().get(metric).map(|rule| rule.threshold));
        shared.outbox.push(Event::Raised(alert));
        shared.outbox.wake();
    }

    /// A reading of this moment. `Err(seconds)` where there is no earlier reading to hold it against yet: ask again
    /// after that many seconds.
    ///
    /// # Errors
    ///
    /// As above, wrapped: [`MonitoringError::Unavailable`] where a reading has been under way for a second.
    pub fn current_stats(&self) -> Result<Result<SystemStats, f64>> {
        let shared = self.shared();
        let Some(mut sampler) = shared.sampler.try_lock_for(ASK_BUDGET) else {
            return Err(MonitoringError::Unavailable(format!(
                "the reading under way has taken over {} s: the system does not answer",
                ASK_BUDGET.as_secs()
            )));
        };
        let mut reading = sampler.ask();
        if !reading.has_window {
            return Ok(Err(sampler.seconds_until_window().unwrap_or(0.0)));
        }
        reading.interval.time.sequence = shared.sequence();
        Ok(Ok(SystemStats::from(&reading.interval)))
    }

    /// Samples from `start` to `end` (seconds since the epoch, both inclusive), oldest first.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a time that is not a number.
    pub fn history(&self, start: Option<f64>, end: Option<f64>) -> Result<Vec<SystemStats>> {
        for (argument, time) in [("start_time", start), ("end_time", end)] {
            if time.is_some_and(f64::is_nan) {
                return Err(MonitoringError::argument(argument, "seconds since the epoch, or nothing", "NaN"));
            }
        }
        let shared = self.shared();
        let (start, end) = (start.unwrap_or(f64::NEG_INFINITY), end.unwrap_or(f64::INFINITY));
        // Copied out first: making readable statistics of a long history must not hold up the next sample.
        let rows: Vec<Interval> = shared.history.lock().range(start, end).copied().collect();
        Ok(rows.iter().map(SystemStats::from).collect())
    }

    /// The newest sample of the cadence.
    #[must_use]
    pub fn latest_stats(&self) -> Option<SystemStats> {
        self.shared().history.lock().newest().map(SystemStats::from)
    }

    /// The latest value of a metric: of the newest sample for a built-in one, else the one recorded last.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::UnknownMetric`] where there is none, with the names that have one.
    pub fn latest_value(&self, name: &str) -> Result<f64> {
        let shared = self.shared();
        let value = match BuiltIn::from_name(name) {
            Some(metric) => self.latest_stats().and_then(|stats| stats.value(metric)),
            None => shared.registry.get(name).and_then(|series| series.last()),
        };
        value.ok_or_else(|| shared.no_value(name))
    }

    /// Everything that has been recorded.
    #[must_use]
    pub fn recorded(&self) -> Vec<SeriesSnapshot> {
        self.shared().registry.snapshot()
    }

    /// How the monitor itself is doing.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.shared().health_report()
    }

    /// The newest alerts, whether they have been told or not.
    #[must_use]
    pub fn recent_alerts(&self) -> RecentAlerts {
        self.shared().outbox.recent()
    }

    /// What there is to tell, oldest first. It is the caller's now.
    #[must_use]
    pub fn drain_events(&self) -> Vec<Event> {
        self.shared().outbox.drain()
    }

    /// Sets what is called, on any thread, when there is something to drain. It must not block and not call back.
    pub fn set_waker(&self, waker: Option<Arc<dyn Fn() + Send + Sync>>) {
        self.shared().outbox.set_waker(waker);
    }

    fn shared(&self) -> Arc<Shared> {
        let shared = self.shared.load_full();
        if shared.process_id == std::process::id() {
            return shared;
        }
        // A fork that nobody told us about.
        drop(shared);
        self.after_fork_in_child();
        self.shared.load_full()
    }
}

impl Drop for MonitorCore {
    fn drop(&mut self) {
        let shared = self.shared.load_full();
        if shared.process_id == std::process::id() {
            shared.control.lock().current = None;
            shared.changed.notify_all();
        } else {
            std::mem::forget(shared);
        }
    }
}

impl Shared {
    fn new(config: Config) -> Self {
        let sampler = Sampler::new(config.open_source(), config.clock().clone(), config.interval_ns());
        let history = Ring::new(config.history_size());
        Self {
            config,
            process_id: std::process::id(),
            registry: Registry::new(),
            rules: ArcSwap::default(),
            watches: Mutex::default(),
            sampler: Mutex::new(sampler),
            history: Mutex::new(history),
            outbox: Outbox::default(),
            health: Health::default(),
            control: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn start(self: &Arc<Self>) -> Result<()> {
        let mut control = self.control.lock();
        if control.current.is_some() {
            return Ok(());
        }
        control.started += 1;
        let thread = control.started;
        let shared = Arc::clone(self);
        std::thread::Builder::new()
            .name("mtaio-monitor".to_owned())
            .spawn(move || shared.run(thread))
            .map_err(|error| {
                MonitoringError::Unavailable(format!("the sampling thread could not be started: {error}"))
            })?;
        control.current = Some(thread);
        control.alive += 1;
        Ok(())
    }

    /// The sampling thread.
    fn run(&self, thread: u64) {
        let clock = self.config.clock();
        self.sampler.lock().start_anew();
        self.guarded(|| {
            self.sampler.lock().tick();
        });
        let start_ns = clock.monotonic_ns() + self.phase_ns();
        let mut cadence = Cadence::new(start_ns, self.config.interval_ns());
        loop {
            let mut control = self.control.lock();
            while control.current == Some(thread) {
                let left_ns = cadence.next_ns().saturating_sub(clock.monotonic_ns());
                if left_ns == 0 {
                    break;
                }
                self.changed.wait_for(&mut control, Duration::from_nanos(left_ns));
            }
            if control.current != Some(thread) {
                control.alive -= 1;
                self.changed.notify_all();
                return;
            }
            drop(control);
            let due = cadence.arrive(clock.monotonic_ns());
            self.guarded(|| self.tick(due));
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
    fn guarded(&self, step: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(step)).is_err() {
            Health::add(&self.health.panics, 1);
            self.outbox.push(Event::Fault("a bug in the sampler was caught; sampling goes on".to_owned()));
            self.outbox.wake();
        }
    }

    fn tick(&self, due: Due) {
        let mut reading = self.sampler.lock().tick();
        let health = &self.health;
        Health::add(&health.missed_ticks, due.missed);
        reading.interval.time.sequence = self.sequence();
        Health::add(&health.samples, 1);
        health.latest_late_ns.store(due.late_ns, Ordering::Relaxed);
        health.largest_late_ns.fetch_max(due.late_ns, Ordering::Relaxed);
        self.evaluate(&reading, due.missed + 1);
        // A row without a window would tell of a processor that nobody measured, so the first ticks after a
        // beginning and after a gap (0.1 s at most) are not kept.
        if reading.has_window {
            self.history.lock().push(reading.interval);
        }
        self.outbox.wake();
    }

    /// Counts deadlines from the first start on, missed ones included.
    fn sequence(&self) -> u64 {
        let health = &self.health;
        health.samples.load(Ordering::Relaxed) + health.missed_ticks.load(Ordering::Relaxed)
    }

    fn evaluate(&self, reading: &Reading, ticks: u64) {
        let stats = SystemStats::from(&reading.interval);
        let mut events = Vec::new();
        let silent = {
            let mut watches = self.watches.lock();
            if reading.after_gap {
                watches.skip();
            } else {
                watches.observe_sample(&stats, self.config.clock().monotonic_ns(), &mut events);
            }
            watches.count_silence(ticks)
        };
        events.extend(silent.iter().map(|metric| Event::NoData(self.no_data_message(metric))));
        for event in events {
            self.outbox.push(event);
        }
    }

    fn series(&self, name: &str) -> Result<Option<Arc<Series>>> {
        if let Some(series) = self.registry.get(name) {
            return Ok(Some(series));
        }
        if name.is_empty() {
            return Err(MonitoringError::argument("name", "a name of at least one character", "''"));
        }
        if BuiltIn::from_name(name).is_some() {
            return Err(MonitoringError::Configuration(format!(
                "name must be one that the monitor does not measure itself, got {name:?}: record under another name"
            )));
        }
        let series = self.registry.get_or_create(name);
        if let Some(series) = &series
            && self.rules.load().contains_key(name)
        {
            series.set_watched(true);
        }
        Ok(series)
    }

    fn record(&self, series: &Series, value: f64) -> bool {
        if !value.is_finite() {
            Health::add(&self.health.dropped_values, 1);
            return false;
        }
        series.record(value);
        series.is_watched() && self.check(series.name(), value)
    }

    #[cold]
    fn check(&self, metric: &str, value: f64) -> bool {
        let now = self.config.clock().now();
        let timestamp = now.realtime_ns as f64 / 1e9;
        let event = self.watches.lock().observe(metric, value, now.monotonic_ns, timestamp);
        let told = event.is_some();
        if let Some(event) = event {
            self.outbox.push(event);
        }
        told
    }

    fn set_rule(&self, rule: &Rule) {
        let timestamp = self.epoch_seconds();
        // The rule is listed before the series is looked up, and a new series looks at the list: whoever comes
        // second sees the other.
        self.rules.rcu(|rules| {
            let mut rules = BTreeMap::clone(rules);
            rules.insert(Arc::clone(&rule.metric), rule.clone());
            rules
        });
        let ended = self.watches.lock().set(rule, timestamp);
        if let Some(series) = self.registry.get(&rule.metric) {
            series.set_watched(true);
        }
        if let Some(event) = ended {
            self.outbox.push(event);
        }
    }

    fn remove_rule(&self, metric: &str) -> bool {
        self.rules.rcu(|rules| {
            let mut rules = BTreeMap::clone(rules);
            rules.remove(metric);
            rules
        });
        if let Some(series) = self.registry.get(metric) {
            series.set_watched(false);
        }
        let Some((_, event)) = self.watches.lock().remove(metric, self.epoch_seconds()) else {
            return false;
        };
        if let Some(event) = event {
            self.outbox.push(event);
        }
        true
    }

    fn epoch_seconds(&self) -> f64 {
        self.config.clock().now().realtime_ns as f64 / 1e9
    }

    fn health_report(&self) -> HealthReport {
        let health = &self.health;
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        let (sections, (suspends, wall_clock_jumps, counter_restarts)) = match self.sampler.try_lock_for(ASK_BUDGET)
        {
            Some(sampler) => (sampler.source_health(), sampler.events()),
            None => Default::default(),
        };
        HealthReport {
            running: self.control.lock().current.is_some(),
            samples: health.samples.load(Ordering::Relaxed),
            missed_ticks: health.missed_ticks.load(Ordering::Relaxed),
            latest_late_seconds: seconds(health.latest_late_ns.load(Ordering::Relaxed)),
            largest_late_seconds: seconds(health.largest_late_ns.load(Ordering::Relaxed)),
            dropped_values: health.dropped_values.load(Ordering::Relaxed),
            dropped_names: self.registry.overflowed(),
            dropped_events: self.outbox.dropped(),
            panics: health.panics.load(Ordering::Relaxed),
            suspends,
            wall_clock_jumps,
            counter_restarts,
            handler_errors: 0,
            dropped_calls: 0,
            thresholds_without_data: self.watches.lock().without_data(),
            sections,
        }
    }

    fn no_value(&self, name: &str) -> MonitoringError {
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

    fn known_names(&self) -> impl Iterator<Item = String> {
        let built_in = BuiltIn::ALL.iter().map(|metric| metric.description().name.to_owned());
        built_in.chain(self.registry.names().into_iter().map(|name| name.to_string()))
    }

    /// The known name that a misspelt one most likely means.
    fn similar(&self, name: &str) -> Option<String> {
        self.known_names()
            .filter(|known| known != name)
            .map(|known| (strsim::jaro_winkler(name, &known), known))
            .filter(|(similarity, _)| *similarity > 0.85)
            .max_by(|(left, _), (right, _)| left.total_cmp(right))
            .map(|(_, known)| known)
    }
}
