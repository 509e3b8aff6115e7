//! Sums over traces, held or let go.

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use proptest::prelude::*;

/// Traces of these lengths, in milliseconds, one after another.
fn traced(max_traces: usize, lengths: &[u32]) -> Profiler {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(max_traces, &clock);
    for &length in lengths {
        let _guard = profiler.enter("op");
        hand.advance(f64::from(length) / 1e3);
    }
    profiler
}

fn close(left: f64, right: f64, tolerance: f64) -> bool {
    (left - right).abs() <= tolerance * right.abs() + 1e-12
}

proptest! {
    #[test]
    fn sums_are_exact_whatever_was_let_go(
        lengths in prop::collection::vec(1_u32..100_000, 1..600),
        max_traces in 1_usize..700,
    ) {
        let profile = traced(max_traces, &lengths).profile();
        let metrics = profile.metrics(Some("op"));
        let seconds = |length: u32| f64::from(length) / 1e3;
        let mut sorted = lengths.clone();
        sorted.sort_unstable();
        prop_assert_eq!(profile.traces().len(), lengths.len().min(max_traces));
        prop_assert_eq!(profile.let_go(), (lengths.len() - profile.traces().len()) as u64);
        prop_assert_eq!(metrics.call_count, lengths.len() as u64);
        let total = lengths.iter().map(|&length| u64::from(length)).sum::<u64>() as f64 / 1e3;
        prop_assert!(close(metrics.total_time, total, 1e-9));
        prop_assert!(close(profile.total_time(), total, 1e-6));
        prop_assert!(close(metrics.avg_time, total / lengths.len() as f64, 1e-9));
        prop_assert!(close(metrics.min_time, seconds(sorted[0]), 1e-9));
        prop_assert!(close(metrics.max_time, seconds(sorted[sorted.len() - 1]), 1e-9));
        for (percentile, value) in &metrics.percentiles {
            let rank = (f64::from(*percentile) / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
            let tolerance = if profile.let_go() == 0 { 1e-9 } else { 0.0109 };
            prop_assert!(close(*value, seconds(sorted[rank - 1]), tolerance), "p{percentile}: {value}");
        }
        prop_assert_eq!(metrics.percentiles.len(), 4);
        prop_assert_eq!(profile.metrics(None), metrics);
    }
}

#[test]
fn nothing_recorded_is_zero_and_not_a_failure() {
    let profile = Profiler::new().profile();
    let metrics = profile.metrics(None);
    assert_eq!((profile.total_time(), metrics.call_count, metrics.avg_time), (0.0, 0, 0.0));
    assert_eq!((profile.start_time(), profile.end_time()), (None, None));
    assert!(metrics.percentiles.is_empty());
}

#[test]
fn a_profile_does_not_change_with_later_traces() {
    let profiler = traced(10, &[1, 2]);
    let profile = profiler.profile();
    drop(profiler.enter("later"));
    assert_eq!(profile.traces().len(), 2);
    assert_eq!(&*profile.names()[0], "op");
}

#[test]
fn names_beyond_the_limit_are_kept_under_one() {
    let profiler = Profiler::with_max_traces(1).unwrap();
    for number in 0..70_000 {
        drop(profiler.enter(&format!("user {number}")));
    }
    let profile = profiler.profile();
    assert_eq!(profile.metrics(None).call_count, 70_000);
    assert_eq!(profile.metrics(Some("(other names)")).call_count, 70_000 - 65_535);
}

#[test]
fn max_traces_of_nothing_is_an_error_that_says_so() {
    let error = Profiler::with_max_traces(0).unwrap_err().to_string();
    assert_eq!(error, "max_traces must be a whole number of traces from 1, got 0");
}
