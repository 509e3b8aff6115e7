//! Recording: by name, by name and labels, and through handles of declared metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use crate::error::{MonitoringError, Result};
use crate::metrics::catalogue::{BuiltIn, Kind};
use crate::metrics::{Declaration, Labels, Series};

use super::core::MonitorCore;
use super::health::Health;
use super::outbox::Event;
use super::shared::Shared;

/// How often it is looked for series that have expired, in nanoseconds, at most.
const EXPIRY_LOOK_NS: u64 = 60_000_000_000;

/// A declared metric and labels: a handle for [`MonitorCore::record_bound`], which looks nothing up.
///
/// The series begins to exist with the first value, and does not expire while the handle is held. In the child of a
/// fork it goes on with the child's own series.
#[derive(Debug)]
pub struct Bound {
    name: Arc<str>,
    declaration: Declaration,
    labels: Labels,
    process_id: u32,
    series: OnceLock<Arc<Series>>,
    /// In the child of a fork: its process and its series.
    child: ArcSwapOption<(u32, Arc<Series>)>,
}

impl Bound {
    fn new(name: Arc<str>, declaration: Declaration, labels: Labels, process_id: u32) -> Self {
        Self { name, declaration, labels, process_id, series: OnceLock::new(), child: ArcSwapOption::empty() }
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the metric was declared as.
    #[must_use]
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// What tells the series apart from others of the metric.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// A handle of the same metric with these labels beside its own.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a label without a name.
    pub fn with_labels(&self, labels: &Labels) -> Result<Self> {
        check(labels)?;
        let labels = self.labels.and(labels);
        Ok(Self::new(Arc::clone(&self.name), self.declaration.clone(), labels, self.process_id))
    }
}

impl MonitorCore {
    /// Records a value. Returns whether there is now something to tell ([`Self::drain_events`]).
    ///
    /// NaN and infinities are dropped and counted, and so are names beyond the limit of the registry, and values below
    /// zero for a counter.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for an empty name and for the name of a built-in metric.
    pub fn record(&self, name: &str, value: f64) -> Result<bool> {
        // Not `self.shared()`: asking for the process id is a system call, and this is the application's hot path.
        let shared = self.shared.load();
        Ok(shared.series(name)?.is_some_and(|series| shared.record(&series, value)))
    }

    /// As [`Self::record`], into the series of the metric that has these labels.
    ///
    /// A metric has 2,000 series at most, a monitor 10,000. What is recorded with labels beyond that counts in one series
    /// of the metric, [`Labels::overflow`], and a sentence for the log says so once.
    ///
    /// # Errors
    ///
    /// As [`Self::record`], and for a label without a name.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Labels;
    /// use mtaio_monitoring::monitor::{Config, MonitorCore};
    /// let monitor = MonitorCore::new(Config::default());
    /// monitor.record_with("request_duration", 0.02, &Labels::new([("route", "/cart")])).unwrap();
    /// assert_eq!(monitor.recorded()[0].title(), r#"request_duration{route="/cart"}"#);
    /// ```
    pub fn record_with(&self, name: &str, value: f64, labels: &Labels) -> Result<bool> {
        check(labels)?;
        let shared = self.shared.load();
        let Some((series, tells)) = shared.labelled(name, labels)? else { return Ok(false) };
        Ok(shared.record(&series, value) | tells)
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

    /// Declares a metric, and gives a handle of its series without labels. The same declaration again gives another handle
    /// of the same metric.
    ///
    /// `unit` is in UCUM notation (`s`, `By`, `1`, `{request}`) or empty, `help` one sentence.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for an empty name, the name of a built-in metric, a name that is declared with
    /// another kind or unit already, and a unit that is none.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Labels;
    /// use mtaio_monitoring::metrics::catalogue::Kind;
    /// use mtaio_monitoring::monitor::{Config, MonitorCore};
    /// let monitor = MonitorCore::new(Config::default());
    /// let requests = monitor.declare(Kind::Counter, "requests", "{request}", "Requests answered.").unwrap();
    /// let failed = requests.with_labels(&Labels::new([("status", "500")])).unwrap();
    /// monitor.record_bound(&requests, 2.0);
    /// monitor.record_bound(&failed, 1.0);
    /// assert_eq!(monitor.latest_value("requests").unwrap(), 3.0);
    /// ```
    pub fn declare(&self, kind: Kind, name: &str, unit: &str, help: &str) -> Result<Bound> {
        check_name(name)?;
        let declaration = Declaration::new(kind, unit, help)?;
        self.declare_as(name, declaration)
    }

    /// As [`Self::declare`], of a whole declaration: one with [bounds](Declaration::with_bounds), say.
    ///
    /// # Errors
    ///
    /// As [`Self::declare`], and for other bounds than it is declared with already.
    pub fn declare_as(&self, name: &str, declaration: Declaration) -> Result<Bound> {
        let shared = self.shared();
        check_name(name)?;
        shared.declare(name, &declaration)?;
        Ok(Bound::new(name.into(), declaration, Labels::default(), shared.process_id))
    }

    /// Records through a handle of a declared metric: sets a gauge, adds to a counter, or counts in a histogram. Returns
    /// whether there is now something to tell.
    #[inline]
    pub fn record_bound(&self, bound: &Bound, value: f64) -> bool {
        let shared = self.shared.load();
        match bound.series.get() {
            Some(series) if bound.process_id == shared.process_id => shared.record(series, value),
            _ => shared.record_first(bound, &|series| shared.record(series, value)),
        }
    }

    /// Moves a gauge by so much, up or down. Returns whether there is now something to tell.
    pub fn add_bound(&self, bound: &Bound, difference: f64) -> bool {
        let shared = self.shared.load();
        match bound.series.get() {
            Some(series) if bound.process_id == shared.process_id => shared.add(series, difference),
            _ => shared.record_first(bound, &|series| shared.add(series, difference)),
        }
    }

    /// Has the total of a counter be at least this, for who is told totals and not steps. One that is not above the present
    /// one changes nothing. Returns whether there is now something to tell.
    pub fn raise_bound(&self, bound: &Bound, total: f64) -> bool {
        let shared = self.shared.load();
        shared.record_first(bound, &|series| {
            series.record_total(total);
            series.is_watched() && shared.check_recorded(series, total)
        })
    }
}

impl Shared {
    pub(super) fn declare(&self, name: &str, declaration: &Declaration) -> Result<()> {
        self.registry.declare(name, declaration)?;
        self.declared.rcu(|declared| {
            let mut declared = BTreeMap::clone(declared);
            // What the registry made of it, which joins what was said before with what was said now.
            let joined = self.registry.metric(name).map(|metric| metric.declaration());
            declared.insert(name.into(), joined.unwrap_or_else(|| declaration.clone()));
            declared
        });
        Ok(())
    }

