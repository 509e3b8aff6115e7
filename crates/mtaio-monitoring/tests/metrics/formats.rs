//! What leaves for other formats is the same distribution: counts exact, boundaries theirs.

use std::collections::BTreeMap;

use mtaio_monitoring::metrics::{
    Buckets, ClassicHistogram, NativeHistogram, OTLP_MAX_BUCKETS, PROMETHEUS_SCHEMAS, SketchSnapshot, Span,
};
use proptest::prelude::*;

use super::{any_finite, record_all};

/// Bucket -> count of a native histogram's side, as a reader of the format adds it up.
fn read(spans: &[Span], deltas: &[i64]) -> BTreeMap<i32, u64> {
    let mut deltas = deltas.iter();
    let (mut bucket, mut count) = (0, 0);
    let mut read = BTreeMap::new();
    for span in spans {
        bucket += span.offset;
        for _ in 0..span.length {
            count += deltas.next().expect("a delta a bucket");
            assert!(count >= 0);
            if count > 0 {
                read.insert(bucket, count as u64);
            }
            bucket += 1;
        }
    }
    assert_eq!(deltas.next(), None);
    read
}

/// The bucket of a native histogram that holds a magnitude: (b^(i-1), b^i].
fn bucket_of(magnitude: f64, schema: i32) -> i32 {
    (magnitude.log2() * f64::from(schema).exp2()).ceil() as i32
}

fn filled(buckets: &Buckets) -> BTreeMap<i32, u64> {
    buckets.iter().filter(|(_, count)| *count > 0).map(|(index, count)| (index + 1, count)).collect()
}

#[test]
fn a_value_on_a_boundary_belongs_to_the_bucket_below_it_at_every_schema() {
    for schema in PROMETHEUS_SCHEMAS.0..=5 {
        // Powers of two are the boundaries that an f64 can hold; the lowest schemas have few of them.
        let octaves = if schema < 0 { 1_i32 << -schema } else { 1 };
        for power in (-1020..1020_i32).step_by(octaves as usize * 17) {
            let power = power - power.rem_euclid(octaves);
            let on = f64::from(power).exp2();
            for (value, above) in [(on, 0), (on.next_up(), 1), (on.next_down(), 0)] {
                let mut sketch = record_all(&[value, -value]);
                sketch.downscale(schema);
                let native = NativeHistogram::of(&sketch, usize::MAX);
                let bucket = if schema < 0 { power >> -schema } else { power << schema } + above;
                let expected = [Span { offset: bucket, length: 1 }];
                assert_eq!((native.schema, &native.positive_spans[..]), (schema, &expected[..]), "{value:e}");
                assert_eq!(native.negative_spans, expected, "{value:e}");
                assert_eq!(sketch.positive.offset, bucket - 1, "OTLP numbers them by their lower bound");
            }
        }
    }
}

#[test]
fn gaps_of_one_or_two_are_filled_and_others_begin_a_span() {
    let positive = Buckets { offset: -3, counts: vec![5, 0, 0, 7, 0, 0, 0, 1] };
    let sketch = SketchSnapshot { positive, count: 13, ..SketchSnapshot::default() };
    let native = NativeHistogram::of(&sketch, 160);
    assert_eq!(native.positive_spans, [Span { offset: -2, length: 4 }, Span { offset: 3, length: 1 }]);
    assert_eq!(native.positive_deltas, [5, -5, 0, 7, -6]);
}

#[test]
fn a_service_of_milliseconds_to_seconds_fits_otlp() {
    let sketch = record_all(&(1..10_000).map(|at| f64::from(at) / 1000.0).collect::<Vec<_>>());
    let fitted = sketch.fitted(OTLP_MAX_BUCKETS);
    assert_eq!((fitted.scale, fitted.count, fitted.sum), (3, sketch.count, sketch.sum));
    assert!(fitted.positive.counts.len() <= 160 && fitted.positive.counts.len() > 80);
    // The whole range of f64 fits, be it coarsely; and Prometheus' lowest schema is kept to.
    let widest = record_all(&[f64::MIN_POSITIVE, 1.0, f64::MAX, -f64::MAX, -1e-300]);
    assert!(widest.fitted(160).positive.counts.len() <= 160);
    assert_eq!(widest.fitted(2).positive.total(), 3);
    assert_eq!(NativeHistogram::of(&widest, 1).schema, -4);
}

