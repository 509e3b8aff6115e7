//! The own control group between two readings, and what it makes of the unqualified numbers.

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::rates::{ContainerStats, Interval, SystemStats};
use mtaio_monitoring::sampling::{
    CgroupVersion, CpuTimes, RawContainer, RawContainerIo, RawContainerSeldom, RawCpu, RawLoad, RawMemory,
    RawMemoryEvents, RawQuota, RawSample, RawThrottling, Timed,
};

use super::{at, timed, with_memory};

const GIB: u64 = 1 << 30;

fn with_container(mut raw: RawSample, container: RawContainer) -> RawSample {
    raw.container = timed(&raw, RawContainer { version: Some(CgroupVersion::V2), ..container });
    raw
}

/// The group has used so many seconds of processor time, `quota` of a processor is its limit.
fn used(raw: &RawSample, seconds: f64, quota: Option<f64>) -> RawContainer {
    let quota_us = quota.map(|cores| (cores * 1e5) as u64);
    let seldom = RawContainerSeldom {
        cpu_quota: quota_us.map(|quota_us| RawQuota { quota_us, period_us: 100_000 }),
        ..RawContainerSeldom::default()
    };
    RawContainer { cpu_usage_ns: timed(raw, (seconds * 1e9) as u64), seldom, ..RawContainer::default() }
}

/// Four processors, of which the machine uses a quarter over the second from 1 to 2.
fn four_processors(mut raw: RawSample, second: u64) -> RawSample {
    let times = CpuTimes([100 * second, 0, 0, 300 * second, 0, 0, 0, 0, 0, 0]);
    raw.cpu = timed(&raw, RawCpu { total: times, cores: (0..4).map(|number| (number, times)).collect() });
    raw
}

fn stats(before: &RawSample, now: &RawSample, follows_container: bool) -> SystemStats {
    let mut interval = Interval::between(Some(before), now);
    interval.container.cpu.sets_scope = follows_container;
    SystemStats::from(&interval)
}

/// Two readings a second apart in which the group used `seconds` of processor time.
fn second(seconds: f64, change: impl Fn(&mut RawContainer)) -> (RawSample, RawSample) {
    let reading = |time: u64, used_seconds: f64| {
        let raw = four_processors(at(time), time);
        let mut container = used(&raw, used_seconds, None);
        change(&mut container);
        with_container(raw, container)
    };
    (reading(1, 5.0), reading(2, 5.0 + seconds))
}

fn quota(cores: f64) -> impl Fn(&mut RawContainer) {
    move |container| {
        container.seldom.cpu_quota = Some(RawQuota { quota_us: (cores * 1e5) as u64, period_us: 100_000 });
    }
}

#[test]
fn p8_usage_is_of_the_limit_and_a_burst_is_not_clamped() {
    let (before, now) = second(0.45, quota(0.3));
    let stats = stats(&before, &now, true);
    assert_eq!(stats.container.cpu_limit_cores, Some(0.3));
    assert_eq!(stats.container.cpu_cores_used, Some(0.45));
    assert!((stats.container.cpu_usage_percent.unwrap() - 150.0).abs() < 1e-9);
    assert_eq!(stats.cpu.usage_percent, stats.container.cpu_usage_percent);
    assert_eq!(stats.cpu.host_usage_percent, Some(25.0), "the machine's stands beside it");
}

#[test]
fn p8_the_limit_is_the_least_of_quota_cpuset_and_affinity() {
    let limit = |quota_cores: Option<f64>, cpuset, affinity| {
        let (before, now) = second(0.5, |container| {
            if let Some(cores) = quota_cores {
                quota(cores)(container);
            }
            (container.seldom.cpuset_cpus, container.seldom.affinity_cpus) = (cpuset, affinity);
        });
        let stats = stats(&before, &now, true);
        (stats.container.cpu_limit_cores.unwrap(), stats.cpu.usage_percent.unwrap())
    };
    assert_eq!(limit(Some(2.5), Some(3), Some(4)), (2.5, 20.0));
    assert_eq!(limit(Some(2.5), Some(2), Some(4)), (2.0, 25.0));
    assert_eq!(limit(Some(2.5), Some(2), Some(1)), (1.0, 50.0));
    // No less than the machine: then the machine's own share stands, as without a container.
    assert_eq!(limit(None, None, None), (4.0, 25.0));
    assert_eq!(limit(Some(64.0), Some(128), Some(4)), (4.0, 25.0));
}