    pub(super) fn series(&self, name: &str) -> Result<Option<Arc<Series>>> {
        if let Some(series) = self.registry.get(name) {
            return Ok(Some(series));
        }
        check_name(name)?;
        let series = self.registry.get_or_create_watched(name, self.rules.load().contains_key(name));
        // A threshold that was set since is seen here, or has seen the series.
        if let Some(series) = &series
            && self.rules.load().contains_key(name)
        {
            series.set_watched(true);
        }
        Ok(series)
    }

    /// The series of this name and these labels, and whether there is now something to tell.
    fn labelled(&self, name: &str, labels: &Labels) -> Result<Option<(Arc<Series>, bool)>> {
        if labels.is_empty() {
            return Ok(self.series(name)?.map(|series| (series, false)));
        }
        if self.registry.metric(name).is_none() {
            check_name(name)?;
        }
        let watched = self.rules.load().contains_key(name);
        let Some(found) = self.registry.get_or_create_labelled(name, labels, watched) else { return Ok(None) };
        if !watched && self.rules.load().contains_key(name) {
            found.series.set_watched(true);
        }
        let tells = found.overflow.is_some();
        if let Some(message) = found.overflow {
            self.outbox.push(Event::Notice(message));
        }
        Ok(Some((found.series, tells)))
    }

    #[inline]
    pub(super) fn record(&self, series: &Series, value: f64) -> bool {
        if !value.is_finite() || (value < 0.0 && series.is_counter()) {
            Health::add(&self.health.dropped_values, 1);
            return false;
        }
        series.record(value);
        series.is_watched() && self.check_recorded(series, value)
    }

    fn add(&self, series: &Series, difference: f64) -> bool {
        let value = series.record_difference(difference);
        if !value.is_finite() {
            Health::add(&self.health.dropped_values, 1);
            return false;
        }
        series.is_watched() && self.check_recorded(series, value)
    }

    /// A threshold on a counter is one on its total.
    #[cold]
    fn check_recorded(&self, series: &Series, value: f64) -> bool {
        let value = if series.is_counter() { series.last().unwrap_or(value) } else { value };
        self.check(series.name(), value)
    }

    /// The first value through a handle; in the child of a fork, every value through one of the parent's.
    #[cold]
    fn record_first(&self, bound: &Bound, record: &dyn Fn(&Series) -> bool) -> bool {
        if let Some(child) = &*bound.child.load()
            && child.0 == self.process_id
        {
            return record(&child.1);
        }
        let inherited = bound.process_id != self.process_id;
        let Ok(Some((series, tells))) = self.labelled(&bound.name, &bound.labels) else { return false };
        if inherited {
            bound.child.store(Some(Arc::new((self.process_id, Arc::clone(&series)))));
        } else {
            let _whoever_was_first = bound.series.set(Arc::clone(&series));
        }
        record(&series) | tells
    }

    pub(super) fn set_watched(&self, name: &str, watched: bool) {
        if let Some(metric) = self.registry.metric(name) {
            metric.series().iter().for_each(|series| series.set_watched(watched));
        }
    }

    /// A tick for windows: what was recorded since the one before is kept, and series that nobody uses are let go.
    pub(super) fn cut_windows(&self) {
        let now_ns = self.config.clock().monotonic_ns();
        let all = self.registry.every_series();
        let mut windows = self.windows.lock();
        windows.tick(now_ns, all.iter().map(|series| &**series));
        drop(all);
        let expiry_ns = self.config.series_expiry_ns();
        if windows.looks_for_expired(now_ns, EXPIRY_LOOK_NS.min(expiry_ns / 4)) {
            let expired = |series: &Series| now_ns.saturating_sub(windows.idle_since_ns(series)) >= expiry_ns;
            let gone = self.registry.expire(expired);
            windows.forget(&gone);
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(MonitoringError::argument("name", "a name of at least one character", "''"));
    }
    if BuiltIn::from_name(name).is_some() {
        return Err(MonitoringError::Configuration(format!(
            "name must be one that the monitor does not measure itself, got {name:?}: record under another name"
        )));
    }
    Ok(())
}

fn check(labels: &Labels) -> Result<()> {
    if labels.iter().any(|(name, _)| name.is_empty()) {
        return Err(MonitoringError::argument("labels", "names of at least one character, with values", labels));
    }
    Ok(())
}
