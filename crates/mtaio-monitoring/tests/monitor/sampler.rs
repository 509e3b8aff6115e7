//! One reading after another: windows, gaps, and clocks that jump (P1, P6, P36).

use mtaio_monitoring::rates::SystemStats;

use crate::machine::{Machine, disk};

fn usage(reading: mtaio_monitoring::monitor::Reading) -> Option<f64> {
    SystemStats::from(&reading.interval).cpu.usage_percent
}

#[test]
fn p1_the_first_reading_is_a_baseline_and_the_second_has_shares() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    assert_eq!(sampler.seconds_until_window(), None);
    let first = sampler.tick();
    assert!(!first.has_window && !first.after_gap);
    assert_eq!(usage(first), None);
    let stats = SystemStats::from(&first.interval);
    assert_eq!(stats.cpu.load_average, Some([0.5, 0.4, 0.3]), "levels need no baseline");

    machine.work(50, 150);
    hand.advance(1.0);
    let second = sampler.tick();
    assert!(second.has_window);
    assert_eq!(usage(second), Some(25.0));
    assert_eq!(SystemStats::from(&second.interval).elapsed_seconds, Some(1.0));
}

#[test]
fn p6_fast_ticks_look_back_over_a_window_that_slides() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(0.01);
    let mut windows = Vec::new();
    for _ in 0..20 {
        let reading = sampler.tick();
        windows.push(SystemStats::from(&reading.interval).elapsed_seconds);
        machine.work(1, 1);
        hand.advance(0.01);
    }
    assert!(windows[..10].iter().all(Option::is_none), "{windows:?}");
    assert!(windows[11..].iter().all(|&window| window == Some(0.1)), "{windows:?}");
}

#[test]
fn p6_a_timer_that_is_late_once_does_not_send_the_next_window_back_an_interval() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(0.1);
    sampler.tick();
    hand.advance(0.104);
    sampler.tick();
    // On the grid again: 4 % shorter than the window asks for.
    hand.advance(0.096);
    let stats = SystemStats::from(&sampler.tick().interval);
    assert_eq!(stats.elapsed_seconds, Some(0.096));
    // An ask has no timer, and so no slack.
    hand.advance(0.096);
    let asked = SystemStats::from(&sampler.ask().interval);
    assert_eq!(asked.elapsed_seconds, Some(0.192));
}

#[test]
fn readings_asked_for_do_not_shorten_the_windows_of_ticks() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    sampler.tick();
    for _ in 0..4 {
        hand.advance(0.2);
        let asked = SystemStats::from(&sampler.ask().interval);
        assert!(asked.elapsed_seconds <= Some(0.2001), "against the newest of either sort");
    }
    hand.advance(0.2);
    let tick = SystemStats::from(&sampler.tick().interval);
    assert!(tick.elapsed_seconds.is_some_and(|elapsed| (elapsed - 1.0).abs() < 1e-6));
}

#[test]
fn who_asks_first_is_told_how_long_a_window_takes() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    assert!(!sampler.ask().has_window);
    let wait = sampler.seconds_until_window().expect("a reading has been taken");
    assert!((wait - 0.1).abs() < 1e-9);
    hand.advance(wait);
    assert!(sampler.ask().has_window);
}

#[test]
fn p36_after_a_suspend_there_is_a_gap_and_no_rate_over_it() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    sampler.tick();
    hand.advance(1.0);
    machine.work(10, 190);
    assert_eq!(usage(sampler.tick()), Some(5.0));

    hand.advance(0.5);
    hand.suspend(3_600.0);
    hand.advance(0.5);
    let muted = sampler.tick();
    assert!(muted.after_gap && !muted.has_window);
    assert!(!muted.interval.time.gap, "no row is kept of it, so the next one carries the mark");
    assert_eq!(sampler.events(), (1, 0, 0), "a suspend moves the wall clock, and is no jump of it");

    hand.advance(1.0);
    machine.work(20, 180);
    let next = sampler.tick();
    assert!(!next.after_gap && next.has_window);
    assert!(next.interval.time.gap);
    assert_eq!(usage(next), Some(10.0));
    hand.advance(1.0);
    assert!(!sampler.tick().interval.time.gap, "once");
}

#[test]
fn p36_a_suspend_that_an_asked_reading_noticed_still_mutes_the_next_tick() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    sampler.tick();
    hand.advance(1.0);
    sampler.ask();
    hand.suspend(60.0);
    let asked = sampler.ask();
    assert!(asked.after_gap && !asked.has_window);
    hand.advance(1.0);
    let tick = sampler.tick();
    assert!(tick.after_gap);
    assert_eq!(sampler.events().0, 1, "one suspend, seen twice, counted once");
}

#[test]
fn p36_a_wall_clock_that_is_set_is_counted_and_stamps_never_go_back() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    let mut stamps = Vec::new();
    for jump in [0.0, -3_600.0, 0.0, 7_200.0, 0.0] {
        hand.jump_wall(jump);
        hand.advance(1.0);
        let reading = sampler.tick();
        assert!(!reading.after_gap, "rates go by the monotonic clock");
        stamps.push(reading.interval.time.timestamp_ns);
    }
    assert_eq!(sampler.events(), (0, 2, 0));
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert!(stamps[3] - stamps[2] > 3_000_000_000_000, "a jump forwards is followed at once");
}

#[test]
fn p36_a_clock_that_ntp_slews_has_not_jumped_however_rare_the_readings() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    sampler.ask();
    hand.advance(86_400.0);
    // 500 ppm over a day.
    hand.jump_wall(43.2);
    sampler.ask();
    assert_eq!(sampler.events(), (0, 0, 0));
}

#[test]
fn p4_counters_that_start_anew_are_a_gap() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    sampler.tick();
    hand.advance(1.0);
    machine.change(|counters| counters.cpu.as_mut().expect("a processor").total.0 = [0; 10]);
    machine.work(5, 5);
    let restarted = sampler.tick();
    assert!(restarted.after_gap && !restarted.has_window);
    assert_eq!(sampler.events(), (0, 0, 1));
    hand.advance(1.0);
    machine.work(60, 40);
    let next = sampler.tick();
    assert_eq!((usage(next), next.interval.time.gap), (Some(60.0), true));
}

#[test]
fn p28_a_section_that_cannot_be_read_is_nothing_and_has_no_rate_when_it_comes_back() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    let mut tick = || {
        hand.advance(1.0);
        let reading = sampler.tick();
        SystemStats::from(&reading.interval)
    };
    tick();
    machine.change(|counters| {
        counters.disks = None;
        counters.memory = None;
    });
    let missing = tick();
    assert_eq!((missing.io, missing.memory), Default::default());
    machine.change(|counters| {
        counters.disks = Some(mtaio_monitoring::sampling::RawDisks { devices: vec![disk("sda", 900)] });
    });
    let back = tick().io;
    assert_eq!((back.read_count, back.read_count_per_second), (Some(900), None));
    assert_eq!(tick().io.read_count_per_second, Some(0.0));
}

#[test]
fn a_cadence_that_begins_again_leaves_a_hole() {
    let machine = Machine::new();
    let (mut sampler, hand) = machine.sampler(1.0);
    sampler.start_anew();
    sampler.tick();
    hand.advance(1.0);
    assert!(!sampler.tick().interval.time.gap, "the first start has nothing before it");
    hand.advance(100.0);
    sampler.start_anew();
    assert!(!sampler.tick().has_window, "what was before the stop is no baseline");
    hand.advance(1.0);
    let reading = sampler.tick();
    assert!(reading.has_window && reading.interval.time.gap);
}
