//! The monitor of a tokio service: handlers run as tasks on its runtime.
//!
//! Long because it is one type, and half of it is what its methods' users read.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::lock::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::alerts::{Alert, PressureEvent, PressureRule, Rule, RuleOptions, Silence};
use crate::error::{MonitoringError, Result};
use crate::profiler::Profiler;
use crate::rates::SystemStats;

use super::config::{Config, Scope};
#[cfg(feature = "config-file")]
use super::config_file::ConfigFile;
use super::core::MonitorCore;
use super::destinations::Destination;
use super::handlers::{Handler, Handlers};
use super::health::HealthReport;

/// How long [`ResourceMonitor::stop`] waits for handlers before it aborts them.
/// Alerts told between two turns of other tasks.
const EVENTS_AT_ONCE: usize = 1024;
const STOP_BUDGET: Duration = Duration::from_secs(5);
const STOP_POLL: Duration = Duration::from_millis(1);

/// Watches the machine and the values that a service records, and tells async handlers when a limit is crossed.
///
/// Cloning gives another handle of the same monitor. Sampling runs on a thread of its own; it binds to the tokio
/// runtime in which [`start`](Self::start) or the first [`record`](Self::record) that crosses a threshold is called.
///
/// ```
/// use mtaio_monitoring::ResourceMonitor;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), mtaio_monitoring::MonitoringError> {
///     let monitor = ResourceMonitor::builder().interval(1.0).history_size(3600).build()?;
///     monitor.on_threshold_exceeded(async |metric: String, value: f64, threshold: f64| {
///         println!("{metric} is {value:.1}, above {threshold}");
///     });
///     monitor.set_threshold("cpu_usage", 80.0)?;
///     monitor.start()?;
///     let stats = monitor.current_stats().await?;
///     println!("{:?} of {:?} bytes in use", stats.memory.used, stats.memory.total);
///     monitor.stop().await;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct ResourceMonitor {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) core: MonitorCore,
    handlers: Handlers,
    runtime: Mutex<Option<Handle>>,
    /// The task that empties the outbox while the monitor runs.
    dispatcher: Mutex<Option<JoinHandle<()>>>,
    /// Held while events become calls, so that they do so in order, and so that `stop` finds all calls.
    delivery: Mutex<()>,
}

/// Settings of a monitor that is yet to be made. See [`ResourceMonitor::builder`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    interval: Option<f64>,
    history_size: Option<usize>,
    handler_timeout: Option<Option<f64>>,
    config: Config,
}

impl Builder {
    /// Seconds between two samples: 0.001 to 86 400, by default 1.
    #[must_use]
    pub fn interval(mut self, seconds: f64) -> Self {
        self.interval = Some(seconds);
        self
    }

    /// How many samples to keep: 1 to 10 000 000, by default 3600.
    #[must_use]
    pub fn history_size(mut self, samples: usize) -> Self {
        self.history_size = Some(samples);
        self
    }

    /// What `cpu_usage` and `memory_usage` are shares of; by default what this process may use.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.config = self.config.with_scope(scope);
        self
    }

    /// Whether what the cache of ZFS gives back counts as available memory, as other caches do; it does by default.
    #[must_use]
    pub fn zfs_arc_available(mut self, available: bool) -> Self {
        self.config = self.config.with_zfs_arc_available(available);
        self
    }

    /// Seconds that one call of a handler may take before it is cancelled and counted: above 0, up to a day; `None` for
    /// as long as it likes. By default 30.
    #[must_use]
    pub fn handler_timeout(mut self, seconds: Option<f64>) -> Self {
        self.handler_timeout = Some(seconds);
        self
    }

    /// Starts from another configuration: a clock that tests move, another backend.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The monitor, not started.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a setting outside its range.
    pub fn build(self) -> Result<ResourceMonitor> {
        let mut config = self.config;
        if let Some(seconds) = self.interval {
            config = config.with_interval_seconds(seconds)?;
        }
        if let Some(samples) = self.history_size {
            config = config.with_history_size(samples)?;
        }
        if let Some(seconds) = self.handler_timeout {
            config = config.with_handler_timeout_seconds(seconds)?;
        }
        Ok(ResourceMonitor::new(config))
    }
}

