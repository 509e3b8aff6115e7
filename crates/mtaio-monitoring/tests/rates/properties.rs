//! Every number that two readings give, against the oracle, for any two readings.

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::rates::{CpuStats, Interval, SystemStats, cpu_delta};
use mtaio_monitoring::sampling::{
    CgroupVersion, CpuTimes, DiskKind, RawContainer, RawContainerIo, RawContainerSeldom, RawCpu, RawDisk,
    RawDisks, RawLoad, RawMemory, RawMemoryEvents, RawPressure, RawPressures, RawQuota, RawSample, RawStall,
    RawThrottling, Resource, Timed,
};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::{devices, oracle, processes};

/// Counters as they come: small, near the 32-bit edge, large. The sum of a few in bytes still fits 64 bits.
pub(super) fn counter() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 0..1_000_u64,
        1 => Just(0),
        1 => (0..1_000_u64).prop_map(|below| (1 << 32) - below),
        1 => (1_u64 << 32)..(1 << 33),
        1 => 0..(1_u64 << 48),
    ]
}

fn cpu_times() -> impl Strategy<Value = CpuTimes> {
    proptest::array::uniform10(counter()).prop_map(CpuTimes)
}

fn memory() -> impl Strategy<Value = RawMemory> {
    proptest::array::uniform13(weighted(0.8, counter())).prop_map(|bytes| RawMemory {
        total: bytes[0],
        free: bytes[1],
        available: bytes[2],
        buffers: bytes[3],
        cached: bytes[4],
        active_file: bytes[5],
        inactive_file: bytes[6],
        slab_reclaimable: bytes[7],
        shmem: bytes[8],
        swap_total: bytes[9],
        swap_free: bytes[10],
        low_watermark: bytes[11],
        arc_shrinkable: bytes[12],
    })
}

fn device() -> impl Strategy<Value = RawDisk> {
    use DiskKind::{Partition, Stacked, Virtual, Whole};
    let kind = select(vec![Whole, Whole, Whole, Whole, Partition, Stacked, Virtual]);
    let counters = proptest::array::uniform5(weighted(0.9, counter()));
    (0..2_u32, kind, counter(), counter(), counters).prop_map(
        |(minor, kind, read_sectors, write_sectors, [reads, read_ms, writes, write_ms, busy_ms])| RawDisk {
            name: String::new(),
            device: (8, minor),
            kind,
            reads,
            read_sectors,
            read_ms,
            writes,
            write_sectors,
            write_ms,
            busy_ms,
            ..RawDisk::default()
        },
    )
}

/// Up to four disks, each name once, in any order.
fn disks() -> impl Strategy<Value = RawDisks> {
    let named = |(name, disk): (&&str, RawDisk)| RawDisk { name: (*name).to_owned(), ..disk };
    let names = proptest::sample::subsequence(vec!["sda", "sdb", "sdc", "sdd"], 0..=4);
    (names.prop_shuffle(), proptest::collection::vec(device(), 4))
        .prop_map(move |(names, disks)| RawDisks { devices: names.iter().zip(disks).map(named).collect() })
}

pub(super) fn section<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<Timed<T>>> {
    // Few instants, so that some readings are at the same one and some are out of order.
    let timed =
        (0..4_u64, value).prop_map(|(seconds, value)| Timed { read_at_ns: seconds * 1_000_000_000, value });
    weighted(0.85, timed).boxed()
}

/// Readings of one group, or of the one that the process was moved to.
fn container() -> impl Strategy<Value = RawContainer> {
    let counters = || proptest::array::uniform5(weighted(0.85, counter()));
    let small = || weighted(0.7, 0..6_u32);
    let quota = (0..1_u64 << 32, 1..4_u64).prop_map(|(quota_us, period_us)| RawQuota { quota_us, period_us });
    let seldom = (counters(), counters(), weighted(0.7, quota), small(), small(), traffic(), traffic()).prop_map(
        |(
            [limit, high, inactive_file, swap_usage, pids],
            [pids_limit, ..],
            cpu_quota,
            cpuset,
            affinity,
            io,
            before,
        )| {
            RawContainerSeldom {
                cpu_quota,
                cpuset_cpus: cpuset,
                affinity_cpus: affinity,
                memory_limit: limit,
                memory_high: high,
                inactive_file,
                swap_usage,
                pids,
                pids_limit,
                io,
                io_before: before,
            }
        },
    );
    let throttling = (0..2_u32, counters()).prop_map(|(level, [periods, throttled_periods, throttled_ns, ..])| {
        RawThrottling { level, periods, throttled_periods, throttled_ns }
    });
    let parts = (0..2_u64, counters(), section(counter()), section(throttling), seldom);
    parts.prop_map(|(generation, [memory_usage, oom_kills, high, max, _], cpu_usage_ns, throttling, seldom)| {
        RawContainer {
            generation,
            version: Some(CgroupVersion::V2),
            cpu_usage_ns,
            throttling,
            memory_usage,
            memory_events: RawMemoryEvents { oom_kills, high, max },
            seldom,
        }
    })
}

