//! What is served.

use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::monitor::{HealthReport, MonitorCore};
use mtaio_monitoring::{ResourceMonitor, Snapshot};

use crate::builder::Builder;

/// How long an answer waits for a reading that is under way: a file of `/proc` that hangs must not hang the server.
const BUDGET: Duration = Duration::from_millis(5);

/// A monitor that can be served: that of a tokio service, or the core that every face shares.
pub trait Monitored: Send + Sync + 'static {
    /// What holds the samples.
    fn core(&self) -> &MonitorCore;

    /// A picture of everything that the monitor knows, taken without waiting for the system.
    fn snapshot(&self) -> Snapshot {
        Snapshot::of_within(self.core(), BUDGET)
    }

    /// How the monitor itself is doing, asked for in the same way.
    fn health(&self) -> HealthReport {
        self.core().health_within(BUDGET)
    }

    /// Serves this monitor: says where and to whom, and then [`Builder::start`].
    ///
    /// ```
    /// use mtaio_monitoring::{Profiler, ResourceMonitor};
    /// use mtaio_monitoring_server::Monitored;
    ///
    /// let (monitor, profiler) = (ResourceMonitor::builder().build()?, Profiler::new());
    /// let server = monitor.serve().port(0).token("a-token-of-enough-letters").profiler(&profiler).start()?;
    /// println!("curl --oauth2-bearer a-token-of-enough-letters {}metrics", server.url());
    /// # Ok::<(), mtaio_monitoring::MonitoringError>(())
    /// ```
    fn serve(&self) -> Builder<Self>
    where
        Self: Clone,
    {
        Builder::new(self.clone())
    }
}

impl Monitored for Arc<MonitorCore> {
    fn core(&self) -> &MonitorCore {
        self
    }
}

impl Monitored for ResourceMonitor {
    fn core(&self) -> &MonitorCore {
        ResourceMonitor::core(self)
    }

    fn snapshot(&self) -> Snapshot {
        self.snapshot_within(BUDGET)
    }

    fn health(&self) -> HealthReport {
        self.health_within(BUDGET)
    }
}
