//! Quantiles against sorted values.

use mtaio_monitoring::metrics::{Buckets, Sketch, SketchSnapshot};
use proptest::prelude::*;

use super::{SMALLEST, any_finite, record_all};

/// Half a bucket of scale 5, in relative terms: (g − 1) / (g + 1) for g = 2^(1/32).
const WORST_ERROR: f64 = 0.010_831;

#[test]
fn quantiles_of_hostile_values_are_within_the_error() {
    check_quantiles(&[0.0]);
    check_quantiles(&[-0.0, 0.0, SMALLEST, -SMALLEST]);
    check_quantiles(&[f64::MAX, f64::MIN, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 1.0, -1.0, 0.0]);
    check_quantiles(&[f64::MAX; 5]);
    check_quantiles(&(1..400).map(f64::from_bits).collect::<Vec<_>>());
    check_quantiles(&(-1074..1024).map(|power| f64::from(power).exp2()).collect::<Vec<_>>());
    check_quantiles(&(-1074..1024).map(|power| -f64::from(power).exp2()).collect::<Vec<_>>());
    let around_ends = [f64::MIN_POSITIVE, 1.0, f64::MAX].map(f64::to_bits);
    let neighbours = around_ends.into_iter().flat_map(|bits| [bits - 1, bits, bits + 1]);
    let finite = neighbours.map(f64::from_bits).filter(|value| value.is_finite());
    check_quantiles(&finite.collect::<Vec<_>>());
}

#[test]
fn the_error_bound_is_the_documented_one_and_is_reached() {
    let worst = (1..=20_000)
        .map(|step| {
            let value = (f64::from(step) / 20_000.0).exp2();
            // Between two others, so that neither end's exactness helps.
            let got = record_all(&[value / 8.0, value, value * 8.0]).quantile(0.5).unwrap();
            (got - value).abs() / value
        })
        .fold(0.0, f64::max);
    assert!((0.0108..=WORST_ERROR).contains(&worst), "{worst}");
}

#[test]
fn nearest_rank_is_not_upset_by_rounding() {
    let snapshot = record_all(&(1..=100).map(|power| f64::from(power).exp2()).collect::<Vec<_>>());
    for percent in 1..=100_i32 {
        let got = snapshot.quantile(f64::from(percent) / 100.0).unwrap();
        assert_eq!(got.log2().round() as i32, percent);
    }
}

#[test]
fn no_value_no_quantile() {
    assert_eq!(Sketch::new().snapshot(), SketchSnapshot::default());
    assert_eq!(Sketch::new().snapshot().quantile(0.5), None);
    for q in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(record_all(&[1.0]).quantile(q), None);
    }
}

#[test]
fn a_snapshot_made_by_hand_cannot_panic() {
    let odd = SketchSnapshot {
        count: 9,
        min: Some(5.0),
        max: Some(f64::NAN),
        positive: Buckets { offset: i32::MAX - 2, counts: vec![1, 1] },
        ..SketchSnapshot::default()
    };
    for q in [0.0, 0.3, 0.9, 1.0] {
        let _ = odd.quantile(q);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quantiles_of_any_values_are_within_the_error(values in prop::collection::vec(any_finite(), 1..200)) {
        check_quantiles(&values);
    }

    #[test]
    fn quantiles_of_latencies_are_within_the_error(
        values in prop::collection::vec((-9.0..3.0).prop_map(|power| 10_f64.powf(power)), 1..300),
    ) {
        check_quantiles(&values);
    }
}

/// Holds every quantile of `values` against the sorted values.
#[track_caller]
fn check_quantiles(values: &[f64]) {
    let snapshot = record_all(values);
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    assert_eq!(snapshot.count, values.len() as u64);
    for rank in 1..=sorted.len() {
        let exact = sorted[rank - 1];
        let got = snapshot.quantile(rank as f64 / sorted.len() as f64).unwrap();
        // Among the smallest subnormals a step of f64 itself is more than a bucket.
        let allowed = exact.abs() * WORST_ERROR + if exact.abs() < f64::MIN_POSITIVE { SMALLEST } else { 0.0 };
        assert!((got - exact).abs() <= allowed, "rank {rank}: got {got:e}, exact {exact:e}");
        assert!((sorted[0]..=sorted[sorted.len() - 1]).contains(&got));
    }
    assert_eq!(snapshot.quantile(0.0), Some(sorted[0]));
    assert_eq!(snapshot.quantile(1.0), sorted.last().copied());
}
