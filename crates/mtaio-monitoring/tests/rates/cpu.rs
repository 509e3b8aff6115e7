//! P1 to P6: shares of processor time.

use mtaio_monitoring::rates::{CpuStats, Interval, SystemStats};
use mtaio_monitoring::sampling::{CpuTimes, RawProcess, RawSample};

use super::{at, stats, timed, with_cpu};

/// Shares between two readings of `user nice system idle iowait irq softirq steal guest guest_nice`, those that are
/// not zero, as a line.
fn check(before: [u64; 10], now: [u64; 10], expected: &str) {
    let stats = stats(&with_cpu(at(10), before), &with_cpu(at(11), now));
    assert_eq!(picture(&stats.cpu), expected, "{before:?} -> {now:?}");
}

fn picture(cpu: &CpuStats) -> String {
    let Some(usage) = cpu.usage_percent else {
        assert_eq!(*cpu, nothing_but_levels(cpu), "all shares or none");
        return "nothing".to_owned();
    };
    let modes = [
        ("psutil", cpu.usage_with_steal_percent),
        ("user", cpu.user_percent),
        ("nice", cpu.nice_percent),
        ("system", cpu.system_percent),
        ("idle", cpu.idle_percent),
        ("iowait", cpu.iowait_percent),
        ("irq", cpu.irq_percent),
        ("softirq", cpu.softirq_percent),
        ("steal", cpu.steal_percent),
        ("guest", cpu.guest_percent),
        ("guest_nice", cpu.guest_nice_percent),
    ];
    let mut line = format!("usage {usage:.1}");
    for (name, share) in modes {
        let share = share.expect("all shares or none");
        if share != 0.0 {
            line += &format!(" {name} {share:.1}");
        }
    }
    line
}

fn nothing_but_levels(cpu: &CpuStats) -> CpuStats {
    CpuStats {
        load_average: cpu.load_average,
        thread_count: cpu.thread_count,
        online_count: cpu.online_count,
        process_cores_used: cpu.process_cores_used,
        system_thread_count: cpu.system_thread_count,
        running_thread_count: cpu.running_thread_count,
        ..CpuStats::default()
    }
}

#[test]
fn p1_the_first_sample_has_levels_and_no_rates() {
    let reading = with_cpu(at(10), [500, 0, 0, 500, 0, 0, 0, 0, 0, 0]);
    let stats = SystemStats::from(&Interval::between(None, &reading));
    assert_eq!(picture(&stats.cpu), "nothing");
    assert_eq!(stats.cpu.online_count, Some(1));
    assert_eq!(stats.elapsed_seconds, None);
}

#[test]
fn p1_a_baseline_without_processors_gives_no_rates_either() {
    let now = with_cpu(at(11), [500, 0, 0, 500, 0, 0, 0, 0, 0, 0]);
    assert_eq!(picture(&stats(&at(10), &now).cpu), "nothing");
    assert_eq!(picture(&stats(&now, &at(12)).cpu), "nothing");
}

#[test]
fn p2_guest_time_is_not_counted_twice() {
    // A host whose 60 user ticks were all spent in guests is 60 % busy, not 120 of 160.
    check([0; 10], [60, 0, 0, 40, 0, 0, 0, 0, 60, 0], "usage 60.0 psutil 60.0 user 60.0 idle 40.0 guest 60.0");
    check(
        [0; 10],
        [0, 30, 0, 70, 0, 0, 0, 0, 0, 20],
        "usage 30.0 psutil 30.0 nice 30.0 idle 70.0 guest_nice 20.0",
    );
}

#[test]
fn p2_a_guest_share_is_never_larger_than_the_user_share_that_holds_it() {
    check(
        [0; 10],
        [10, 5, 0, 85, 0, 0, 0, 0, 50, 50],
        "usage 15.0 psutil 15.0 user 10.0 nice 5.0 idle 85.0 guest 10.0 guest_nice 5.0",
    );
}

#[test]
fn p3_waiting_and_stolen_time_is_not_work_but_psutil_counts_what_was_stolen() {
    check(
        [0; 10],
        [10, 5, 5, 40, 20, 3, 2, 15, 0, 0],
        "usage 25.0 psutil 40.0 user 10.0 nice 5.0 system 5.0 idle 40.0 iowait 20.0 irq 3.0 softirq 2.0 steal 15.0",
    );
}

