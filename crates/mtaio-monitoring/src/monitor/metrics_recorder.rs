//! A recorder for the `metrics` crate: what crates that use its macros tell goes into a monitor.

use std::sync::Arc;

use metrics::{CounterFn, GaugeFn, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::error::Result;
use crate::metrics::catalogue::Kind;

use super::own_metrics::{Counter, Gauge, Histogram};
use super::resource_monitor::ResourceMonitor;

/// Takes in what the macros of the `metrics` crate record: counters, gauges and histograms, with their labels.
///
/// A macro looks its metric up at every call. Where that is too slow keep what it gives, as with any recorder. What cannot
/// be recorded (the name of a built-in metric, one name for two kinds) is told to the log and left out.
///
/// ```
/// use mtaio_monitoring::ResourceMonitor;
/// use mtaio_monitoring::monitor::MetricsRecorder;
///
/// let monitor = ResourceMonitor::default();
/// // In a service: metrics::set_global_recorder(MetricsRecorder::new(monitor.clone()))
/// metrics::with_local_recorder(&MetricsRecorder::new(monitor.clone()), || {
///     metrics::histogram!("request_duration", "route" => "/cart").record(0.25);
/// });
/// assert_eq!(monitor.query(r#"request_duration{route="/cart"}:max"#, 60.0), Ok(Some(0.25)));
/// ```
#[derive(Clone)]
pub struct MetricsRecorder {
    monitor: ResourceMonitor,
}

impl MetricsRecorder {
    /// A recorder that feeds this monitor.
    #[must_use]
    pub fn new(monitor: ResourceMonitor) -> Self {
        Self { monitor }
    }

    fn describe(&self, kind: Kind, name: &KeyName, unit: Option<Unit>, description: &str) {
        let unit = unit.map_or("", ucum);
        let core = &self.monitor.inner.core;
        told(core.declare(kind, name.as_str(), unit, description).map(drop));
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(Kind::Counter, &key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(Kind::Gauge, &key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(Kind::Histogram, &key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        let counter = self.monitor.counter(key.name(), "", "").and_then(|counter| counter.labels(labels(key)));
        told(counter).map_or_else(metrics::Counter::noop, |counter| metrics::Counter::from_arc(Arc::new(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        let gauge = self.monitor.gauge(key.name(), "", "").and_then(|gauge| gauge.labels(labels(key)));
        told(gauge).map_or_else(metrics::Gauge::noop, |gauge| metrics::Gauge::from_arc(Arc::new(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        let histogram =
            self.monitor.histogram(key.name(), "", "").and_then(|histogram| histogram.labels(labels(key)));
        told(histogram)
            .map_or_else(metrics::Histogram::noop, |histogram| metrics::Histogram::from_arc(Arc::new(histogram)))
    }
}

impl CounterFn for Counter {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, value: u64) {
        self.raise_to(value as f64);
    }
}

impl GaugeFn for Gauge {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        self.set(value);
    }
}

impl HistogramFn for Histogram {
    fn record(&self, value: f64) {
        self.record(value);
    }
}

fn labels(key: &Key) -> impl Iterator<Item = (String, String)> {
    key.labels().map(|label| (label.key().to_owned(), label.value().to_owned()))
}

fn told<T>(outcome: Result<T>) -> Option<T> {
    outcome.map_err(|error| tracing::warn!(target: "mtaio.monitoring", "{error}")).ok()
}

/// The unit as OpenTelemetry writes it.
fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "1",
        Unit::Percent => "%",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Tebibytes => "TiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Kibibytes => "KiBy",
        Unit::Bytes => "By",
        Unit::TerabitsPerSecond => "Tbit/s",
        Unit::GigabitsPerSecond => "Gbit/s",
        Unit::MegabitsPerSecond => "Mbit/s",
        Unit::KilobitsPerSecond => "kbit/s",
        Unit::BitsPerSecond => "bit/s",
        Unit::CountPerSecond => "1/s",
    }
}
