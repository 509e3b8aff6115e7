//! P6: which earlier reading a new one is held against.

use mtaio_monitoring::clock::Instant3;
use mtaio_monitoring::rates::Baselines;
use mtaio_monitoring::sampling::{CpuTimes, RawSample};
use proptest::prelude::*;

use crate::allocations;

const MS: u64 = 1_000_000;

fn reading(monotonic_ns: u64) -> RawSample {
    let clock = Instant3 { monotonic_ns, ..Instant3::default() };
    RawSample { clock, ..RawSample::default() }
}

/// Readings at these milliseconds, and the one that a reading at `now` is held against.
fn check(readings: &[u64], now: u64, expected: Option<u64>) {
    let mut baselines = Baselines::new(0.1);
    for ms in readings {
        baselines.keep(&mut reading(ms * MS));
    }
    let baseline = baselines.for_reading_at(now * MS);
    let found = baseline.map(|baseline| baseline.clock.monotonic_ns / MS);
    assert_eq!(found, expected, "{readings:?}, at {now}");
}

#[test]
fn p6_the_newest_reading_that_is_old_enough_is_the_baseline() {
    check(&[], 1_000, None);
    check(&[950], 1_000, None);
    check(&[900], 1_000, Some(900));
    check(&[800, 899, 901, 950], 1_000, Some(899));
    // However old it is.
    check(&[0], 86_400_000, Some(0));
}

#[test]
fn p6_an_old_reading_serves_until_a_newer_one_is_old_enough() {
    let mut baselines = Baselines::new(0.1);
    let mut at = |ms: u64| {
        let found = baselines.for_reading_at(ms * MS);
        let found = found.map(|baseline| baseline.clock.monotonic_ns / MS);
        baselines.keep(&mut reading(ms * MS));
        found
    };
    let found: Vec<_> = (0..30).map(|tick| at(tick * 10)).collect();
    let expected: Vec<_> = (0..30).map(|tick: u64| tick.checked_sub(10).map(|baseline| baseline * 10)).collect();
    assert_eq!(found, expected);
}

#[test]
fn forgetting_leaves_no_baseline() {
    let mut baselines = Baselines::new(0.1);
    baselines.keep(&mut reading(0));
    assert_eq!(baselines.ready_at_ns(), Some(100 * MS));
    baselines.forget();
    assert_eq!(baselines.ready_at_ns(), None);
    assert!(baselines.for_reading_at(u64::MAX).is_none());
}

#[test]
fn a_steady_state_allocates_nothing() {
    let mut baselines = Baselines::new(0.1);
    let mut raw = RawSample::default();
    let mut tick = |number: u64| {
        // What a source does: writes over whatever the reading holds.
        let cores = &mut raw.cpu.get_or_insert_default().value.cores;
        cores.clear();
        cores.extend([(0, CpuTimes::default()), (1, CpuTimes::default())]);
        raw.clock.monotonic_ns = number * MS;
        baselines.keep(&mut raw);
    };
    (0..500).for_each(&mut tick);
    assert_eq!(allocations::during(|| (500..1_000).for_each(&mut tick)), 0);
}

proptest! {
    #[test]
    fn the_baseline_is_the_one_that_a_search_through_all_readings_finds(
        steps_us in proptest::collection::vec(0..60_000_u64, 1..200),
        window_ms in 1..150_u64,
    ) {
        let mut baselines = Baselines::new(window_ms as f64 / 1e3);
        let mut all: Vec<u64> = Vec::new();
        let mut now = 0;
        for step in steps_us {
            now += step * 1_000;
            let oracle = all.iter().rev().find(|&&kept| kept + window_ms * MS <= now);
            let found = baselines.for_reading_at(now).map(|reading| reading.clock.monotonic_ns);
            prop_assert_eq!(found, oracle.copied());
            baselines.keep(&mut reading(now));
            // Less than a millisecond apart is one reading.
            if all.last().is_none_or(|&last| now >= last + MS) {
                all.push(now);
            }
        }
    }
}