#[test]
fn scope_host_is_the_machine_whatever_the_limits() {
    let (mut before, mut now) = second(0.3, quota(0.3));
    for raw in [&mut before, &mut now] {
        raw.container.as_mut().unwrap().value.memory_usage = Some(GIB);
        raw.container.as_mut().unwrap().value.seldom.memory_limit = Some(2 * GIB);
        let memory = RawMemory { total: Some(8 * GIB), available: Some(6 * GIB), ..RawMemory::default() };
        *raw = with_memory(std::mem::take(raw), memory);
    }
    let auto = stats(&before, &now, true);
    let host = stats(&before, &now, false);
    assert_eq!((host.cpu.usage_percent, host.memory.total), (Some(25.0), Some(8 * GIB)));
    assert_eq!((host.memory.used, host.memory.percent), (Some(2 * GIB), Some(25.0)));
    assert_eq!((auto.memory.total, auto.memory.used), (Some(2 * GIB), Some(GIB)));
    assert_eq!((auto.memory.available, auto.memory.percent), (Some(GIB), Some(50.0)));
    assert_eq!(auto.memory.host_total, host.memory.host_total);
    assert_eq!((auto.memory.host_used, auto.memory.host_percent), (Some(2 * GIB), Some(25.0)));
    assert_eq!(auto.memory.host_available, Some(6 * GIB));
    assert_eq!(auto.container, host.container);
}

#[test]
fn rule_zero_a_limit_without_a_use_leaves_the_machines_share() {
    // An affinity in the machine's own root group: what was used of it, no group counts.
    let (mut before, mut now) = second(0.5, |container| container.seldom.affinity_cpus = Some(1));
    for raw in [&mut before, &mut now] {
        raw.container.as_mut().unwrap().value.cpu_usage_ns = None;
    }
    let stats = stats(&before, &now, true);
    assert_eq!((stats.container.cpu_limit_cores, stats.container.cpu_usage_percent), (Some(1.0), None));
    assert_eq!(stats.cpu.usage_percent, Some(25.0));
}

#[test]
fn p8_after_a_move_there_is_no_share_rather_than_that_of_two_groups() {
    let (before, mut now) = second(0.3, quota(0.3));
    now.container.as_mut().unwrap().value.generation = 1;
    let stats = stats(&before, &now, true);
    assert_eq!(stats.cpu.usage_percent, None);
    assert_eq!(stats.container.cpu_cores_used, None);
    assert_eq!(stats.container.cpu_limit_cores, Some(0.3), "levels need no baseline");
}

#[test]
fn p8_throttling_is_a_share_of_periods_and_a_time() {
    let throttling = |level, periods, throttled_periods, throttled_ns| RawThrottling {
        level,
        periods: Some(periods),
        throttled_periods: Some(throttled_periods),
        throttled_ns: Some(throttled_ns),
    };
    let shares = |first: RawThrottling, second: RawThrottling| {
        let reading = |time: u64, value| {
            let raw = at(time);
            let throttling = timed(&raw, value);
            with_container(raw, RawContainer { throttling, ..RawContainer::default() })
        };
        let stats = stats(&reading(1, first), &reading(3, second), true).container;
        (stats.cpu_throttled_periods_percent, stats.cpu_throttled_seconds_per_second)
    };
    let first = throttling(1, 100, 40, 1_000_000_000);
    assert_eq!(shares(first, throttling(1, 120, 55, 4_000_000_000)), (Some(75.0), Some(1.5)));
    assert_eq!(shares(first, throttling(1, 120, 70, 1_000_000_000)), (Some(100.0), Some(0.0)), "never above 100");
    assert_eq!(shares(first, first), (None, Some(0.0)), "no period: no share");
    assert_eq!(shares(first, throttling(0, 120, 55, 4_000_000_000)), (None, None), "another group's counters");
    assert_eq!(shares(first, throttling(1, 90, 30, 0)), (None, None), "they began anew");
}

fn memory(usage: Option<u64>, inactive_file: Option<u64>, limit: Option<u64>) -> ContainerStats {
    let container = RawContainer {
        memory_usage: usage,
        seldom: RawContainerSeldom { inactive_file, memory_limit: limit, ..RawContainerSeldom::default() },
        ..RawContainer::default()
    };
    let machine = RawMemory { total: Some(8 * GIB), ..RawMemory::default() };
    let raw = with_memory(with_container(at(1), container), machine);
    SystemStats::from(&Interval::between(None, &raw)).container
}

#[test]
fn p15_the_working_set_is_usage_less_inactive_file() {
    let stats = memory(Some(3 * GIB), Some(GIB), Some(4 * GIB));
    assert_eq!((stats.memory_usage, stats.memory_working_set), (Some(3 * GIB), Some(2 * GIB)));
    assert_eq!(stats.memory_percent, Some(50.0));
    // The cache is older than the usage, and may seem larger.
    assert_eq!(memory(Some(GIB), Some(2 * GIB), None).memory_working_set, Some(0));
    assert_eq!(memory(Some(GIB), None, Some(GIB)).memory_working_set, None);
}