fn traffic() -> BoxedStrategy<Option<Timed<RawContainerIo>>> {
    section(proptest::array::uniform4(counter()).prop_map(|[read_bytes, write_bytes, reads, writes]| {
        RawContainerIo { read_bytes, write_bytes, reads, writes }
    }))
}

fn pressures() -> impl Strategy<Value = RawPressures> {
    let stall = || {
        // In microseconds, of readings that are seconds apart: small steps and impossible ones.
        let total_us = prop_oneof![4 => 0..4_000_000_u64, 1 => counter()];
        weighted(0.8, (weighted(0.8, 0..70_000_u32), total_us)).prop_map(|stall| {
            stall.map(|(average, total_us)| RawStall { average_hundredths: [average, None, None], total_us })
        })
    };
    let file = || section((stall(), stall()).prop_map(|(some, full)| RawPressure { some, full }));
    let generation = prop_oneof![4 => Just(1), 1 => Just(2)];
    (file(), file(), file(), file(), generation).prop_map(|(cpu, memory, io, irq, generation)| RawPressures {
        cpu,
        memory,
        io,
        irq,
        generation,
    })
}

fn raw_sample() -> impl Strategy<Value = RawSample> {
    let cores = proptest::collection::vec((0..9_u32, Just(CpuTimes::default())), 0..4);
    let cpu = (cpu_times(), cores).prop_map(|(total, cores)| RawCpu { total, cores });
    let threads = || weighted(0.8, 0..u32::MAX);
    let load = (any::<[u16; 3]>(), threads(), threads()).prop_map(|(hundredths, running, total)| RawLoad {
        hundredths: hundredths.map(u32::from),
        running_threads: running,
        total_threads: total,
    });
    let process = section(processes::process());
    let sections =
        (section(cpu), section(load), section(memory()), section(disks()), process, section(container()));
    let pressure = (pressures(), pressures());
    (sections, devices::sections(), processes::sections(), pressure).prop_map(
        |(
            (cpu, load, memory, disks, process, container),
            (network, filesystems, host),
            rest,
            (pressure, container_pressure),
        )| RawSample {
            container,
            cpu,
            load,
            memory,
            disks,
            process,
            pressure,
            container_pressure,
            network,
            filesystems,
            host,
            ..rest
        },
    )
}

/// The baseline is often the same machine a little earlier, sometimes anything, sometimes missing.
fn baseline_and_now() -> impl Strategy<Value = (Option<RawSample>, RawSample)> {
    let steps = proptest::collection::vec(0..500_u64, 10);
    (raw_sample(), raw_sample(), steps, 0..5_u8).prop_map(|(now, other, steps, how)| {
        let mut earlier = now.clone();
        if let Some(cpu) = &mut earlier.cpu {
            for (ticks, step) in cpu.value.total.0.iter_mut().zip(&steps) {
                *ticks = ticks.saturating_sub(*step);
            }
        }
        if let Some(disks) = &mut earlier.disks {
            for (disk, step) in disks.value.devices.iter_mut().zip(&steps) {
                disk.read_sectors = disk.read_sectors.saturating_sub(*step);
                disk.reads = disk.reads.map(|reads| reads.saturating_sub(*step));
            }
            disks.read_at_ns = disks.read_at_ns.saturating_sub(steps[0] * 10_000_000);
        }
        devices::step_back(&mut earlier, &steps);
        if let Some(container) = &mut earlier.container {
            if let Some(usage) = &mut container.value.cpu_usage_ns {
                usage.value = usage.value.saturating_sub(steps[1]);
                usage.read_at_ns = usage.read_at_ns.saturating_sub(steps[2] * 10_000_000);
            }
            if let Some(throttling) = &mut container.value.throttling {
                throttling.read_at_ns = throttling.read_at_ns.saturating_sub(steps[3] * 10_000_000);
                let periods = &mut throttling.value.periods;
                *periods = periods.map(|periods| periods.saturating_sub(steps[4]));
            }
        }
        if let Some(process) = &mut earlier.process {
            let earlier = &mut process.value;
            let counters = [&mut earlier.cpu_ns, &mut earlier.user_ns, &mut earlier.minor_faults];
            for (counter, step) in counters.into_iter().zip(&steps) {
                *counter = counter.map(|counter| counter.saturating_sub(*step));
            }
            process.read_at_ns = process.read_at_ns.saturating_sub(steps[1] * 10_000_000);
        }
        for pressure in [&mut earlier.pressure, &mut earlier.container_pressure] {
            for resource in Resource::ALL {
                let Some(file) = pressure.slot(resource) else { continue };
                file.read_at_ns = file.read_at_ns.saturating_sub(steps[1] * 10_000_000);
                for stall in file.value.some.iter_mut().chain(&mut file.value.full) {
                    stall.total_us = stall.total_us.saturating_sub(steps[2] * 1_000);
                }
            }
        }
        match how {
            0 => (None, now),
            1 => (Some(other), now),
            _ => (Some(earlier), now),
        }
    })
}

