//! The monitor without a runtime: a sampling thread, a history, thresholds, recorded metrics and an outbox.
//!
//! Long because it is one type, and half of it is what its methods' users read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::alerts::{Alert, PressureRule, Rule, Silence, ThresholdState, prometheus_rules};
use crate::error::{MonitoringError, Result};
use crate::history::Stamped;
use crate::metrics::catalogue::BuiltIn;
use crate::metrics::{Declaration, Metric, SeriesSnapshot};
use crate::profiler::Recorder;
use crate::rates::{Interval, SystemStats};

use super::attached::AttachedList;
use super::config::Config;
use super::destinations::Destination;
use super::health::HealthReport;
use super::outbox::{Event, RecentAlerts};
use super::shared::{ASK_BUDGET, Control, Shared};

/// Rows of the history that are copied while it is held.
pub(super) const ROWS_AT_ONCE: usize = 4096;

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
    pub(super) shared: ArcSwap<Shared>,
    pub(super) attached: AttachedList,
}

impl MonitorCore {
    /// A monitor that does not run yet. It reads nothing until it is started or asked.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { shared: ArcSwap::from_pointee(Shared::new(config)), attached: AttachedList::default() }
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

    /// Tells the sampling thread and what is attached to end, and returns at once. See [`Self::wait_stopped`].
    pub fn request_stop(&self) {
        self.shared().request_stop();
        self.attached.request_stop();
    }

    /// Waits until no sampling thread is left and what was attached has ended, for `budget` at most, and says whether that is
    /// so. It also is where somebody has started the monitor again: then there is nothing left to wait for.
    #[must_use]
    pub fn wait_stopped(&self, budget: Duration) -> bool {
        let ending = |control: &mut Control| control.alive > 0 && control.current.is_none();
        let shared = self.shared();
        let clock = shared.config.clock();
        let begun = clock.monotonic_ns();
        let mut control = shared.control.lock();
        if control.current.is_some() {
            return true;
        }
        if ending(&mut control) {
            shared.changed.wait_while_for(&mut control, ending, budget);
        }
        if ending(&mut control) {
            return false;
        }
        drop(control);
        let left = || budget.saturating_sub(Duration::from_nanos(clock.monotonic_ns().saturating_sub(begun)));
        self.attached.wait_stopped(left)
    }

