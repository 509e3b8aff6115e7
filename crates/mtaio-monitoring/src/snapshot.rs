//! A plain, read-only picture of everything that a monitor knows: what the faces and the exporters are given.

use crate::alerts::Rule;
use crate::metrics::SeriesSnapshot;
use crate::monitor::{HealthReport, MonitorCore, RecentAlerts};
use crate::rates::SystemStats;

/// One moment of a monitor.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Seconds between samples.
    pub interval_seconds: f64,
    /// The newest sample; `None` before the first.
    pub stats: Option<SystemStats>,
    /// What the program has recorded.
    pub recorded: Vec<SeriesSnapshot>,
    /// Every threshold and where it stands.
    pub thresholds: Vec<ThresholdState>,
    /// The newest alerts.
    pub alerts: RecentAlerts,
    /// How the monitor itself is doing.
    pub health: HealthReport,
}

/// A threshold and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ThresholdState {
    /// The threshold.
    pub rule: Rule,
    /// Crossed, but not for `for_seconds` yet.
    pub pending: bool,
    /// Crossed, and told.
    pub firing: bool,
}

impl Snapshot {
    /// The picture of this moment.
    #[must_use]
    pub fn of(monitor: &MonitorCore) -> Self {
        let state = |(rule, pending, firing)| ThresholdState { rule, pending, firing };
        Self {
            interval_seconds: monitor.config().interval_seconds(),
            stats: monitor.latest_stats(),
            recorded: monitor.recorded(),
            thresholds: monitor.rule_states().into_iter().map(state).collect(),
            alerts: monitor.recent_alerts(),
            health: monitor.health(),
        }
    }
}

#[cfg(feature = "tokio")]
impl crate::monitor::ResourceMonitor {
    /// A picture of everything that the monitor knows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::of(self.core());
        snapshot.health = self.health();
        snapshot
    }
}
