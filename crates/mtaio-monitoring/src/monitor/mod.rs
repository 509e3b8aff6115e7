//! The one loop that joins sampling, rates, history, metrics and alerts.
//!
//! [`MonitorCore`] knows no async runtime: it samples on its own thread and leaves what there is to tell in an
//! outbox, with a waker for whoever empties it. [`ResourceMonitor`] empties it on tokio; the Python package does so
//! on asyncio.

mod attached;
mod cadence;
mod coalesced;
mod config;
#[cfg(feature = "config-file")]
mod config_file;
mod core;
mod destinations;
mod evidence;
#[cfg(feature = "tokio")]
mod handlers;
mod health;
#[cfg(feature = "metrics-recorder")]
mod metrics_recorder;
mod outbox;
mod own_cost;
#[cfg(feature = "tokio")]
mod own_metrics;
mod pressure;
mod pressure_watch;
mod query;
mod range;
mod recording;
#[cfg(feature = "tower")]
mod requests;
#[cfg(feature = "tokio")]
mod resource_monitor;
mod sampler;
mod shared;
mod silences;
mod watches;

pub use attached::Attached;
pub use cadence::{Cadence, Due};
pub use config::{Config, Scope};
#[cfg(feature = "config-file")]
pub use config_file::{ConfigFile, Settings};
pub use core::MonitorCore;
pub use destinations::{Alertmanager, Answer, Destination, DestinationHealth, Transport, Webhook, retry_after};
pub use health::HealthReport;
#[cfg(feature = "metrics-recorder")]
pub use metrics_recorder::MetricsRecorder;
pub use outbox::{Event, RecentAlerts};
#[cfg(feature = "tokio")]
pub use own_metrics::{Counter, Gauge, Histogram};
pub use pressure_watch::{PressureMode, PressureSample, PressureTriggerHealth};
pub use range::{Column, Range};
pub use recording::Bound;
#[cfg(feature = "tower")]
pub use requests::{Monitored, MonitoredBody, MonitoredFuture, MonitoringLayer};
#[cfg(feature = "tokio")]
pub use resource_monitor::{Builder, ResourceMonitor};
pub use sampler::{Reading, Sampler};