    /// In the child of a fork: makes the monitor stopped and startable. Settings, thresholds and declarations stay; the history,
    /// recorded values and counters begin anew, because they are the parent's.
    pub fn after_fork_in_child(&self) {
        let old = self.shared.load_full();
        let new = Shared::new(old.config.clone());
        for rule in old.rules.load().values() {
            new.set_rule(rule);
        }
        new.silences.store(old.silences.load_full());
        new.silences_so_far.store(old.silences_so_far.load(Ordering::Relaxed), Ordering::Relaxed);
        for (name, declaration) in &**old.declared.load() {
            // There was room for it in the parent.
            let _declared = new.declare(name, declaration);
        }
        new.pressure.inherit(&old.pressure);
        new.gatherer.inherit(&old.gatherer);
        new.outbox.inherit_destinations(&old.outbox, new.config.clock());
        self.attached.after_fork_in_child();
        // Two threads of the child may come here at once; whoever is second takes what the first one made.
        self.shared.compare_and_swap(&old, Arc::new(new));
        // A thread of the parent may hold any lock of the old one for ever: it must not be torn down.
        std::mem::forget(old);
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

    /// Keeps the alerts of some thresholds quiet for `seconds` (above 0): a metric, `metric{label="value"}`, or the very
    /// text of a threshold. They are tracked all the same; see [`Silence`].
    ///
    /// ```
    /// use mtaio_monitoring::monitor::{Config, MonitorCore};
    /// let monitor = MonitorCore::new(Config::default());
    /// let deploy = monitor.silence("cpu_usage", 3600.0, "deploy").unwrap();
    /// assert_eq!(monitor.silences(), [deploy.clone()]);
    /// assert!(monitor.expire_silence(deploy.number));
    /// ```
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a text that is no expression, a time outside its range, and for more than
    /// 1 000 silences in force.
    pub fn silence(&self, matcher: &str, seconds: f64, comment: &str) -> Result<Silence> {
        self.shared().silence(matcher, seconds, comment)
    }

    /// Ends a silence early, and says whether it was in force. What it kept back and still lasts is told.
    pub fn expire_silence(&self, number: u64) -> bool {
        let shared = self.shared();
        let found = shared.expire_silence(number);
        shared.outbox.wake();
        found
    }

    /// The silences in force, the oldest first.
    #[must_use]
    pub fn silences(&self) -> Vec<Silence> {
        self.shared().silences()
    }

    /// Every threshold: its rule, its newest value, whether it waits for `for_seconds`, whether it fires.
    #[must_use]
    pub fn rule_states(&self) -> Vec<ThresholdState> {
        self.shared().watches.lock().states()
    }

    /// The thresholds as a file for another program: `"prometheus"` for its `rule_files`.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for another format.
    pub fn alert_rules(&self, format: &str) -> Result<String> {
        if format != "prometheus" {
            return Err(MonitoringError::argument("format", "'prometheus'", format_args!("{format:?}")));
        }
        let shared = self.shared();
        let rules: Vec<Rule> = shared.rules.load().values().cloned().collect();
        let declared = shared.declared.load();
        Ok(prometheus_rules(&rules, &|name| declared.get(name).cloned()))
    }

    /// Has [`Event::Pressure`] told when tasks stand still for as long as the rule asks for, and gives the number that
    /// such events carry. The same rule again has the same number.
    ///
    /// While the monitor runs, the kernel is asked to tell. Where it does not let itself be asked, the share is
    /// computed at each sample, which [`Event::Notice`] and the health report say, with the reason.
    pub fn add_pressure_rule(&self, rule: PressureRule) -> u64 {
        self.shared().add_pressure_rule(rule)
    }

    /// Takes the pressure rule of this number away, and says whether there was one.
    pub fn remove_pressure_rule(&self, number: u64) -> bool {
        self.shared().remove_pressure_rule(number)
    }

    /// Has every alert sent there as well, on a thread of its own, and gives the number of the destination.
    pub fn add_destination(&self, destination: impl Into<Destination>) -> u64 {
        let shared = self.shared();
        shared.outbox.add_destination(&destination.into(), shared.config.clock())
    }

    /// Takes a destination away, and says whether there was one of this number. What waits for it is tried once more.
    pub fn remove_destination(&self, number: u64) -> bool {
        self.shared().outbox.destinations.remove(number)
    }

    /// Has every destination try what waits once more, within `budget`, and end. Returns at once; the next alert or
    /// [`Self::start`] begins anew.
    pub fn close_destinations(&self, budget: Duration) {
        let shared = self.shared();
        let now_ns = shared.config.clock().monotonic_ns();
        shared.outbox.destinations.close(now_ns.saturating_add(budget.as_nanos() as u64));
    }

    /// Whether no thread of a destination is left.
    #[must_use]
    pub fn destinations_have_ended(&self) -> bool {
        self.shared().outbox.destinations.have_ended()
    }

    /// Gives up on what waits for destinations, and counts it. A call that hangs ends with its own time-out.
    pub fn abandon_destinations(&self) {
        self.shared().outbox.destinations.abandon();
    }

    /// Has the traces of a profiler looked at when an alert fires, for its [`evidence`](Alert::evidence); of none with
    /// `None`. One profiler at a time; the recorder is not kept alive by this.
    pub fn attach_profiler(&self, recorder: Option<&Arc<Recorder>>) {
        self.shared().gatherer.attach(recorder);
    }

    /// Raises an alert of the program's own.
    pub fn raise(&self, mut alert: Alert) {
        let shared = self.shared();
        alert.timestamp = shared.epoch_seconds();
        alert.threshold =
            alert.metric.as_ref().and_then(|metric| shared.rules.load().get(metric).map(|rule| rule.threshold));
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
        self.current_stats_within(ASK_BUDGET)
    }

    /// As [`Self::current_stats`], waiting for so long at most for a reading that is under way.
    ///
    /// # Errors
    ///
    /// As [`Self::current_stats`].
    pub fn current_stats_within(&self, budget: Duration) -> Result<Result<SystemStats, f64>> {
        let shared = self.shared();
        let Some(mut sampler) = shared.sampler.try_lock_for(budget) else {
            return Err(MonitoringError::Unavailable(format!(
                "the reading under way has taken over {} s: the system does not answer",
                budget.as_secs_f64()
            )));
        };
        let Some((mut reading, details)) = shared.guarded(|| sampler.ask_in_detail()) else {
            return Err(MonitoringError::Unavailable("a bug in the sampler was caught; ask again".to_owned()));
        };
        if !reading.has_window {
            return Ok(Err(sampler.seconds_until_window().unwrap_or(0.0)));
        }
        reading.interval.time.sequence = shared.sequence();
        if shared.control.lock().current.is_some() {
            reading.interval.monitor = shared.own_cost.lock().newest();
        }
        let mut stats = SystemStats::from(&reading.interval);
        details.complete(&mut stats);
        Ok(Ok(stats))
    }

    /// Samples from `start` to `end` (seconds since the epoch, both inclusive), oldest first.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a time that is not a number.
    pub fn history(&self, start: Option<f64>, end: Option<f64>) -> Result<Vec<SystemStats>> {
        Ok(self.history_rows(start, end)?.iter().map(SystemStats::from).collect())
    }

    /// As [`Self::history`], in the compact form that [`SystemStats`] is made from.
    ///
    /// # Errors
    ///
    /// As [`Self::history`].
    pub fn history_rows(&self, start: Option<f64>, end: Option<f64>) -> Result<Vec<Interval>> {
        check_times(start, end)?;
        let shared = self.shared();
        let (start, end) = (start.unwrap_or(f64::NEG_INFINITY), end.unwrap_or(f64::INFINITY));
        let mut rows: Vec<Interval> = Vec::new();
        loop {
            // A slice at a time: copying a long history must not hold up the next sample.
            let from = rows.last().map_or(start, |newest| newest.timestamp_seconds().next_up());
            let before = rows.len();
            rows.extend(shared.history.lock().range(from, end).take(ROWS_AT_ONCE));
            if rows.len() < before + ROWS_AT_ONCE {
                return Ok(rows);
            }
        }
    }

    /// As [`Self::history_rows`], the oldest `at_most` of them: for who hands a long history out page by page.
    ///
    /// # Errors
    ///
    /// As [`Self::history`].
    pub fn history_page(&self, start: Option<f64>, end: Option<f64>, at_most: usize) -> Result<Vec<Interval>> {
        check_times(start, end)?;
        let (start, end) = (start.unwrap_or(f64::NEG_INFINITY), end.unwrap_or(f64::INFINITY));
        let shared = self.shared();
        let history = shared.history.lock();
        Ok(history.range(start, end).take(at_most.min(ROWS_AT_ONCE)).copied().collect())
    }

    /// The newest sample of the cadence since it was last started.
    #[must_use]
    pub fn latest_stats(&self) -> Option<SystemStats> {
        let shared = self.shared();
        let first = shared.health.first_sequence.load(Ordering::Relaxed);
        let history = shared.history.lock();
        history.newest().filter(|newest| newest.time.sequence >= first).map(SystemStats::from)
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
            None => shared.last_recorded(name),
        };
        value.ok_or_else(|| shared.no_value(name))
    }

