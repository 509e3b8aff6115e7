//! Time: the clock that tests move, and timestamps that never go back.

use std::time::Duration;

use mtaio_monitoring::clock::{Clock, EpochClock, Instant3, NANOS_PER_SECOND};
use proptest::prelude::*;

#[test]
fn a_manual_clock_moves_only_by_hand_and_each_of_its_clocks_as_the_kernels_do() {
    let (clock, hand) = Clock::manual();
    let start = clock.now();
    let passed = |clock: &Clock| {
        let now = clock.now();
        let seconds = |now: u64, start: u64| (now as f64 - start as f64) / 1e9;
        [
            seconds(now.monotonic_ns, start.monotonic_ns),
            seconds(now.boottime_ns, start.boottime_ns),
            seconds(now.realtime_ns, start.realtime_ns),
        ]
    };
    assert_eq!(passed(&clock), [0.0, 0.0, 0.0]);
    hand.advance(2.0);
    assert_eq!(passed(&clock), [2.0, 2.0, 2.0]);
    hand.suspend(10.0);
    assert_eq!(passed(&clock), [2.0, 12.0, 12.0], "the monotonic clock sleeps along");
    hand.jump_wall(-5.0);
    assert_eq!(passed(&clock), [2.0, 12.0, 7.0]);
    hand.jump_wall(1.0);
    assert_eq!(passed(&clock), [2.0, 12.0, 8.0]);
    assert_eq!(clock.process_cpu_ns(), Some(0));
    hand.burn(0.5);
    assert_eq!(clock.process_cpu_ns(), Some(500_000_000));
}

#[test]
fn who_waits_for_a_manual_clock_looks_at_it_often() {
    let minute_ns = 60 * NANOS_PER_SECOND;
    assert_eq!(Clock::system().nap(minute_ns), Duration::from_secs(60));
    let (manual, _hand) = Clock::manual();
    assert_eq!(manual.nap(minute_ns), Duration::from_millis(1));
    assert_eq!(manual.nap(10), Duration::from_nanos(10));
}

#[test]
fn the_system_clock_shows_one_moment() {
    let clock = Clock::system();
    let (first, second) = (clock.now(), clock.now());
    assert!(second.monotonic_ns >= first.monotonic_ns);
    assert!(first.boottime_ns + 1_000_000 >= first.monotonic_ns, "time asleep is counted on top");
    // 2020-09-13: a clock that is not set at all would be long before.
    assert!(first.realtime_ns > 1_600_000_000 * NANOS_PER_SECOND);
    assert!(clock.process_cpu_ns() > Some(0));
}

/// Stamps of an epoch clock, in seconds after its first one, for pairs of (monotonic, wall) seconds.
fn stamps(instants: &[(u64, u64)]) -> Vec<f64> {
    let mut epoch = EpochClock::default();
    let mut stamp = |&(monotonic, wall): &(u64, u64)| {
        let stamp = epoch.stamp(Instant3 {
            monotonic_ns: monotonic * NANOS_PER_SECOND,
            boottime_ns: monotonic * NANOS_PER_SECOND,
            realtime_ns: wall * NANOS_PER_SECOND,
        });
        stamp as f64 / 1e9
    };
    instants.iter().map(&mut stamp).collect()
}

#[test]
fn p36_stamps_follow_the_wall_clock_forwards_at_once_and_backwards_at_half_speed() {
    let untouched = [(0, 100), (1, 101), (2, 102)];
    assert_eq!(stamps(&untouched), [100.0, 101.0, 102.0]);
    let forwards = [(0, 100), (1, 3_701), (2, 3_702)];
    assert_eq!(stamps(&forwards), [100.0, 3_701.0, 3_702.0]);
    // Set back by 2 s at 1: half a second a second until the wall clock has caught up, at 5.
    let backwards = [(0, 100), (1, 99), (2, 100), (3, 101), (4, 102), (5, 103), (6, 104)];
    assert_eq!(stamps(&backwards), [100.0, 100.5, 101.0, 101.5, 102.0, 103.0, 104.0]);
}

proptest! {
    #[test]
    fn p36_stamps_never_go_back_and_never_lag_behind_the_wall_clock(
        steps in proptest::collection::vec((0..5_000_000_000_u64, prop_oneof![4 => Just(0), 1 => -1_000_000_000_000..1_000_000_000_000_i64]), 1..100),
    ) {
        let mut epoch = EpochClock::default();
        let mut now = Instant3 { monotonic_ns: 0, boottime_ns: 0, realtime_ns: 2_000_000_000_000_000 };
        let mut last = epoch.stamp(now);
        prop_assert_eq!(last, now.realtime_ns);
        for (step, jump) in steps {
            now.monotonic_ns += step;
            now.realtime_ns = (now.realtime_ns + step).saturating_add_signed(jump);
            let stamp = epoch.stamp(now);
            prop_assert!(stamp >= last);
            prop_assert!(stamp >= now.realtime_ns);
            prop_assert!(stamp == now.realtime_ns || stamp == last + step / 2, "neither the wall nor half speed");
            last = stamp;
        }
        // Whatever happened: twice the distance later they are one again.
        let distance = last - now.realtime_ns;
        for _ in 0..4 {
            now.monotonic_ns += distance / 2 + 1;
            now.realtime_ns += distance / 2 + 1;
            last = epoch.stamp(now);
        }
        prop_assert_eq!(last, now.realtime_ns);
    }
}