impl Default for ResourceMonitor {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl ResourceMonitor {
    /// A monitor with these settings, not started.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let inner = Inner {
            handlers: Handlers::new(config.handler_timeout()),
            core: MonitorCore::new(config),
            runtime: Mutex::default(),
            dispatcher: Mutex::default(),
            delivery: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Settings, by their names.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A monitor with the settings, thresholds and destinations of a file such as `mtaio.toml`, not started. See
    /// [`ConfigFile`].
    ///
    /// ```no_run
    /// # fn main() -> Result<(), mtaio_monitoring::MonitoringError> {
    /// use mtaio_monitoring::ResourceMonitor;
    /// use mtaio_monitoring::monitor::ConfigFile;
    ///
    /// let monitor = ResourceMonitor::from_config("mtaio.toml")?;
    ///
    /// // The same with a setting that the program knows better.
    /// let file = ConfigFile::read("mtaio.toml")?;
    /// let monitor = ResourceMonitor::builder().config(file.config()?).interval(0.5).build()?;
    /// monitor.set_up(&file);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] where the file cannot be read, or with all of its faults, each with its line.
    #[cfg(feature = "config-file")]
    pub fn from_config(path: impl AsRef<std::path::Path>) -> Result<Self> {
        let file = ConfigFile::read(path)?;
        let monitor = Self::new(file.config()?);
        monitor.set_up(&file);
        Ok(monitor)
    }

    /// Sets the thresholds of a file and adds its destinations, whose numbers it gives.
    #[cfg(feature = "config-file")]
    pub fn set_up(&self, file: &ConfigFile) -> Vec<u64> {
        let numbers = file.set_up(&self.inner.core);
        self.inner.deliver_if_stopped();
        numbers
    }

    /// Starts sampling, and binds handlers to the current tokio runtime. Does nothing where it runs already.
    ///
    /// The runtime needs timers (`enable_time`), for the time-outs of handlers and for [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Unavailable`] outside a tokio runtime, or where the system gives no thread.
    pub fn start(&self) -> Result<()> {
        let inner = &self.inner;
        let runtime = Handle::try_current().map_err(|_| {
            MonitoringError::Unavailable(
                "start() needs a running tokio runtime: call it inside #[tokio::main] or runtime.block_on(…)"
                    .to_owned(),
            )
        })?;
        let mut dispatcher = inner.dispatcher.lock();
        // A dispatcher that has finished went down with its runtime.
        let dispatched = dispatcher.as_ref().is_some_and(|task| !task.is_finished());
        if dispatched && inner.core.is_running() {
            return Ok(());
        }
        inner.core.start()?;
        *inner.runtime.lock() = Some(runtime.clone());
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        inner.core.set_waker(Some(Arc::new(move || ring.notify_one())));
        // What was held for want of a runtime is told first.
        bell.notify_one();
        *dispatcher = Some(runtime.spawn(dispatch(Arc::downgrade(inner), bell)));
        Ok(())
    }