#[test]
fn classic_buckets_are_exact_at_boundaries_and_near_them_elsewhere() {
    let values: Vec<f64> = (0..4096).map(|at| f64::from(at) / 1024.0).chain([-1.0, -0.5]).collect();
    let sketch = record_all(&values);
    let exact = |bound: f64| values.iter().filter(|value| **value <= bound).count() as u64;
    let bounds = [4.0, 0.0, 2.0, 0.25, 1.0, -1.0, 0.5, f64::INFINITY, f64::NAN, 0.25];
    let classic = ClassicHistogram::of(&sketch, &bounds);
    let expected: Vec<(f64, u64)> =
        [-1.0, 0.0, 0.25, 0.5, 1.0, 2.0, 4.0].map(|bound| (bound, exact(bound))).into();
    // Below zero it is the lower bound of a magnitude's bucket that belongs to the next one.
    assert_eq!(classic.buckets[1..], expected[1..]);
    assert_eq!((classic.count, classic.sum), (values.len() as u64, sketch.sum));
    for bound in [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.75, 2.5] {
        let told = ClassicHistogram::of(&sketch, &[bound]).buckets[0].1;
        assert!((exact(bound / 1.011)..=exact(bound * 1.011)).contains(&told), "{bound}: {told}");
    }
}

#[test]
fn percentiles_are_as_near_as_those_of_hdrhistogram_and_the_exact_ones() {
    // Two digits are what hdrhistogram needs for one per cent; it counts whole numbers only.
    let mut hdr = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 2).expect("sound bounds");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut values: Vec<f64> = Vec::new();
    for _ in 0..200_000 {
        // xorshift, and values that span six decades.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let microseconds = 10_f64.powf(1.0 + 6.0 * (state >> 11) as f64 / (1_u64 << 53) as f64).round();
        values.push(microseconds);
        hdr.record(microseconds as u64).expect("in bounds");
    }
    let sketch = record_all(&values);
    values.sort_unstable_by(f64::total_cmp);
    for share in [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0] {
        let exact = values[((share * values.len() as f64).ceil() as usize).max(1) - 1];
        let ours = sketch.quantile(share).expect("values");
        assert!((ours - exact).abs() <= exact * 0.010_831, "p{share}: {ours} for {exact}");
        let theirs = hdr.value_at_quantile(share) as f64;
        // Its buckets are up to 1.6 % wide, and it tells their upper end.
        assert!((ours - theirs).abs() <= theirs * (0.010_831 + 0.016), "p{share}: {ours}, hdrhistogram {theirs}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_survive_the_way_into_other_formats(
        values in prop::collection::vec(any_finite(), 0..200),
        max_buckets in 2..400_usize,
    ) {
        let sketch = record_all(&values);
        let fitted = sketch.fitted(max_buckets);
        prop_assert!(fitted.positive.counts.len() <= max_buckets && fitted.negative.counts.len() <= max_buckets);
        prop_assert_eq!((fitted.count, fitted.zero_count, fitted.sum), (sketch.count, sketch.zero_count, sketch.sum));
        prop_assert_eq!(fitted.positive.total(), sketch.positive.total());
        let native = NativeHistogram::of(&sketch, max_buckets);
        let mut same = sketch.clone();
        same.downscale(native.schema);
        prop_assert_eq!(read(&native.positive_spans, &native.positive_deltas), filled(&same.positive));
        prop_assert_eq!(read(&native.negative_spans, &native.negative_deltas), filled(&same.negative));
        prop_assert_eq!((native.zero_count, native.count), (sketch.zero_count, values.len() as u64));
    }

    #[test]
    fn each_value_is_in_the_bucket_that_the_format_says(power in -300.0..300.0_f64, schema in -4..=5_i32) {
        let value = power.exp2();
        let mut sketch = record_all(&[value]);
        sketch.downscale(schema);
        let native = NativeHistogram::of(&sketch, 160);
        // A logarithm may be off by one right at a boundary, which the test above holds exactly.
        let expected = bucket_of(value, schema);
        let told = native.positive_spans[0].offset;
        prop_assert!((told - expected).abs() <= 1 && native.schema == schema);
        let (lower, upper) = ((f64::from(told - 1) / f64::from(schema).exp2()), (f64::from(told) / f64::from(schema).exp2()));
        prop_assert!((lower - 1e-9..=upper + 1e-9).contains(&power));
    }

    #[test]
    fn merging_is_associative_and_as_if_one_sketch_had_seen_it_all(
        parts in prop::collection::vec(prop::collection::vec(any_finite(), 0..60), 3),
    ) {
        let [a, b, c] = [0, 1, 2].map(|part: usize| record_all(&parts[part]));
        let merged = |left: &SketchSnapshot, right: &SketchSnapshot| {
            let mut sum = left.clone();
            sum.merge(right);
            sum
        };
        let (left, right) = (merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        let whole = record_all(&parts.concat());
        for other in [&right, &whole] {
            prop_assert_eq!((&left.positive, &left.negative), (&other.positive, &other.negative));
            prop_assert_eq!((left.zero_count, left.count), (other.zero_count, other.count));
            prop_assert_eq!((left.min, left.max), (other.min, other.max));
        }
    }
}