fn close(ours: f64, expected: f64) -> bool {
    // A hair for the order of operations; more for shares of counters that did not fit 32 bits.
    (ours - expected).abs() <= 1e-12 * expected.abs().max(1.0)
        || (ours - expected).abs() <= 1e-6 && expected <= 100.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_metric_is_what_the_oracle_says((before, now) in baseline_and_now()) {
        let stats = SystemStats::from(&Interval::between(before.as_ref(), &now));
        let mut expected = oracle::values(before.as_ref(), &now);
        let cores = oracle::process_cores_used(before.as_ref(), &now);
        expected.insert("process_cpu_cores_used", cores);
        processes::values(before.as_ref(), &now, &mut expected);
        for metric in BuiltIn::ALL {
            let name = metric.description().name;
            let expected = expected.remove(name).flatten();
            let ours = stats.value(*metric);
            let same = match (ours, expected) {
                (Some(ours), Some(expected)) => close(ours, expected),
                (None, None) => true,
                _ => false,
            };
            prop_assert!(same, "{name}: {ours:?}, the oracle says {expected:?}");
        }
        prop_assert!(expected.values().all(Option::is_none), "names that no metric has: {expected:?}");
    }

    #[test]
    fn p42_every_value_is_a_number_within_its_bounds((before, now) in baseline_and_now()) {
        let stats = SystemStats::from(&Interval::between(before.as_ref(), &now));
        for metric in BuiltIn::ALL {
            let description = metric.description();
            let Some(value) = stats.value(*metric) else { continue };
            prop_assert!(value.is_finite() && value >= 0.0, "{} is {value}", description.name);
            // A burst, or a limit that has just been lowered: not bounded, so not clamped.
            let is_of_limit = description.name.starts_with("container_") && description.name.ends_with("usage_percent");
            // Of one processor, and several threads may be busy.
            let is_of_one = description.name.starts_with("process_cpu_");
            if description.unit == "%" && !is_of_limit && !is_of_one {
                prop_assert!(value <= 100.0, "{} is {value} %", description.name);
            }
        }
    }

    #[test]
    fn p4_shares_make_a_hundred_whatever_the_counters_do(
        before in proptest::array::uniform10(any::<u64>()),
        now in proptest::array::uniform10(any::<u64>()),
    ) {
        let mut raw = [RawSample::default(), RawSample::default()];
        for (raw, times) in raw.iter_mut().zip([before, now]) {
            let value = RawCpu { total: CpuTimes(times), cores: Vec::new() };
            raw.cpu = Some(Timed { read_at_ns: 0, value });
        }
        let cpu = SystemStats::from(&Interval::between(Some(&raw[0]), &raw[1])).cpu;
        let delta = cpu_delta(&CpuTimes(before), &CpuTimes(now));
        let measured = delta.is_some_and(|delta| delta.0[..8].iter().any(|&ticks| ticks > 0));
        let Some(usage) = cpu.usage_percent else {
            prop_assert!(!measured);
            prop_assert_eq!(cpu, CpuStats::default());
            return Ok(());
        };
        prop_assert!(measured);
        let share = |share: Option<f64>| share.expect("all shares or none");
        let busy = share(cpu.user_percent) + share(cpu.nice_percent) + share(cpu.system_percent)
            + share(cpu.irq_percent) + share(cpu.softirq_percent);
        let rest = share(cpu.idle_percent) + share(cpu.iowait_percent) + share(cpu.steal_percent);
        prop_assert!((busy + rest - 100.0).abs() < 1e-9);
        prop_assert!((busy - usage).abs() < 1e-9);
        prop_assert!(share(cpu.guest_percent) <= share(cpu.user_percent));
        prop_assert!(share(cpu.guest_nice_percent) <= share(cpu.nice_percent));
        let with_steal = share(cpu.usage_with_steal_percent);
        prop_assert!((usage + share(cpu.steal_percent) - with_steal).abs() < 1e-9);
    }

    #[test]
    fn the_same_readings_give_the_same_numbers_in_whatever_order_the_disks_stand(
        (before, now) in baseline_and_now(),
    ) {
        let first = Interval::between(before.as_ref(), &now);
        prop_assert_eq!(first, Interval::between(before.as_ref(), &now));
        prop_assert_eq!(SystemStats::from(&first), SystemStats::from(&first));
        let mut turned = now;
        if let Some(disks) = &mut turned.disks {
            disks.value.devices.reverse();
        }
        prop_assert_eq!(first, Interval::between(before.as_ref(), &turned));
    }
}
