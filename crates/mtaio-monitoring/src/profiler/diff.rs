//! Two profiles beside each other, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::metrics::ProfileMetrics;
use super::profile::Profile;

/// What changed from one profile to another, by name: what changed the most first.
///
/// ```
/// use mtaio_monitoring::Profiler;
///
/// let (before, after) = (Profiler::new(), Profiler::new());
/// drop(before.enter("parse"));
/// drop(after.enter("parse"));
/// drop(after.enter("validate"));
///
/// let diff = before.profile().diff(&after.profile());
/// let validate = diff.rows().iter().find(|row| &*row.name == "validate").unwrap();
/// assert!(validate.is_new());
/// assert_eq!(validate.calls_change(), 1);
/// println!("{diff}");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileDiff {
    rows: Vec<DiffRow>,
    before: ProfileMetrics,
    after: ProfileMetrics,
}

/// A name in two profiles.
#[derive(Clone, Debug, PartialEq)]
pub struct DiffRow {
    /// The name.
    pub name: Arc<str>,
    /// Its metrics in the first profile; `None` where it is new.
    pub before: Option<ProfileMetrics>,
    /// Its metrics in the second profile; `None` where it is gone.
    pub after: Option<ProfileMetrics>,
}

impl Profile {
    /// What changed from this profile to another one, by name: what changed the most in total time first.
    #[must_use]
    pub fn diff(&self, after: &Self) -> ProfileDiff {
        let mut rows: BTreeMap<Arc<str>, DiffRow> = BTreeMap::new();
        for (name, metrics) in self.metrics_by_name() {
            let row = DiffRow { name: Arc::clone(&name), before: Some(metrics), after: None };
            rows.insert(name, row);
        }
        for (name, metrics) in after.metrics_by_name() {
            let row = rows.entry(Arc::clone(&name)).or_insert(DiffRow { name, before: None, after: None });
            row.after = Some(metrics);
        }
        let mut rows: Vec<DiffRow> = rows.into_values().collect();
        // By name within the same change, as the map gave them.
        rows.sort_by(|left, right| right.total_change().abs().total_cmp(&left.total_change().abs()));
        ProfileDiff { rows, before: self.metrics(None), after: after.metrics(None) }
    }
}

impl ProfileDiff {
    /// Every name of either profile.
    #[must_use]
    pub fn rows(&self) -> &[DiffRow] {
        &self.rows
    }

    /// The metrics of all traces of the first profile.
    #[must_use]
    pub fn before(&self) -> &ProfileMetrics {
        &self.before
    }

    /// The metrics of all traces of the second profile.
    #[must_use]
    pub fn after(&self) -> &ProfileMetrics {
        &self.after
    }
}

impl DiffRow {
    /// Whether the first profile has no trace of the name.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Whether the second profile has no trace of the name.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.after.is_none()
    }

    /// Change of the number of calls.
    #[must_use]
    pub fn calls_change(&self) -> i64 {
        let calls = |metrics: &Option<ProfileMetrics>| metrics.as_ref().map_or(0, |metrics| metrics.call_count);
        calls(&self.after) as i64 - calls(&self.before) as i64
    }

    /// Change of the total time, in seconds.
    #[must_use]
    pub fn total_change(&self) -> f64 {
        let total = |metrics: &Option<ProfileMetrics>| metrics.as_ref().map_or(0.0, |metrics| metrics.total_time);
        total(&self.after) - total(&self.before)
    }

    /// The same as a share of the first profile's: 0.5 is half as much again. `None` where that had none.
    #[must_use]
    pub fn total_change_share(&self) -> Option<f64> {
        share(self.before.as_ref()?.total_time, self.after.as_ref()?.total_time)
    }

    /// Change of the mean, in seconds; `None` for what is new or gone.
    #[must_use]
    pub fn mean_change(&self) -> Option<f64> {
        Some(self.after.as_ref()?.avg_time - self.before.as_ref()?.avg_time)
    }

    /// The same as a share of the first profile's.
    #[must_use]
    pub fn mean_change_share(&self) -> Option<f64> {
        share(self.before.as_ref()?.avg_time, self.after.as_ref()?.avg_time)
    }
}

fn share(before: f64, after: f64) -> Option<f64> {
    (before > 0.0).then(|| (after - before) / before)
}