#[test]
fn p4_a_mode_that_goes_backwards_is_clamped_alone_and_the_rest_still_makes_a_hundred() {
    // iowait gives 5 ticks back; 50 + 50 are the whole.
    check(
        [0, 0, 0, 0, 20, 0, 0, 0, 0, 0],
        [50, 0, 0, 50, 15, 0, 0, 0, 0, 0],
        "usage 50.0 psutil 50.0 user 50.0 idle 50.0",
    );
    // Idle gives back less than 3 s, as it does on some kernels: no restart.
    check(
        [0, 0, 0, 1_000, 0, 0, 0, 0, 0, 0],
        [30, 0, 10, 701, 0, 0, 0, 0, 0, 0],
        "usage 100.0 psutil 100.0 user 75.0 system 25.0",
    );
}

#[test]
fn p4_counters_that_stand_still_measure_nothing() {
    let still = [10, 0, 0, 90, 0, 0, 0, 0, 0, 0];
    check(still, still, "nothing");
}

#[test]
fn p4_idle_time_that_drops_by_three_seconds_is_another_life() {
    let before = [10, 0, 0, 1_000, 0, 0, 0, 0, 0, 0];
    check(before, [90, 0, 0, 700, 0, 0, 0, 0, 0, 0], "nothing");
}

#[test]
fn p4_months_between_readings_of_a_large_machine_keep_their_shares() {
    let ticks = 3 * (1_u64 << 40);
    check([0; 10], [ticks, 0, 0, 3 * ticks, 0, 0, 0, 0, 0, 0], "usage 25.0 psutil 25.0 user 25.0 idle 75.0");
    check(
        [0; 10],
        [CpuTimes::UNKNOWN - 1; 10],
        "usage 62.5 psutil 75.0 user 12.5 nice 12.5 system 12.5 idle 12.5 iowait 12.5 irq 12.5 softirq 12.5 \
         steal 12.5 guest 12.5 guest_nice 12.5",
    );
}

#[test]
fn p5_processors_may_come_and_go_and_have_holes_in_their_numbers() {
    let mut before = with_cpu(at(10), [0; 10]);
    let mut now = with_cpu(at(11), [25, 0, 0, 75, 0, 0, 0, 0, 0, 0]);
    let times = before.cpu.as_ref().map(|cpu| cpu.value.total);
    for (raw, online) in [(&mut before, vec![0, 1, 5]), (&mut now, vec![5, 64])] {
        if let (Some(cpu), Some(times)) = (&mut raw.cpu, times) {
            cpu.value.cores = online.into_iter().map(|number| (number, times)).collect();
        }
    }
    let stats = stats(&before, &now);
    assert_eq!(stats.cpu.online_count, Some(2));
    assert_eq!(picture(&stats.cpu), "usage 25.0 psutil 25.0 user 25.0 idle 75.0");
}

#[test]
fn p5_no_line_for_a_single_processor_means_that_their_number_is_unknown() {
    let mut now = with_cpu(at(11), [0; 10]);
    if let Some(cpu) = &mut now.cpu {
        cpu.value.cores.clear();
    }
    assert_eq!(stats(&at(10), &now).cpu.online_count, None);
}

#[test]
fn p6_the_own_process_is_measured_in_nanoseconds_over_the_time_between_its_own_readings() {
    let reading = |raw: RawSample, late_ns: u64, cpu_ns: Option<u64>| {
        let mut process = timed(&raw, RawProcess { threads: Some(3), cpu_ns, ..RawProcess::default() });
        process.iter_mut().for_each(|process| process.read_at_ns += late_ns);
        RawSample { process, ..raw }
    };
    // Half a second late: 0.75 s of work in 1.5 s, not in 1 s.
    let before = reading(at(10), 0, Some(1_000_000_000));
    let now = reading(at(11), 500_000_000, Some(1_750_000_000));
    let cpu = stats(&before, &now).cpu;
    assert_eq!(cpu.process_cores_used, Some(0.5));
    assert_eq!(cpu.thread_count, Some(3));
    // A clock that is not there, and one that went back, measure nothing.
    assert_eq!(stats(&before, &reading(at(12), 0, None)).cpu.process_cores_used, None);
    assert_eq!(stats(&now, &reading(at(12), 0, Some(0))).cpu.process_cores_used, None);
}
