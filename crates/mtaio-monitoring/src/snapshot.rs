//! A plain, read-only picture of everything that a monitor knows: what the faces and the exporters are given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::{Declaration, SeriesSnapshot};
use crate::monitor::{HealthReport, MonitorCore, RecentAlerts};
use crate::rates::SystemStats;

pub use crate::alerts::ThresholdState;

/// One moment of a monitor.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Seconds between samples.
    pub interval_seconds: f64,
    /// The newest sample; `None` before the first.
    pub stats: Option<SystemStats>,
    /// What the program has recorded.
    pub recorded: Vec<SeriesSnapshot>,
    /// What was declared: kind, unit and help, by name. Also of what has recorded nothing yet.
    pub declared: Arc<BTreeMap<Arc<str>, Declaration>>,
    /// Every threshold and where it stands.
    pub thresholds: Vec<ThresholdState>,
    /// The newest alerts.
    pub alerts: RecentAlerts,
    /// How the monitor itself is doing.
    pub health: HealthReport,
}

impl Snapshot {
    /// The picture of this moment.
    #[must_use]
    pub fn of(monitor: &MonitorCore) -> Self {
        Self::with_health(monitor, monitor.health())
    }

    /// As [`Self::of`], waiting for so long at most for a reading that is under way; without the health of the sections,
    /// where it takes longer.
    #[must_use]
    pub fn of_within(monitor: &MonitorCore, budget: Duration) -> Self {
        Self::with_health(monitor, monitor.health_within(budget))
    }

    fn with_health(monitor: &MonitorCore, health: HealthReport) -> Self {
        Self {
            interval_seconds: monitor.config().interval_seconds(),
            stats: monitor.latest_stats(),
            recorded: monitor.recorded(),
            declared: monitor.declared(),
            thresholds: monitor.rule_states(),
            alerts: monitor.recent_alerts(),
            health,
        }
    }
}

#[cfg(feature = "tokio")]
impl crate::monitor::ResourceMonitor {
    /// A picture of everything that the monitor knows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::with_health(self.core(), self.health())
    }

    /// As [`Self::snapshot`], waiting for so long at most for a reading that is under way: see [`Snapshot::of_within`].
    #[must_use]
    pub fn snapshot_within(&self, budget: Duration) -> Snapshot {
        Snapshot::with_health(self.core(), self.health_within(budget))
    }
}
