//! The scrape as protocol buffers: messages of `io.prometheus.client`, each after its length. The one format in use that
//! carries native histograms.
//!
//! Beside its native form a histogram has its classic one, for who stores no native ones: the reader takes what it wants.
//! The messages are those of client_model's `metrics.proto`, as far as anything is told in them. What has a value is
//! written also where it is zero, since readers of proto2 tell that from what is not there.

use std::borrow::Cow;

use prost::Message;

use super::bounds::Bounds;
use super::names::Family;
use super::sound::{APART, pairs, sound};
use super::{Form, told_of};
use crate::metrics::catalogue::Kind;
use crate::metrics::{Labels, NativeHistogram, OTLP_MAX_BUCKETS, SeriesSnapshot, Span};
use crate::monitor::{HealthReport, MonitorCore};
use crate::snapshot::Snapshot;

/// What an HTTP answer calls the scrape as protocol buffers.
pub const PROTOBUF_CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Buckets a side of a native histogram at most: as OTLP has it, and as servers that set a limit set theirs.
const MOST_BUCKETS: usize = OTLP_MAX_BUCKETS;

impl Snapshot {
    /// The same as [`exposition`](Self::exposition) as protocol buffers, in which histograms are native ones as well. A
    /// histogram that is declared in a unit which is no power of two of its base unit (`ms`, and not `s` or `KiBy`) is up to
    /// 1.1 % further off in the native form.
    #[must_use]
    pub fn exposition_protobuf(&self) -> Vec<u8> {
        self.told(Protobuf::new).finish()
    }
}

impl MonitorCore {
    /// The same as [`Snapshot::exposition_protobuf`] of this moment, for a fraction of its cost: see
    /// [`exposition`](Self::exposition).
    ///
    /// ```
    /// use mtaio_monitoring::metrics::catalogue::Kind;
    /// use mtaio_monitoring::monitor::{Config, MonitorCore};
    ///
    /// let monitor = MonitorCore::new(Config::default());
    /// let duration = monitor.declare(Kind::Histogram, "duration", "s", "Time.")?;
    /// monitor.record_bound(&duration, 0.25);
    /// let scrape = monitor.exposition_protobuf(&monitor.health());
    /// assert!(scrape.windows(16).any(|bytes| bytes == b"duration_seconds"));
    /// # Ok::<(), mtaio_monitoring::MonitoringError>(())
    /// ```
    #[must_use]
    pub fn exposition_protobuf(&self, health: &HealthReport) -> Vec<u8> {
        told_of(self, health, Protobuf::new).finish()
    }
}

/// The messages as they grow.
struct Protobuf {
    bytes: Vec<u8>,
    /// The one that is under way.
    family: MetricFamily,
}

impl Protobuf {
    fn new(series: usize) -> Self {
        Self { bytes: Vec::with_capacity(16_384 + 128 * series), family: MetricFamily::default() }
    }

    fn finish(mut self) -> Vec<u8> {
        self.end();
        self.bytes
    }

    /// Writes the family that is under way.
    fn end(&mut self) {
        if !self.family.metric.is_empty() {
            self.family.encode_length_delimited(&mut self.bytes).expect("a Vec takes everything");
        }
    }
}

impl Form for Protobuf {
    type Labels = Vec<LabelPair>;

    fn labels(labels: &Labels, into: &mut Vec<LabelPair>) -> bool {
        let pair =
            |(name, value): (Cow<'_, str>, Cow<'_, str>)| LabelPair::new(name.into_owned(), value.into_owned());
        *into = pairs(labels).into_iter().map(pair).collect();
        let kept = labels.iter().zip(&*into).filter(|((name, value), pair)| pair.is(name, value)).count();
        kept == labels.iter().count()
    }

    fn told_apart(labels: &Vec<LabelPair>, number: usize) -> Option<Vec<LabelPair>> {
        if labels.iter().any(|pair| pair.name.as_deref() == Some(APART)) {
            return None;
        }
        let apart = LabelPair::new(APART.to_owned(), number.to_string());
        Some(labels.iter().cloned().chain([apart]).collect())
    }

