//! All recorded metrics of a monitor, by name.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::clock::Clock;
use crate::error::{MonitoringError, Result};
use crate::lock::RwLock;

use super::labels::Labels;
use super::metric::{Declaration, Metric};
use super::series::{Series, SeriesSnapshot};

/// Series that a registry holds unless told otherwise. A name made from request data (a user, a URL) would else
/// let the observer eat the memory of its host.
pub const DEFAULT_SERIES_LIMIT: usize = 10_000;

/// Series with labels that one metric has at most: one label that has too many values must not take the room of all
/// other metrics.
pub const METRIC_SERIES_LIMIT: usize = 2_000;

/// Name → [`Metric`] → [`Series`], for any number of threads.
///
/// A series without labels, once made, stays: hold on to the `Arc` and record through it, without a lookup. One with
/// labels stays as long as somebody holds it or records to it now and then ([`expire`](Self::expire)).
///
/// ```
/// use mtaio_monitoring::metrics::Registry;
///
/// let registry = Registry::new();
/// if let Some(series) = registry.get_or_create("queue_depth") {
///     series.record(3.0);
/// }
/// assert_eq!(registry.get("queue_depth").and_then(|series| series.last()), Some(3.0));
/// assert!(registry.get("other").is_none());
/// ```
// The standard hasher, which costs 15 ns: names may come from outside, and must not be able to collide on purpose.
#[derive(Debug)]
pub struct Registry {
    metrics: RwLock<HashMap<Arc<str>, Arc<Metric>>>,
    clock: Clock,
    limit: usize,
    /// Series, without those for what had no room: there is one a metric at most.
    count: AtomicUsize,
    overflowed: AtomicU64,
    expired: AtomicU64,
}

/// A series with labels, or the one that stands in for it.
#[derive(Debug)]
pub struct Found {
    /// The series.
    pub series: Arc<Series>,
    /// One sentence for the log, once a metric: there was no room, and `series` is that of [`Labels::overflow`].
    pub overflow: Option<String>,
}