    /// Everything that has been recorded.
    #[must_use]
    pub fn recorded(&self) -> Vec<SeriesSnapshot> {
        self.shared().registry.snapshot()
    }

    /// Every recorded metric, by name.
    pub(crate) fn metrics(&self) -> Vec<Arc<Metric>> {
        self.shared().registry.metrics()
    }

    /// What has been declared, by name.
    #[must_use]
    pub fn declared(&self) -> Arc<BTreeMap<Arc<str>, Declaration>> {
        self.shared().declared.load_full()
    }

    /// How the monitor itself is doing.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.health_within(ASK_BUDGET)
    }

    /// Tells the health report how many calls of handlers have failed and were dropped by now, where a face counts them that
    /// is not asked for it: what a scrape tells must be true without an interpreter's lock.
    pub fn tell_handlers(&self, errors: u64, dropped_calls: u64) {
        let shared = self.shared();
        shared.health.handler_errors.store(errors, Ordering::Relaxed);
        shared.health.dropped_calls.store(dropped_calls, Ordering::Relaxed);
    }

    /// As [`Self::health`], waiting for so long at most for a reading that is under way; without `sections`, where it
    /// takes longer.
    #[must_use]
    pub fn health_within(&self, budget: Duration) -> HealthReport {
        self.shared().health_report(budget)
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

    /// As [`Self::drain_events`], so many at most: a loop that has other things to do tells what a storm brings bit by bit.
    #[must_use]
    pub fn take_events(&self, at_most: usize) -> Vec<Event> {
        self.shared().outbox.take(at_most)
    }

    /// Whether there is something to tell.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.shared().outbox.is_empty()
    }

    /// Calls the waker, if there is something to tell: for who has not told all of it.
    pub fn wake(&self) {
        self.shared().outbox.wake();
    }

    /// Sets what is called, on any thread, when there is something to drain. It must not block and not call back.
    pub fn set_waker(&self, waker: Option<Arc<dyn Fn() + Send + Sync>>) {
        self.shared().outbox.set_waker(waker);
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
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

fn check_times(start: Option<f64>, end: Option<f64>) -> Result<()> {
    for (argument, time) in [("start_time", start), ("end_time", end)] {
        if time.is_some_and(f64::is_nan) {
            return Err(MonitoringError::argument(argument, "seconds since the epoch, or nothing", "NaN"));
        }
    }
    Ok(())
}

impl Drop for MonitorCore {
    fn drop(&mut self) {
        let shared = self.shared.load_full();
        if shared.process_id == std::process::id() {
            shared.request_stop();
            shared.outbox.destinations.abandon();
        } else {
            std::mem::forget(shared);
        }
    }
}
