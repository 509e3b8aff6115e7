//! P19: for how much of the time tasks stood still.

use mtaio_monitoring::SystemStats;
use mtaio_monitoring::clock::NANOS_PER_SECOND;
use mtaio_monitoring::rates::{Interval, PressureWindow};
use mtaio_monitoring::sampling::{RawPressure, RawPressures, RawSample, RawStall, Timed};
use proptest::prelude::*;

use super::{at, stats};

fn stall(average: u32, total_us: u64) -> Option<RawStall> {
    Some(RawStall { average_hundredths: [Some(average), None, None], total_us })
}

/// Memory, read so many microseconds after the sample began.
fn with_pressure(mut raw: RawSample, late_us: u64, some_us: u64, full_us: u64) -> RawSample {
    let value = RawPressure { some: stall(1_000, some_us), full: stall(250, full_us) };
    let file = Some(Timed { read_at_ns: raw.clock.monotonic_ns + late_us * 1_000, value });
    raw.pressure = RawPressures { cpu: file, memory: file, ..RawPressures::default() };
    raw.container_pressure = RawPressures { cpu: file, generation: 1, ..RawPressures::default() };
    raw
}

#[test]
fn p19_a_share_is_the_growth_of_the_total_over_the_time_between_the_files_own_readings() {
    // 2.5 s between the readings of the file, not the samples' 2 s.
    let stats = stats(&with_pressure(at(10), 0, 1_000, 500), &with_pressure(at(12), 500_000, 1_001_000, 250_500));
    let memory = stats.pressure.memory;
    assert_eq!((memory.some_percent, memory.full_percent), (Some(40.0), Some(10.0)));
    assert_eq!((memory.some_avg10_percent, memory.full_avg10_percent), (Some(10.0), Some(2.5)));
    assert_eq!(stats.pressure.io, Default::default(), "what was not read is none");
}

#[test]
fn p19_full_of_a_machines_processors_is_not_a_number() {
    let stats = stats(&with_pressure(at(10), 0, 0, 0), &with_pressure(at(12), 0, 1_000_000, 500_000));
    let cpu = stats.pressure.cpu;
    assert_eq!((cpu.some_percent, cpu.full_percent, cpu.full_avg10_percent), (Some(50.0), None, None));
    assert_eq!(stats.container_pressure.cpu.full_percent, Some(25.0), "of a cgroup's it is");
}

#[test]
fn p42_a_share_of_time_is_at_most_all_of_it() {
    let stats = stats(&with_pressure(at(10), 3, 0, 0), &with_pressure(at(11), 0, 1_000_004, 1_000_000));
    let memory = stats.pressure.memory;
    assert_eq!((memory.some_percent, memory.full_percent), (Some(100.0), Some(100.0)));
}

#[test]
fn p19_totals_that_began_anew_and_another_cgroup_have_no_share() {
    let first = with_pressure(at(10), 0, 5_000, 5_000);
    let anew = stats(&first, &with_pressure(at(11), 0, 4_999, 5_001)).pressure.memory;
    assert_eq!((anew.some_percent, anew.some_avg10_percent), (None, Some(10.0)));
    assert!(anew.full_percent.is_some(), "each line by itself");
    let mut moved = with_pressure(at(11), 0, 900_000, 900_000);
    moved.container_pressure.generation = 2;
    let moved = stats(&first, &moved).container_pressure.cpu;
    assert_eq!((moved.some_percent, moved.some_avg10_percent), (None, Some(10.0)));
    let alone = SystemStats::from(&Interval::between(None, &first)).pressure.memory;
    assert_eq!((alone.some_percent, alone.some_avg10_percent), (None, Some(10.0)), "averages need no baseline");
}

#[test]
fn p19_a_day_between_two_readings_loses_nothing() {
    let day_us = 86_400_000_000;
    let stats = stats(&with_pressure(at(10), 0, 0, 0), &with_pressure(at(86_410), 0, day_us / 4, day_us / 8));
    let memory = stats.pressure.memory;
    assert!((memory.some_percent.unwrap() - 25.0).abs() < 1e-6, "{memory:?}");
    assert!((memory.full_percent.unwrap() - 12.5).abs() < 1e-6, "{memory:?}");
}

#[test]
fn p20_a_window_that_samples_serve_goes_with_them() {
    let mut window = PressureWindow::new(2 * NANOS_PER_SECOND);
    let mut at = |tenths: u64, total_us: u64| window.observe(tenths * NANOS_PER_SECOND / 10, total_us);
    assert_eq!(at(0, 0), None);
    for tenth in 1..19 {
        assert_eq!(at(tenth, 0), None, "{tenth}");
    }
    assert_eq!(at(19, 0), Some(0.0), "a timer that is a little early does not cost a sample");
    // Half a second of standing still is a quarter of the window, and goes out of it again.
    assert_eq!(at(24, 475_000), Some(0.25), "of 1.9 s: the reading at 0.5 s is old enough");
    assert_eq!(at(40, 475_000), Some(475.0 / 2_100.0), "of 2.1 s: the one at 1.9 s");
    assert_eq!(at(44, 475_000), Some(0.0));
    assert_eq!(at(94, 2_975_000), Some(0.5), "of five seconds, where samples are further apart than the window");
    assert_eq!(at(104, 1), None, "another life");
    assert_eq!(at(124, 1), Some(0.0));
    assert_eq!(at(144, 9_000_000), Some(1.0), "never more than all of it");
}

proptest! {
    #[test]
    fn p20_a_window_is_bounded_and_never_wrong(
        steps in proptest::collection::vec((0..3_000_000_u64, 0..3_000_000_u64), 1..400),
        window_us in 500_000..10_000_000_u64,
    ) {
        let mut window = PressureWindow::new(window_us * 1_000);
        let (mut now_us, mut total_us, mut all) = (0, 0, vec![]);
        for (time, stalled) in steps {
            now_us += time + 1;
            total_us += stalled.min(time);
            all.push((now_us, total_us));
            let Some(share) = window.observe(now_us * 1_000, total_us) else {
                prop_assert!(now_us - all[0].0 < window_us, "there has been a whole window");
                continue;
            };
            prop_assert!((0.0..=1.0).contains(&share));
            // Some earlier reading that is old enough gives this share, and none that is older than need be.
            let old: Vec<_> = all.iter().filter(|(at, _)| now_us - at >= window_us - window_us / 20).collect();
            let newest = old.last().expect("one is old enough").0;
            let found = old.iter().rev().take_while(|(at, _)| newest - at <= window_us / 20).any(|(at, total)| {
                (share - (total_us - total) as f64 / (now_us - at) as f64).abs() < 1e-9
            });
            prop_assert!(found, "{share}");
        }
    }
}