impl Registry {
    /// An empty registry that takes [`DEFAULT_SERIES_LIMIT`] series.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_SERIES_LIMIT)
    }

    /// An empty registry that takes `limit` series.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::Registry;
    ///
    /// let registry = Registry::with_limit(1);
    /// assert!(registry.get_or_create("a").is_some());
    /// assert!(registry.get_or_create("b").is_none());
    /// assert!(registry.get_or_create("a").is_some());
    /// assert_eq!(registry.overflowed(), 1);
    /// ```
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            metrics: RwLock::default(),
            clock: Clock::system(),
            limit,
            count: AtomicUsize::new(0),
            overflowed: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        }
    }

    /// The clock that tells when a series was made.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The series of this name without labels. `None` when nothing was recorded under it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Series>> {
        self.metrics.read().get(name)?.plain.get().cloned()
    }

    /// The metric of this name. `None` when it was neither declared nor recorded.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<Arc<Metric>> {
        self.metrics.read().get(name).cloned()
    }

    /// The series of this name without labels, made if need be. `None`, which is counted in
    /// [`overflowed`](Self::overflowed), when it would be one more than the limit.
    #[must_use]
    pub fn get_or_create(&self, name: &str) -> Option<Arc<Series>> {
        self.get_or_create_watched(name, false)
    }

    /// As [`get_or_create`](Self::get_or_create); a series that this makes is watched from its first value on, if so
    /// wanted.
    #[must_use]
    pub fn get_or_create_watched(&self, name: &str, watched: bool) -> Option<Arc<Series>> {
        if let Some(series) = self.get(name) {
            return Some(series);
        }
        let mut metrics = self.metrics.write();
        // Another thread may have made it between the two locks.
        if let Some(series) = metrics.get(name).and_then(|metric| metric.plain.get()) {
            return Some(Arc::clone(series));
        }
        if !self.take_room() {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let metric = metrics.entry(name.into()).or_insert_with(|| Arc::new(Metric::new(name)));
        let make = || metric.new_series(Labels::default(), watched, self.clock.monotonic_ns());
        Some(Arc::clone(metric.plain.get_or_init(make)))
    }

    /// The series of this name and these labels, made if need be; or, beyond [`METRIC_SERIES_LIMIT`] and the limit on
    /// all series, the metric's one for what has no room. `None`, which is counted, when there is no room for a
    /// metric either.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::{Labels, Registry};
    ///
    /// let registry = Registry::with_limit(1);
    /// let found = |route| registry.get_or_create_labelled("requests", &Labels::new([("route", route)]), false).unwrap();
    /// assert_eq!(found("/a").series.labels().get("route"), Some("/a"));
    /// let second = found("/b");
    /// assert_eq!(second.series.labels(), &Labels::overflow());
    /// assert!(second.overflow.unwrap().contains("has no room for more series"));
    /// assert!(found("/c").overflow.is_none(), "it is told once");
    /// ```
    #[must_use]
    pub fn get_or_create_labelled(&self, name: &str, labels: &Labels, watched: bool) -> Option<Found> {
        if labels.is_empty() {
            let series = self.get_or_create_watched(name, watched)?;
            return Some(Found { series, overflow: None });
        }
        let Some(metric) = self.metric(name).or_else(|| self.new_metric(name)) else {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let full = {
            let labelled = metric.labelled.read();
            if let Some(series) = labelled.get(labels) {
                return Some(Found { series: Arc::clone(series), overflow: None });
            }
            labelled.len() >= METRIC_SERIES_LIMIT
        };
        let now_ns = self.clock.monotonic_ns();
        let is_overflow = *labels == Labels::overflow();
        let why = if full {
            // Without the writers' lock, which would hold up all that has its series.
            too_many()
        } else {
            let mut labelled = metric.labelled.write();
            if let Some(series) = labelled.get(labels) {
                return Some(Found { series: Arc::clone(series), overflow: None });
            }
            if labelled.len() >= METRIC_SERIES_LIMIT {
                too_many()
            } else if !is_overflow && self.take_room() {
                let series = metric.new_series(labels.clone(), watched, now_ns);
                labelled.insert(labels.clone(), Arc::clone(&series));
                return Some(Found { series, overflow: None });
            } else {
                format!("no room for more series, because there are {} in all", self.limit)
            }
        };
        let series = Arc::clone(metric.overflow_series(watched, now_ns));
        let told = !is_overflow && metric.tells_overflow();
        Some(Found { series, overflow: told.then(|| metric.overflow_message(&why)) })
    }

    /// Declares a metric. Declaring it again in the same way changes nothing; what was recorded before it was declared
    /// stays.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a metric that is declared with
    /// another kind or another unit, and where there is no room for one more metric.
    ///
    /// ```
    /// use mtaio_monitoring::metrics::catalogue::Kind;
    /// use mtaio_monitoring::metrics::{Declaration, Registry};
    ///
    /// let registry = Registry::new();
    /// let declare = |kind| registry.declare("jobs", &Declaration::new(kind, "{job}", "Jobs done.").unwrap());
    /// declare(Kind::Counter).unwrap();
    /// declare(Kind::Counter).unwrap();
    /// assert_eq!(
    ///     declare(Kind::Gauge).unwrap_err().to_string(),
    ///     "\"jobs\" is declared as a counter already, and cannot be a gauge as well: give one of them another name"
    /// );
    /// ```
    pub fn declare(&self, name: &str, declaration: &Declaration) -> Result<()> {
        let Some(metric) = self.metric(name).or_else(|| self.new_metric(name)) else {
            return Err(MonitoringError::Configuration(format!(
                "{name:?} cannot be declared: there are {} metrics already, and no room for more",
                self.limit
            )));
        };
        metric.declare(declaration)
    }

    /// How many series there are, without those for what had no room.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many times a series was refused for the limit. Every refused record counts, not every name: the names
    /// are what there is no room for. What went to a metric's series for what had no room does not count: it is there.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// How many series [`expire`](Self::expire) has let go.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.expired.load(Ordering::Relaxed)
    }

    /// All names, in alphabetical order.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.metrics.read().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// All metrics, in alphabetical order.
    #[must_use]
    pub fn metrics(&self) -> Vec<Arc<Metric>> {
        let mut all: Vec<_> = self.metrics.read().values().cloned().collect();
        all.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Every series at this moment, by name and labels. New series wait only while the list is copied, not while
    /// the distributions are merged.
    #[must_use]
    pub fn snapshot(&self) -> Vec<SeriesSnapshot> {
        self.metrics().iter().flat_map(|metric| metric.series()).map(|series| series.snapshot()).collect()
    }

    /// Every series, in no order: for who looks at all of them often.
    pub(crate) fn every_series(&self) -> Vec<Arc<Series>> {
        let metrics: Vec<_> = self.metrics.read().values().cloned().collect();
        let mut all = Vec::with_capacity(self.len());
        metrics.iter().for_each(|metric| metric.add_series(&mut all));
        all
    }

    /// Lets go of the series with labels that are `idle` and that nobody holds, and gives their numbers.
    pub(crate) fn expire(&self, idle: impl Fn(&Series) -> bool) -> Vec<u64> {
        let mut gone = Vec::new();
        for metric in self.metrics() {
            // Whoever is about to record has found its series under this lock, and so holds it.
            metric.labelled.write().retain(|_, series| {
                let stays = Arc::strong_count(series) > 1 || !idle(series);
                if !stays {
                    gone.push(series.number());
                }
                stays
            });
        }
        self.count.fetch_sub(gone.len(), Ordering::Relaxed);
        self.expired.fetch_add(gone.len() as u64, Ordering::Relaxed);
        gone
    }

    fn new_metric(&self, name: &str) -> Option<Arc<Metric>> {
        let mut metrics = self.metrics.write();
        let room = metrics.len() < self.limit;
        match metrics.get(name) {
            Some(metric) => Some(Arc::clone(metric)),
            None if room => {
                let metric = Arc::new(Metric::new(name));
                metrics.insert(Arc::clone(metric.name()), Arc::clone(&metric));
                Some(metric)
            }
            None => None,
        }
    }

    fn take_room(&self) -> bool {
        let room = |count| (count < self.limit).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }
}

fn too_many() -> String {
    format!("{METRIC_SERIES_LIMIT} series, which is as many as one metric can have")
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