#[test]
fn p15_a_limit_that_the_machine_cannot_reach_is_none() {
    for (limit, expected) in [(8 * GIB - 1, Some(8 * GIB - 1)), (8 * GIB, None), (u64::MAX / 2, None)] {
        let stats = memory(Some(GIB), Some(0), Some(limit));
        assert_eq!(stats.memory_limit, expected);
        assert_eq!(stats.memory_percent.is_some(), expected.is_some());
    }
}

#[test]
fn without_its_page_cache_all_of_the_usage_counts_towards_the_limit() {
    let container = RawContainer {
        memory_usage: Some(GIB),
        seldom: RawContainerSeldom { memory_limit: Some(2 * GIB), ..RawContainerSeldom::default() },
        ..RawContainer::default()
    };
    let raw = with_container(at(1), container);
    let memory = stats(&raw, &raw, true).memory;
    assert_eq!((memory.used, memory.percent), (Some(GIB), Some(50.0)));
}

#[test]
fn p16_kills_are_counted_by_sample_and_in_all() {
    let reading = |time, kills| {
        let memory_events = RawMemoryEvents { oom_kills: Some(kills), ..RawMemoryEvents::default() };
        with_container(at(time), RawContainer { memory_events, ..RawContainer::default() })
    };
    let kills = |before, now| {
        let stats = stats(&reading(1, before), &reading(2, now), true).container;
        (stats.oom_kills, stats.oom_kills_total)
    };
    assert_eq!(kills(3, 3), (Some(0), Some(3)));
    assert_eq!(kills(3, 5), (Some(2), Some(5)));
    assert_eq!(kills(5, 0), (None, Some(0)));
}

#[test]
fn p27_traffic_is_over_the_time_between_its_own_readings() {
    let io = |read_at_ns, count: u64| {
        let value = RawContainerIo { read_bytes: count, write_bytes: 2 * count, reads: 0, writes: count };
        Some(Timed { read_at_ns, value })
    };
    let stats_of = |io, io_before| {
        let seldom = RawContainerSeldom { io, io_before, ..RawContainerSeldom::default() };
        let raw = with_container(at(20), RawContainer { seldom, ..RawContainer::default() });
        stats(&raw, &raw, true).container
    };
    let ten_seconds = stats_of(io(15_000_000_000, 1500), io(5_000_000_000, 500));
    assert_eq!(ten_seconds.read_bytes, Some(1500));
    assert_eq!(ten_seconds.read_bytes_per_second, Some(100.0));
    assert_eq!(ten_seconds.write_bytes_per_second, Some(200.0));
    assert_eq!(ten_seconds.read_count_per_second, Some(0.0));
    let first = stats_of(io(15_000_000_000, 1500), None);
    assert_eq!((first.read_bytes, first.read_bytes_per_second), (Some(1500), None));
    assert_eq!(stats_of(io(15_000_000_000, 1), io(5_000_000_000, 2)).read_bytes_per_second, None);
}

#[test]
fn p10_pids_are_the_groups() {
    let seldom = RawContainerSeldom { pids: Some(42), pids_limit: Some(100), ..RawContainerSeldom::default() };
    let raw = with_container(at(1), RawContainer { seldom, ..RawContainer::default() });
    let stats = stats(&raw, &raw, true);
    assert_eq!((stats.container.pids, stats.container.pids_limit), (Some(42), Some(100)));
    assert_eq!(stats.cpu.thread_count, None, "the process's own threads are another number");
}

#[test]
fn p9_p42_every_name_says_whose_number_it_is() {
    /// The names that the reference prints.
    const UNQUALIFIED: [&str; 4] = ["cpu_usage", "memory_usage", "load_average", "thread_count"];
    const SCOPES: [&str; 6] = ["host_", "container_", "process_", "tree_", "monitor_", "network_"];
    for metric in BuiltIn::ALL {
        let name = metric.description().name;
        let says_scope = SCOPES.iter().any(|scope| name.starts_with(scope));
        assert!(says_scope || UNQUALIFIED.contains(&name), "{name}");
    }
    // In a container too the load is the host's.
    let container = RawContainer::default();
    let mut raw = with_container(at(1), container);
    raw.load = timed(&raw, RawLoad { hundredths: [150, 0, 0], ..RawLoad::default() });
    let stats = stats(&raw, &raw, true);
    assert_eq!(stats.value(BuiltIn::HostLoad1m), Some(1.5));
    assert_eq!(stats.value(BuiltIn::LoadAverage), Some(1.5));
}