    /// Stops sampling, waits for handlers and destinations that are under way (5 s at most) and aborts what hangs. A call
    /// of a destination that hangs is left to its own time-out, and nobody waits for it.
    /// Nothing of the monitor runs afterwards. Does nothing where it does not run. A handler may call it.
    ///
    /// # Panics
    ///
    /// On a runtime without timers (`enable_time`), as everything of tokio does that waits for a time.
    pub async fn stop(&self) {
        let inner = &self.inner;
        {
            // Under the lock of start(), so that of two that come at once one is wholly the first.
            let mut dispatcher = inner.dispatcher.lock();
            inner.core.request_stop();
            inner.core.set_waker(None);
            if let Some(dispatcher) = dispatcher.take() {
                dispatcher.abort();
            }
        }
        let _this_call = inner.handlers.stopping();
        let _nobody_waits_any_more = Abandon(&inner.core);
        let _in_time = tokio::time::timeout(STOP_BUDGET, async {
            while !inner.core.wait_stopped(Duration::ZERO) {
                tokio::time::sleep(STOP_POLL).await;
            }
            // What the last sample had to tell.
            inner.deliver();
            // Beside the handlers, within the same time.
            inner.core.close_destinations(STOP_BUDGET);
            let is_under_way = || inner.handlers.under_way() > 0 || !inner.core.destinations_have_ended();
            while is_under_way() && !inner.core.is_running() {
                tokio::time::sleep(STOP_POLL).await;
            }
        })
        .await;
        let dispatcher = inner.dispatcher.lock();
        if dispatcher.is_none() {
            inner.handlers.abort();
            // Values that are recorded from now on belong to the runtime that they are recorded in.
            *inner.runtime.lock() = None;
        }
    }

    /// Whether it samples.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.inner.core.is_running()
    }

    /// Fires when `metric` rises above `value`: a built-in name of the catalogue, or a name that the service records.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for an empty name or a value that is not finite.
    pub fn set_threshold(&self, metric: &str, value: f64) -> Result<()> {
        self.set_threshold_with(metric, value, RuleOptions::default())
    }

    /// As [`set_threshold`](Self::set_threshold), with direction, hysteresis, duration and repetition.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`], also for options that contradict each other.
    pub fn set_threshold_with(&self, metric: &str, value: f64, options: RuleOptions) -> Result<()> {
        self.inner.core.set_rule(Rule::new(metric, value, options)?);
        self.inner.deliver_if_stopped();
        Ok(())
    }

    /// Takes a metric's threshold away, and says whether it had one.
    pub fn remove_threshold(&self, metric: &str) -> bool {
        let found = self.inner.core.remove_rule(metric);
        self.inner.deliver_if_stopped();
        found
    }

    /// As [`set_threshold_with`](Self::set_threshold_with), with a rule that is made already: one with annotations.
    #[allow(clippy::needless_pass_by_value, reason = "a rule is given away: it is not the caller's any more")]
    pub fn set_rule(&self, rule: Rule) {
        self.inner.core.set_rule(rule);
        self.inner.deliver_if_stopped();
    }

    /// The thresholds as a file for another program: `"prometheus"` for its `rule_files`.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for another format.
    pub fn alert_rules(&self, format: &str) -> Result<String> {
        self.inner.core.alert_rules(format)
    }

    /// Keeps the alerts of some thresholds quiet for `seconds` (above 0): a metric, `metric{label="value"}`, or the very
    /// text of a threshold. They are tracked all the same; see [`Silence`].
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a text that is no expression, a time outside its range, and for more than
    /// 1 000 silences in force.
    pub fn silence(&self, matcher: &str, seconds: f64, comment: &str) -> Result<Silence> {
        self.inner.core.silence(matcher, seconds, comment)
    }

    /// Ends a silence early, and says whether it was in force. What it kept back and still lasts is told.
    pub fn expire_silence(&self, number: u64) -> bool {
        let found = self.inner.core.expire_silence(number);
        self.inner.deliver_if_stopped();
        found
    }

    /// The silences in force, the oldest first.
    #[must_use]
    pub fn silences(&self) -> Vec<Silence> {
        self.inner.core.silences()
    }

