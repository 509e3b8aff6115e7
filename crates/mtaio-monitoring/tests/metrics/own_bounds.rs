//! Bounds of a program's own: counted exactly, whoever records and when.

use std::sync::Arc;
use std::thread;

use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::metrics::{ClassicHistogram, Declaration, Labels, Registry, Series};
use proptest::prelude::*;

fn declared(bounds: &[f64]) -> (Registry, Arc<Series>) {
    let registry = Registry::new();
    let histogram = Declaration::new(Kind::Histogram, "s", "").unwrap().with_bounds(bounds).unwrap();
    registry.declare("took", &histogram).unwrap();
    let series = registry.get_or_create_labelled("took", &Labels::new([("route", "/x")]), false).unwrap().series;
    (registry, series)
}

fn classic(series: &Series) -> ClassicHistogram {
    series.snapshot().classic.expect("bounds were declared")
}

proptest! {
    #[test]
    fn every_value_is_counted_up_to_each_bound(
        mut bounds in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 1..40),
        values in prop::collection::vec(-1e9..1e9_f64, 0..200),
    ) {
        bounds.sort_unstable_by(f64::total_cmp);
        bounds.dedup();
        let (_registry, series) = declared(&bounds);
        // The bounds themselves are the values that a nearest boundary would get wrong.
        let all: Vec<f64> = values.iter().chain(&bounds).copied().collect();
        all.iter().for_each(|value| series.record(*value));
        let told = classic(&series);
        let up_to = |bound: f64| all.iter().filter(|value| **value <= bound).count() as u64;
        let expected: Vec<_> = bounds.iter().map(|bound| (*bound, up_to(*bound))).collect();
        prop_assert_eq!(told.buckets, expected);
        prop_assert_eq!((told.count, told.sum), (all.len() as u64, series.snapshot().sum));
    }
}

#[test]
fn threads_lose_nothing() {
    const EACH: usize = 20_000;
    let (_registry, series) = declared(&[1.0, 2.0]);
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| (0..EACH).for_each(|at| series.record([0.5, 1.5, 2.5][at % 3])));
        }
    });
    let told = classic(&series);
    let third = |share: usize| (12 * (share * EACH).div_ceil(3)) as u64;
    assert_eq!((told.buckets, told.count), (vec![(1.0, third(1)), (2.0, third(2))], 12 * EACH as u64));
}

#[test]
fn what_came_before_the_declaration_stays() {
    let registry = Registry::new();
    let series = registry.get_or_create("took").unwrap();
    [0.5, 1.0, 4.0].into_iter().for_each(|value| series.record(value));
    assert_eq!(series.snapshot().classic, None);
    let plain = Declaration::new(Kind::Histogram, "s", "").unwrap();
    registry.declare("took", &plain).unwrap();
    let bounded = plain.clone().with_bounds(&[0.75, 2.0]).unwrap();
    registry.declare("took", &bounded).unwrap();
    registry.declare("took", &plain).unwrap();
    series.record(2.0);
    let told = classic(&series);
    assert_eq!((told.buckets, told.count, told.sum), (vec![(0.75, 1), (2.0, 3)], 4, 7.5));
}

#[test]
fn bad_bounds_are_refused_in_words() {
    let histogram = || Declaration::new(Kind::Histogram, "", "").unwrap();
    for bounds in [&[][..], &[1.0, 1.0], &[2.0, 1.0], &[f64::NAN], &[1.0, f64::INFINITY], &[0.0; 101]] {
        let error = histogram().with_bounds(bounds).unwrap_err().to_string();
        assert!(error.contains("bounds must be 1 to 100 finite numbers in ascending order"), "{error}");
    }
    let error = Declaration::new(Kind::Gauge, "", "").unwrap().with_bounds(&[1.0]).unwrap_err().to_string();
    assert_eq!(error, "bounds are a histogram's, and this is a gauge");
    let (registry, _) = declared(&[1.0]);
    let error = registry.declare("took", &histogram().with_bounds(&[2.0]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("bounds [1.0] already, and cannot have [2.0] as well"), "{error}");
}
