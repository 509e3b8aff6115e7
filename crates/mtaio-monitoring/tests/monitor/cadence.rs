//! P37: absolute deadlines; those that go by are counted and never made up for.

use mtaio_monitoring::monitor::{Cadence, Due};
use proptest::prelude::*;

use super::{Simulation, wait_until};

proptest! {
    #[test]
    fn p37_arrivals_stay_on_the_grid(
        start in 0..1_000_000_u64,
        interval in 1..100_000_u64,
        delays in proptest::collection::vec(prop_oneof![9 => 0..50_000_u64, 1 => 0..5_000_000_u64], 1..100),
    ) {
        let mut cadence = Cadence::new(start, interval);
        // The last deadline that has been seen, as its number on the grid.
        let mut last = 0;
        for delay in delays {
            let next = start + (last + 1) * interval;
            prop_assert_eq!(cadence.next_ns(), next, "the first deadline after the last arrival");
            let now = next + delay;
            let newest = (now - start) / interval;
            let due = cadence.arrive(now);
            prop_assert_eq!(due, Due { missed: newest - last - 1, late_ns: now - (start + newest * interval), deadline_ns: start + newest * interval });
            last = newest;
        }
    }
}

#[test]
fn p37_a_monitor_that_had_no_time_counts_what_it_missed_and_takes_one_sample() {
    let simulation = Simulation::started();
    simulation.ticks(3);
    assert_eq!(simulation.monitor.health().missed_ticks, 0);
    // The thread may look at the clock after the fourth interval or only after the fifth.
    simulation.hand.advance(4.0);
    simulation.hand.advance(1.0);
    wait_until("the thread has looked", || simulation.deadlines() == 8);
    let health = simulation.monitor.health();
    assert!(health.samples <= 5, "no burst: {health:?}");
    let rows = simulation.monitor.history(None, None).expect("no bounds");
    let sequences: Vec<u64> = rows.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences.first(), Some(&0));
    assert_eq!(sequences.last(), Some(&7), "numbered by deadlines: {sequences:?}");
    assert!(health.largest_late_seconds <= 1.0);
}

#[test]
fn p37_lateness_is_measured_from_the_deadline() {
    let simulation = Simulation::started();
    simulation.tick();
    let early = simulation.monitor.health().latest_late_seconds;
    assert!((0.0..=0.1).contains(&early), "{early}");
    simulation.hand.advance(0.25);
    simulation.tick();
    let health = simulation.monitor.health();
    assert!((health.latest_late_seconds - early - 0.25).abs() < 1e-6);
    assert_eq!(health.largest_late_seconds, health.latest_late_seconds);
}
