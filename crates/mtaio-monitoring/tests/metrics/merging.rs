//! Merging and coarsening against one sketch that saw everything.

use std::collections::BTreeMap;

use mtaio_monitoring::metrics::SCALE;
use proptest::prelude::*;

use super::{any_finite, bucket_of, record_all};

#[test]
fn the_sum_stays_finite() {
    let snapshot = record_all(&[f64::MAX, f64::MAX, f64::MIN, f64::MIN, f64::MIN]);
    assert!(snapshot.sum.is_finite());
    let mut twice = record_all(&[f64::MAX]);
    twice.merge(&record_all(&[f64::MAX]));
    assert_eq!(twice.sum, f64::MAX);
}

#[test]
fn merging_different_scales_gives_the_lower() {
    let (mut fine, mut coarse) = (record_all(&[1.1, -3.0]), record_all(&[900.0, 0.0]));
    coarse.downscale(2);
    let mut other_way = coarse.clone();
    other_way.merge(&fine);
    fine.merge(&coarse);
    let mut direct = record_all(&[1.1, -3.0, 900.0, 0.0]);
    direct.downscale(2);
    assert_eq!(fine, direct);
    assert_eq!(other_way, direct);
}

#[test]
fn downscaling_never_refines_and_has_an_end() {
    let mut snapshot = record_all(&[1.0, 3.0]);
    let before = snapshot.clone();
    snapshot.downscale(SCALE);
    snapshot.downscale(20);
    assert_eq!(snapshot, before);
    snapshot.downscale(i32::MIN);
    assert_eq!((snapshot.positive.offset, &snapshot.positive.counts[..]), (-1, &[1, 1][..]));
    assert!(snapshot.quantile(0.5).is_some());
}

#[test]
fn downscaling_to_every_scale_keeps_every_value_between_its_bounds() {
    let values: Vec<_> = (1..2_000).map(|step| f64::from(step) * 0.37 + 1e-4).collect();
    for scale in 0..=SCALE {
        let mut snapshot = record_all(&values);
        snapshot.downscale(scale);
        for (index, count) in snapshot.positive.iter() {
            let bound = |index: i32| (f64::from(index) / f64::from(1 << scale)).exp2();
            let within = values.iter().filter(|value| (bound(index)..bound(index + 1)).contains(*value));
            assert_eq!(count, within.count() as u64, "scale {scale}, bucket {index}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_exact_and_associative(a in whole_numbers(), b in whole_numbers(), c in whole_numbers()) {
        let [one, two, three] = [&a, &b, &c].map(|values| record_all(values));
        let mut left = one.clone();
        left.merge(&two);
        left.merge(&three);
        let mut right = two.clone();
        right.merge(&three);
        let mut right_first = right.clone();
        right_first.merge(&one);
        let mut outer = one;
        outer.merge(&right);
        prop_assert_eq!(&left, &outer);
        prop_assert_eq!(&left, &right_first);
        prop_assert_eq!(&left, &record_all(&[a, b, c].concat()));
    }

    #[test]
    fn downscaling_is_what_direct_recording_gives(
        values in prop::collection::vec(any_finite(), 0..30),
        scale in -10..=0_i32,
    ) {
        let mut at_once = record_all(&values);
        let mut by_steps = at_once.clone();
        at_once.downscale(scale);
        for step in (scale..SCALE).rev() {
            by_steps.downscale(step);
        }
        prop_assert_eq!(&at_once, &by_steps);
        let counted = at_once.positive.iter().filter(|(_, count)| *count > 0).collect();
        prop_assert_eq!(count_directly(&values, scale), counted);
    }
}

/// What recording at `scale` gives, for scales of 0 and below: from the exponent alone, without a table.
fn count_directly(values: &[f64], scale: i32) -> BTreeMap<i32, u64> {
    let mut counts = BTreeMap::new();
    for value in values.iter().filter(|value| **value > 0.0) {
        let whole = bucket_of(*value).div_euclid(32);
        // An independent reading of the same: the octave whose upper end is not below the value.
        let octave = (-1075..1024).find(|power| *value <= f64::from(power + 1).exp2()).unwrap();
        assert_eq!(whole, octave);
        *counts.entry(octave.div_euclid(1 << -scale)).or_default() += 1;
    }
    counts
}

/// Whole numbers, whose sums are exact in any order.
fn whole_numbers() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-1_000_000..1_000_000_i32).prop_map(f64::from), 0..60)
}