    /// Calls `handler(metric, value, threshold)` whenever a threshold is crossed.
    ///
    /// Each call is a task of its own: one that panics is counted, one that is slow delays nobody and is cancelled after
    /// [`Builder::handler_timeout`], and at most 64 calls of one handler are under way at once. Beyond them, the newest
    /// state of each alert waits for room; the calls that do not are counted.
    pub fn on_threshold_exceeded<F, Fut>(&self, handler: F)
    where
        F: Fn(String, f64, f64) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.inner.handlers.add_exceeded(Handler::of_threshold(handler));
    }

    /// Calls `handler(metric, value, threshold)` whenever a threshold that fired is good again.
    pub fn on_threshold_cleared<F, Fut>(&self, handler: F)
    where
        F: Fn(String, f64, f64) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.inner.handlers.add_cleared(Handler::of_threshold(handler));
    }

    /// Calls `handler(alert)` for every alert: thresholds that fire and clear, and [`alert`](Self::alert).
    pub fn on_alert<F, Fut>(&self, handler: F)
    where
        F: Fn(Alert) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.inner.handlers.add_alert(Handler::new(handler));
    }

    /// Calls `handler(event)` when tasks stand still for as long as the rule asks for: once a window at most, while it
    /// lasts. It is the pressure of this process's own cgroup, where it has one, else of the machine.
    ///
    /// The kernel wakes the monitor, however long its interval is. Where it does not let itself be asked, the share is
    /// computed at each sample; the log and [`health`](Self::health) say so, and why.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), mtaio_monitoring::MonitoringError> {
    /// use mtaio_monitoring::ResourceMonitor;
    /// use mtaio_monitoring::alerts::{PressureEvent, PressureRule};
    /// use mtaio_monitoring::sampling::{Resource, StallKind};
    ///
    /// let monitor = ResourceMonitor::default();
    /// let rule = PressureRule::new(Resource::Memory, StallKind::Some, 0.15, 2.0)?;
    /// monitor.on_pressure(rule, async |event: PressureEvent| {
    ///     println!("tasks waited for memory: {}", event.scope.name());
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_pressure<F, Fut>(&self, rule: PressureRule, handler: F)
    where
        F: Fn(PressureEvent) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        // Events become calls under this lock: none that comes meanwhile misses the handler.
        let _delivery = self.inner.delivery.lock();
        let number = self.inner.core.add_pressure_rule(rule);
        self.inner.handlers.add_pressure(number, Handler::new(handler));
    }

    /// Has every alert sent there as well: to a [`Webhook`](super::Webhook) or an [`Alertmanager`](super::Alertmanager).
    /// Each has a thread and a bounded queue of its own, whatever the runtime does; [`health`](Self::health) says how they
    /// are doing. Gives the number of the destination.
    pub fn add_destination(&self, destination: impl Into<Destination>) -> u64 {
        self.inner.core.add_destination(destination)
    }

    /// Takes a destination away, and says whether there was one of this number. What waits for it is tried once more.
    pub fn remove_destination(&self, number: u64) -> bool {
        self.inner.core.remove_destination(number)
    }

    /// Has alerts that fire carry the slowest traces of a profiler, open ones and recent ones, in their
    /// [`evidence`](Alert::evidence). One profiler at a time: another takes its place, a disabled one has no traces. The
    /// monitor does not keep it alive.
    ///
    /// ```
    /// use mtaio_monitoring::{Profiler, ResourceMonitor};
    /// let (monitor, profiler) = (ResourceMonitor::default(), Profiler::new());
    /// monitor.attach_profiler(&profiler);
    /// ```
    pub fn attach_profiler(&self, profiler: &Profiler) {
        self.inner.core.attach_profiler(profiler.recorder());
    }

    /// Alerts carry no traces any more.
    pub fn detach_profiler(&self) {
        self.inner.core.attach_profiler(None);
    }

    /// Raises an alert of the service's own.
    pub fn alert(&self, message: impl Into<String>) {
        self.inner.core.raise(Alert::of_message(message.into(), 0.0));
        self.inner.deliver_if_stopped();
    }

    /// Raises an alert of the service's own about a metric's value.
    pub fn alert_about(&self, metric: &str, value: f64, message: impl Into<String>) {
        let mut alert = Alert::of_message(message.into(), 0.0);
        alert.metric = Some(metric.into());
        alert.value = Some(value);
        self.inner.core.raise(alert);
        self.inner.deliver_if_stopped();
    }

    /// Records a value, and tells the handlers of a threshold that it crosses.
    ///
    /// NaN and infinities are dropped and counted.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for an empty name and for the name of a built-in metric.
    pub fn record(&self, name: &str, value: f64) -> Result<()> {
        if self.inner.core.record(name, value)? {
            self.inner.deliver();
        }
        Ok(())
    }

    /// The latest value of a metric.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::UnknownMetric`] where there is none, with the names that have one.
    pub fn metric(&self, name: &str) -> Result<f64> {
        self.inner.core.latest_value(name)
    }

    /// A reading of this moment. The first one of a monitor that was not started takes 0.1 s.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Unavailable`] where the system does not answer.
    ///
    /// # Panics
    ///
    /// As [`stop`](Self::stop), where there is no earlier reading yet.
    pub async fn current_stats(&self) -> Result<SystemStats> {
        loop {
            match self.inner.core.current_stats()? {
                Ok(stats) => return Ok(stats),
                Err(seconds) => tokio::time::sleep(Duration::from_secs_f64(seconds.max(0.001))).await,
            }
        }
    }

    /// Samples from `start` to `end` (seconds since the epoch, both inclusive), oldest first.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a time that is not a number.
    pub fn history(&self, start: Option<f64>, end: Option<f64>) -> Result<Vec<SystemStats>> {
        self.inner.core.history(start, end)
    }

    /// How the monitor itself is doing.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.with_handlers(self.inner.core.health())
    }

    /// As [`Self::health`], waiting for so long at most for a reading that is under way; without `sections`, where it takes
    /// longer.
    #[must_use]
    pub fn health_within(&self, budget: Duration) -> HealthReport {
        self.with_handlers(self.inner.core.health_within(budget))
    }

    fn with_handlers(&self, health: HealthReport) -> HealthReport {
        let (handler_errors, dropped_calls) = (self.inner.handlers.errors(), self.inner.handlers.dropped());
        HealthReport { handler_errors, dropped_calls, ..health }
    }

    /// What this monitor has without a runtime: what a server or an exporter reads from threads of its own.
    #[must_use]
    pub fn core(&self) -> &MonitorCore {
        &self.inner.core
    }
}

