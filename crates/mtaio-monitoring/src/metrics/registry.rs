//! All recorded metrics of a monitor, by name.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::lock::RwLock;

use super::series::{Series, SeriesSnapshot};

/// Series that a registry holds unless told otherwise. A name made from request data (a user, a URL) would else
/// let the observer eat the memory of its host.
pub const DEFAULT_SERIES_LIMIT: usize = 10_000;

/// Name → [`Series`], for any number of threads.
///
/// A series, once made, stays: hold on to the `Arc` and record through it, without a lookup.
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
    series: RwLock<HashMap<Arc<str>, Arc<Series>>>,
    limit: usize,
    overflowed: AtomicU64,
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
        Self { series: RwLock::default(), limit, overflowed: AtomicU64::new(0) }
    }

    /// The series of this name. `None` when nothing was recorded under it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Series>> {
        self.series.read().get(name).cloned()
    }

    /// The series of this name, made if need be. `None`, which is counted in [`overflowed`](Self::overflowed), when
    /// it would be one more than the limit.
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
        let mut all = self.series.write();
        // Another thread may have made it between the two locks.
        if let Some(series) = all.get(name) {
            return Some(Arc::clone(series));
        }
        if all.len() >= self.limit {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let series = Arc::new(Series::new(name));
        series.set_watched(watched);
        all.insert(Arc::clone(series.name()), Arc::clone(&series));
        Some(series)
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.read().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many times a series was refused for the limit. Every refused record counts, not every name: the names
    /// are what there is no room for.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// All names, in alphabetical order.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.series.read().keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Every series at this moment, in alphabetical order. New series wait only while the list is copied, not while
    /// the distributions are merged.
    #[must_use]
    pub fn snapshot(&self) -> Vec<SeriesSnapshot> {
        let mut all: Vec<_> = self.series.read().values().cloned().collect();
        all.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        all.iter().map(|series| series.snapshot()).collect()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
