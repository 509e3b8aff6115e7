//! Seeing inside async services.
//!
//! [`ResourceMonitor`] samples the machine on a thread of its own, keeps a history, holds values against thresholds
//! and tells async handlers. See ARCHITECTURE.md for the house and its ladder:
//! `error clock lock thread` < `sampling metrics` < `rates history alerts profiler` < `monitor` < `snapshot` < `export`.

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
pub use rates::{CpuStats, IoStats, MemoryStats, SystemStats};
pub use snapshot::Snapshot;

/// The README's Rust, run by the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../README.ja.md")]
struct ReadmeExamples;