    fn begin(&mut self, family: &Family, help: &str) {
        self.end();
        let (kind, ending) = match family.kind {
            // Here a counter has the name of its sample.
            Kind::Counter => (MetricType::Counter, "_total"),
            Kind::Gauge => (MetricType::Gauge, ""),
            Kind::Untyped => (MetricType::Untyped, ""),
            Kind::Histogram => (MetricType::Histogram, ""),
        };
        self.family = MetricFamily {
            name: Some(format!("{}{ending}", family.name)),
            help: Some(sound(help).into_owned()),
            kind: Some(kind.into()),
            metric: Vec::new(),
            unit: family.has_unit().then(|| family.unit.word.to_owned()),
        };
    }

    fn sample(&mut self, family: &Family, labels: &Vec<LabelPair>, value: f64) {
        let mut metric = Metric { label: labels.clone(), ..Metric::default() };
        let value = Some(Number { value: Some(value) });
        match family.kind {
            Kind::Counter => metric.counter = value,
            Kind::Gauge => metric.gauge = value,
            Kind::Untyped | Kind::Histogram => metric.untyped = value,
        }
        self.family.metric.push(metric);
    }

    fn histogram(
        &mut self,
        family: &Family,
        labels: &Vec<LabelPair>,
        series: &SeriesSnapshot,
        bounds: &mut Bounds,
    ) {
        let unit = family.unit;
        let native = NativeHistogram::of(&series.sketch.multiplied(unit.convert(1.0)), MOST_BUCKETS);
        let classic = bounds.counts(series, unit);
        let bucket = bounds.told(&classic).map(|(bound, _, count)| Bucket {
            // Read at another moment than the native ones, and no more than all.
            cumulative_count: Some(count.min(native.count)),
            upper_bound: Some(bound),
        });
        let mut positive_span: Vec<BucketSpan> = native.positive_spans.iter().map(BucketSpan::from).collect();
        let negative_span: Vec<BucketSpan> = native.negative_spans.iter().map(BucketSpan::from).collect();
        if native.zero_count == 0 && positive_span.is_empty() && negative_span.is_empty() {
            // Of no length: so readers see that there are native buckets, of which none holds anything.
            positive_span.push(BucketSpan { offset: Some(0), length: Some(0) });
        }
        let histogram = Histogram {
            sample_count: Some(native.count),
            sample_sum: Some(unit.convert(series.sketch.sum)),
            bucket: bucket.collect(),
            schema: Some(native.schema),
            zero_threshold: Some(native.zero_threshold),
            zero_count: Some(native.zero_count),
            negative_span,
            negative_delta: native.negative_deltas,
            positive_span,
            positive_delta: native.positive_deltas,
        };
        let metric = Metric { label: labels.clone(), histogram: Some(histogram), ..Metric::default() };
        self.family.metric.push(metric);
    }

    fn position(&self) -> usize {
        self.family.metric.len()
    }

    fn rewind(&mut self, position: usize) {
        self.family.metric.truncate(position);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum MetricType {
    Counter = 0,
    Gauge = 1,
    Untyped = 3,
    Histogram = 4,
}

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    unit: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "5")]
    untyped: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

/// `Gauge`, `Counter` and `Untyped`, which are the same.
#[derive(Clone, Copy, PartialEq, Message)]
struct Number {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "9")]
    negative_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "10")]
    negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

impl From<&Span> for BucketSpan {
    fn from(span: &Span) -> Self {
        Self { offset: Some(span.offset), length: Some(span.length) }
    }
}

impl LabelPair {
    fn new(name: String, value: String) -> Self {
        Self { name: Some(name), value: Some(value) }
    }

    fn is(&self, name: &str, value: &str) -> bool {
        (self.name.as_deref(), self.value.as_deref()) == (Some(name), Some(value))
    }
}
