//! A trace and the metrics of every request, for services of tower: axum, tonic, hyper by way of its adapter.
//!
//! Names, labels and their values are those of OpenTelemetry's conventions for HTTP servers, as they are in the Python
//! package's middleware.

mod body;
mod request;
mod series;
mod service;

pub use body::MonitoredBody;
pub use service::{Monitored, MonitoredFuture, MonitoringLayer};
