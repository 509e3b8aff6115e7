//! The scrape as protocol buffers, read back by messages of its own: what the text has, and native histograms besides.

use std::collections::BTreeMap;

use mtaio_monitoring::export::Exposition;
use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::metrics::{Declaration, Labels, Registry};
use proptest::prelude::*;
use prost::Message;

use super::exposition::{Family, Sample, declare, read, record, snapshot};
use super::foreign::{foreign, foreign_registry};

/// `io.prometheus.client`, of client_model 0.6: with what we do not write, so that it would be seen if we did.
#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    r#type: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    unit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum MetricType {
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Value>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Value>,
    #[prost(message, optional, tag = "4")]
    summary: Option<Empty>,
    #[prost(message, optional, tag = "5")]
    untyped: Option<Value>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
    #[prost(int64, optional, tag = "6")]
    timestamp_ms: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
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

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

/// Every message of a scrape: each is read whole, and is written by who read it as it was.
fn messages(scrape: &[u8]) -> Vec<MetricFamily> {
    let (mut rest, mut found) = (scrape, Vec::new());
    while !rest.is_empty() {
        let before = rest;
        let family = MetricFamily::decode_length_delimited(&mut rest).expect("a message");
        assert_eq!(
            family.encode_length_delimited_to_vec(),
            before[..before.len() - rest.len()],
            "nothing unknown"
        );
        found.push(family);
    }
    found
}

/// The same as the text format has it, and the histograms.
fn families(scrape: &[u8]) -> (BTreeMap<String, Family>, BTreeMap<String, Vec<Histogram>>) {
    let (mut families, mut histograms) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
    for message in messages(scrape) {
        let name = message.name.clone().expect("a name");
        let kind = message.r#type();
        let mut family = Family { help: message.help.clone().expect("a help"), ..Family::default() };
        family.kind = format!("{kind:?}").to_lowercase();
        for metric in &message.metric {
            let pair =
                |pair: &LabelPair| (pair.name.clone().expect("a name"), pair.value.clone().expect("a value"));
            let labels: Vec<(String, String)> = metric.label.iter().map(pair).collect();
            let value = match kind {
                MetricType::Counter => &metric.counter,
                MetricType::Gauge => &metric.gauge,
                _ => &metric.untyped,
            };
            if let Some(histogram) = &metric.histogram {
                assert_eq!(kind, MetricType::Histogram);
                let sample = |ending: &str, bound: Option<String>, value: f64| -> Sample {
                    let bound = bound.map(|bound| ("le".to_owned(), bound));
                    (format!("{name}{ending}"), labels.iter().cloned().chain(bound).collect(), value)
                };
                let count = histogram.sample_count.expect("a count") as f64;
                for bucket in &histogram.bucket {
                    let bound = format!("{:?}", bucket.upper_bound.expect("a bound"));
                    family.samples.push(sample("_bucket", Some(bound), bucket.cumulative_count.unwrap() as f64));
                }
                family.samples.push(sample("_bucket", Some("+Inf".to_owned()), count));
                family.samples.push(sample("_sum", None, histogram.sample_sum.expect("a sum")));
                family.samples.push(sample("_count", None, count));
                histograms.entry(name.clone()).or_default().push(histogram.clone());
            } else {
                let value = value.as_ref().and_then(|value| value.value).expect("a value of the family's kind");
                family.samples.push((name.clone(), labels, value));
            }
        }
        assert!(families.insert(name, family).is_none(), "no family is there twice");
    }
    (families, histograms)
}

/// Of native buckets, `(number, count)`: what spans and deltas mean.
fn populated(spans: &[BucketSpan], deltas: &[i64]) -> Vec<(i32, u64)> {
    let (mut at, mut count, mut deltas) = (0, 0, deltas.iter());
    let mut found = Vec::new();
    for span in spans {
        at += span.offset.unwrap();
        for _ in 0..span.length.unwrap() {
            count += deltas.next().expect("a delta for each bucket of a span");
            found.push((at, u64::try_from(count).expect("no bucket has less than nothing")));
            at += 1;
        }
    }
    assert!(deltas.next().is_none(), "a bucket for each delta");
    found
}

/// The upper bound of the bucket in which the value of a rank lies.
fn upper_bound(histogram: &Histogram, rank: u64) -> f64 {
    let width = (-f64::from(histogram.schema.unwrap())).exp2();
    let mut seen = histogram.zero_count.unwrap();
    for (number, count) in populated(&histogram.positive_span, &histogram.positive_delta) {
        seen += count;
        if seen >= rank {
            return (f64::from(number) * width).exp2();
        }
    }
    panic!("no value of rank {rank}");
}

/// Everything in a histogram is counted once.
fn check_counts(histogram: &Histogram) {
    let positive = populated(&histogram.positive_span, &histogram.positive_delta);
    let negative = populated(&histogram.negative_span, &histogram.negative_delta);
    assert!(positive.len() <= 170 && negative.len() <= 170, "160 buckets, and gaps of two between spans");
    let counted: u64 = positive.iter().chain(&negative).map(|(_, count)| count).sum();
    assert_eq!(Some(counted + histogram.zero_count.unwrap()), histogram.sample_count);
    assert_eq!(histogram.zero_threshold, Some(0.0));
    assert!((-4..=8).contains(&histogram.schema.unwrap()));
    assert!(!histogram.positive_span.is_empty() || !histogram.negative_span.is_empty() || counted == 0);
    let ascending = histogram
        .bucket
        .windows(2)
        .all(|two| two[0].upper_bound < two[1].upper_bound && two[0].cumulative_count <= two[1].cumulative_count);
    assert!(ascending);
}