impl Inner {
    /// Starts the handlers of everything in the outbox, if a runtime is known or can be found; else it waits there.
    pub(super) fn deliver(&self) {
        let Some(runtime) = self.runtime.lock().clone().or_else(|| Handle::try_current().ok()) else { return };
        while self.deliver_some(&runtime) {
            if self.dispatcher.lock().is_some() {
                // It comes again, when other tasks have had their turn.
                self.core.wake();
                return;
            }
        }
    }

    /// Says whether there may be more.
    fn deliver_some(&self, runtime: &Handle) -> bool {
        let delivery = self.delivery.lock();
        let events = self.core.take_events(EVENTS_AT_ONCE);
        let more = events.len() == EVENTS_AT_ONCE;
        let unheard: Vec<String> =
            events.into_iter().filter_map(|event| self.handlers.tell(runtime, event)).collect();
        // Whoever listens to the log may record into this very monitor.
        drop(delivery);
        for message in unheard {
            tracing::warn!(target: "mtaio.monitoring", "{message}");
        }
        more
    }

    /// While the monitor runs its dispatcher has been woken already.
    fn deliver_if_stopped(&self) {
        if self.dispatcher.lock().is_none() {
            self.deliver();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(dispatcher) = self.dispatcher.lock().take() {
            dispatcher.abort();
        }
    }
}

/// Gives up on the destinations at the end of a stop, also of one that is cancelled; unless somebody has started the
/// monitor meanwhile.
struct Abandon<'a>(&'a MonitorCore);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if !self.0.is_running() {
            self.0.abandon_destinations();
        }
    }
}

/// Empties the outbox whenever the bell rings, as long as somebody holds the monitor.
async fn dispatch(monitor: Weak<Inner>, bell: Arc<Notify>) {
    loop {
        bell.notified().await;
        let Some(inner) = monitor.upgrade() else { return };
        inner.deliver();
    }
}
