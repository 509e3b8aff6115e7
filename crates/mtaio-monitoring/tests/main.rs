//! One binary for all integration tests: linking is what they cost.

mod alerts;
mod allocations;
mod clock;
mod export;
#[cfg(target_os = "linux")]
mod fuzzing;
mod history;
mod machine;
mod metrics;
mod monitor;
mod profiler;
mod rates;
mod sampling;
mod tidy;
#[cfg(feature = "tokio")]
mod tokio_monitor;
