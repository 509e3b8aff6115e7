//! Seeing inside async services.
//!
//! [`ResourceMonitor`] samples the machine on a thread of its own, keeps a history, holds values against thresholds
//! and tells async handlers. See ARCHITECTURE.md for the house and its ladder:
//! `error clock lock thread` < `sampling metrics` < `rates history profiler` < `alerts` < `monitor` < `snapshot` < `export`.

pub mod alerts;
pub mod clock;
pub mod error;
pub mod export;
pub mod history;
mod lock;
pub mod metrics;
pub mod monitor;
pub mod profiler;
pub mod rates;
pub mod sampling;
pub mod snapshot;
pub mod thread;

pub use alerts::{Alert, AlertState, Level, RuleOptions};
pub use error::{MonitoringError, Result};
#[cfg(feature = "tokio")]
pub use monitor::ResourceMonitor;
pub use profiler::{Profile, Profiler};
pub use rates::{
    ContainerStats, CoreStats, CpuStats, DiskStats, FilesystemStats, HostStats, InterfaceStats, IoStats,
    MemoryStats, MonitorStats, NetworkStats, Pressure, PressureStats, ProcessStats, SpaceStats, SystemStats,
    TreeStats,
};
pub use snapshot::Snapshot;

/// # Example
///
/// ```
/// use mtaio_monitoring::{Profiler, trace};
///
/// struct Shop {
///     profiler: Profiler,
/// }
///
/// impl Shop {
///     #[trace(profiler = self.profiler, fields(article = article), err)]
///     async fn price(&self, article: u32) -> Result<u32, String> {
///         article.checked_mul(3).ok_or_else(|| "too dear".to_owned())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let shop = Shop { profiler: Profiler::new() };
/// assert_eq!(shop.price(14).await, Ok(42));
/// let profile = shop.profiler.profile();
/// let price = profile.traces().next().unwrap();
/// assert_eq!((price.name(), &price.metadata()["article"]), ("price", &14.into()));
/// # }
/// ```
pub use mtaio_monitoring_macros::trace;

/// The README's Rust, run by the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../README.ja.md")]
struct ReadmeExamples;

/// The Rust of the how-to.
#[cfg(all(doctest, feature = "tracing-layer"))]
#[doc = include_str!("../../../docs/how-to.md")]
struct HowToExamples;