#[test]
fn a_native_histogram_is_the_distribution_in_the_base_unit() {
    let registry = Registry::new();
    for (name, unit) in [("seconds", "s"), ("milliseconds", "ms"), ("kibibytes", "KiBy")] {
        declare(&registry, name, Kind::Histogram, unit, "x");
    }
    let own = Declaration::new(Kind::Histogram, "ms", "x").unwrap().with_bounds(&[100.0, 300.0]).unwrap();
    registry.declare("own", &own).unwrap();
    // Some three octaves: as fine as the sketch records.
    for value in (101..=1_000).map(f64::from) {
        record(&registry, "seconds", &[], value / 100.0);
        record(&registry, "milliseconds", &[], value * 10.0);
        record(&registry, "kibibytes", &[], value);
        record(&registry, "own", &[], value);
    }
    let (families, histograms) = families(&snapshot(&registry).exposition_protobuf());
    for (name, of_one, error) in [
        // Within the width of a bucket, and where the unit is no power of two half of one more.
        ("seconds_seconds", 0.01, 1.0 / 32.0),
        ("milliseconds_seconds", 0.01, 1.5 / 32.0),
        ("kibibytes_bytes", 1_024.0, 1.0 / 32.0),
    ] {
        let [histogram] = &*histograms[name] else { panic!("{name}") };
        check_counts(histogram);
        assert_eq!((histogram.sample_count, histogram.schema), (Some(900), Some(5)), "{name}");
        for rank in [1, 10, 100, 500, 810, 900] {
            let (bound, value) = (upper_bound(histogram, rank), (100 + rank) as f64 * of_one);
            let octaves = (bound / value).log2();
            // The value lies in the bucket, whose upper bound this is.
            let moved = error - 1.0 / 32.0;
            assert!((-moved - 1e-9..=error + 1e-9).contains(&octaves), "{name}: {value} is told as up to {bound}");
        }
        let sum = histogram.sample_sum.unwrap();
        assert!((sum / (495_450.0 * of_one) - 1.0).abs() < 1e-9, "{name}: {sum}");
    }
    let bounds = |sample: &&Sample| sample.0 == "own_seconds_bucket";
    let classic: Vec<_> = families["own_seconds"].samples.iter().filter(bounds).map(|sample| sample.2).collect();
    assert_eq!(classic, [0.0, 200.0, 900.0], "its own bounds are exact in the classic form");
}

#[test]
fn what_is_below_zero_zero_or_nothing_at_all_is_told() {
    let registry = Registry::new();
    for name in ["mixed", "zeros", "nothing"] {
        declare(&registry, name, Kind::Histogram, "", "x");
    }
    for value in [-4.0, -0.5, 0.0, 0.0, 1.0, f64::MAX, f64::MIN_POSITIVE] {
        record(&registry, "mixed", &[], value);
    }
    record(&registry, "zeros", &[], 0.0);
    registry.get_or_create_labelled("nothing", &Labels::default(), false).expect("room");
    declare(&registry, "age", Kind::Gauge, "d", "x");
    record(&registry, "age", &[], -f64::MAX);
    let (families, histograms) = families(&snapshot(&registry).exposition_protobuf());
    assert_eq!(families["age_seconds"].samples[0].2, f64::NEG_INFINITY, "too much in seconds");
    histograms.values().flatten().for_each(check_counts);
    let mixed = &histograms["mixed"][0];
    assert_eq!((mixed.sample_count, mixed.zero_count), (Some(7), Some(2)));
    assert_eq!(populated(&mixed.negative_span, &mixed.negative_delta).len(), 2);
    assert_eq!(histograms["zeros"][0].zero_count, Some(1));
    // One that holds nothing is a native one all the same: a span says so.
    let empty = BucketSpan { offset: Some(0), length: Some(0) };
    assert_eq!(
        (histograms["nothing"][0].sample_count, &*histograms["nothing"][0].positive_span),
        (Some(0), &[empty][..])
    );
}

#[test]
fn units_and_names_are_those_of_the_text() {
    let registry = Registry::new();
    declare(&registry, "jobs", Kind::Counter, "{job}", "Jobs.");
    declare(&registry, "share", Kind::Gauge, "%", "Share.");
    record(&registry, "jobs", &[("route", "a\"b\\c\nd\u{1b}")], 0.0);
    record(&registry, "share", &[], 50.0);
    let messages = messages(&snapshot(&registry).exposition_protobuf());
    let told = |name: &str| messages.iter().find(|family| family.name() == name).expect("it is told");
    assert_eq!((told("jobs_total").r#type(), told("jobs_total").unit.as_deref()), (MetricType::Counter, None));
    let jobs = &told("jobs_total").metric[0];
    // As it is, but for what a terminal would obey; a zero is written, and not left out.
    assert_eq!(jobs.label[0].value(), "a\"b\\c\nd\u{fffd}");
    assert_eq!(jobs.counter, Some(Value { value: Some(0.0) }));
    let share = told("share_ratio");
    assert_eq!((share.unit(), share.metric[0].gauge.as_ref().unwrap().value()), ("ratio", 0.5));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the names: the same families, with the same labels and values as in the text, and sound native histograms.
    #[test]
    fn it_says_what_the_text_says_whatever_the_names(metrics in foreign(), value in prop::num::f64::NORMAL) {
        let (registry, _) = foreign_registry(&metrics, value);
        let snapshot = snapshot(&registry);
        let text = read(&snapshot.exposition(Exposition::Prometheus), Exposition::Prometheus);
        let (families, histograms) = families(&snapshot.exposition_protobuf());
        prop_assert_eq!(families.keys().collect::<Vec<_>>(), text.keys().collect::<Vec<_>>());
        for (name, family) in &families {
            prop_assert_eq!((&family.kind, &family.samples), (&text[name].kind, &text[name].samples));
        }
        histograms.values().flatten().for_each(check_counts);
    }
}
