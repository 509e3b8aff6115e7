//! Every built-in metric of two readings, computed once more: name by name, in wide integers, and without a look at
//! how the crate does it.

mod devices;

use std::collections::BTreeMap;

use mtaio_monitoring::sampling::{
    DiskKind, RawContainerIo, RawContainerSeldom, RawDisk, RawMemory, RawMemoryEvents, RawPressures, RawSample,
    RawStall, RawThrottling, Resource, Timed,
};

pub(super) type Values = BTreeMap<&'static str, Option<f64>>;

/// What a monitor must say of `now`, by the names of the catalogue.
pub(super) fn values(before: Option<&RawSample>, now: &RawSample) -> Values {
    let mut values = Values::new();
    processors(before, now, &mut values);
    levels(now, &mut values);
    if let Some(memory) = &now.memory {
        bytes(&memory.value, &mut values);
    }
    disks(before, now, &mut values);
    devices::values(before, now, &mut values);
    container(before, now, &mut values);
    pressure(before, now, &mut values);
    // The names that the reference prints are others for the same numbers.
    for (name, same) in [
        ("cpu_usage", "host_cpu_usage_percent"),
        ("memory_usage", "host_memory_usage_percent"),
        ("load_average", "host_load_1m"),
        ("thread_count", "process_threads"),
    ] {
        let value = values.get(same).copied().flatten();
        values.insert(name, value);
    }
    values
}

fn processors(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    let (Some(before), Some(now)) = (before.and_then(|raw| raw.cpu.as_ref()), &now.cpu) else {
        return;
    };
    let step = |mode: usize| i128::from(now.value.total.0[mode]) - i128::from(before.value.total.0[mode]);
    if step(3) <= -300 {
        return;
    }
    let mut ticks: [i128; 10] = std::array::from_fn(|mode| step(mode).max(0));
    ticks[8] = ticks[8].min(ticks[0]);
    ticks[9] = ticks[9].min(ticks[1]);
    let all: i128 = ticks[..8].iter().sum();
    if all == 0 {
        return;
    }
    let share = |part: i128| Some(100.0 * part as f64 / all as f64);
    let names = [
        "host_cpu_user_percent",
        "host_cpu_nice_percent",
        "host_cpu_system_percent",
        "host_cpu_idle_percent",
        "host_cpu_iowait_percent",
        "host_cpu_irq_percent",
        "host_cpu_softirq_percent",
        "host_cpu_steal_percent",
        "host_cpu_guest_percent",
        "host_cpu_guest_nice_percent",
    ];
    for (name, ticks) in names.into_iter().zip(ticks) {
        values.insert(name, share(ticks));
    }
    let idle = ticks[3] + ticks[4];
    values.insert("host_cpu_usage_percent", share(all - idle - ticks[7]));
    values.insert("host_cpu_usage_with_steal_percent", share(all - idle));
}

fn levels(now: &RawSample, values: &mut Values) {
    if let Some(cpu) = &now.cpu
        && !cpu.value.cores.is_empty()
    {
        values.insert("host_cpus_online", Some(cpu.value.cores.len() as f64));
    }
    if let Some(load) = &now.load {
        let names = ["host_load_1m", "host_load_5m", "host_load_15m"];
        for (name, hundredths) in names.into_iter().zip(load.value.hundredths) {
            values.insert(name, Some(f64::from(hundredths) / 100.0));
        }
        values.insert("host_threads", load.value.total_threads.map(f64::from));
        values.insert("host_threads_running", load.value.running_threads.map(f64::from));
    }
    if let Some(process) = &now.process {
        values.insert("process_threads", process.value.threads.map(f64::from));
    }
}

fn bytes(raw: &RawMemory, values: &mut Values) {
    let float = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
    values.insert("host_memory_total_bytes", float(raw.total));
    values.insert("host_memory_free_bytes", float(raw.free));
    values.insert("host_memory_buffers_bytes", float(raw.buffers));
    values.insert("host_memory_cached_bytes", float(raw.cached));
    values.insert("host_memory_slab_reclaimable_bytes", float(raw.slab_reclaimable));
    values.insert("host_memory_arc_shrinkable_bytes", float(raw.arc_shrinkable));
    values.insert("host_memory_shmem_bytes", float(raw.shmem));
    values.insert("host_swap_total_bytes", float(raw.swap_total));
    values.insert("host_swap_free_bytes", float(raw.swap_free));
    if let (Some(total), Some(free)) = (raw.swap_total, raw.swap_free) {
        let used = (i128::from(total) - i128::from(free)).max(0);
        values.insert("host_swap_used_bytes", Some(used as f64));
    }
    let Some(available) = available(raw) else {
        return;
    };
    values.insert("host_memory_available_bytes", Some(available as f64));
    if let Some(total) = raw.total {
        let used = i128::from(total) - available;
        values.insert("host_memory_used_bytes", Some(used as f64));
        if total > 0 {
            values.insert("host_memory_usage_percent", Some(used as f64 / total as f64 * 100.0));
        }
    }
}

/// P11 and P12, in the words of `sampling.md`.
fn available(raw: &RawMemory) -> Option<i128> {
    let wide = |bytes: Option<u64>| bytes.map(i128::from);
    let total = wide(raw.total)?;
    let printed = wide(raw.available);
    if printed.is_some_and(|printed| printed > total) {
        return Some(wide(raw.free)?.min(total));
    }
    if printed.is_some_and(|printed| printed > 0) {
        return printed;
    }
    let Some(free) = wide(raw.free) else {
        return printed;
    };
    let low = wide(raw.low_watermark).unwrap_or(0);
    let files = match (wide(raw.active_file), wide(raw.inactive_file)) {
        (Some(active), Some(inactive)) => active + inactive,
        _ => (wide(raw.cached).unwrap_or(0) - wide(raw.shmem).unwrap_or(0)).max(0),
    };
    let slab = wide(raw.slab_reclaimable).unwrap_or(0);
    let kept = |bytes: i128| bytes - low.min(bytes / 2);
    Some(((free - low).max(0) + kept(files) + kept(slab)).min(total))
}

/// A name, a level by disk, and the names of its rate and of the mean time that one took.
type DiskCounter = (&'static str, &'static str, fn(&RawDisk) -> Option<u64>, i128);

const DISK_COUNTERS: [DiskCounter; 4] = [
    ("host_disk_read_bytes_total", "host_disk_read_bytes_per_second", |disk| Some(disk.read_sectors), 512),
    ("host_disk_write_bytes_total", "host_disk_write_bytes_per_second", |disk| Some(disk.write_sectors), 512),
    ("host_disk_reads_total", "host_disk_reads_per_second", |disk| disk.reads, 1),
    ("host_disk_writes_total", "host_disk_writes_per_second", |disk| disk.writes, 1),
];

fn disks(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    let Some(now) = &now.disks else { return };
    let whole: Vec<&RawDisk> = now.value.devices.iter().filter(|disk| disk.kind == DiskKind::Whole).collect();
    for (total, _, counter, unit) in DISK_COUNTERS {
        let sum: Option<i128> = whole.iter().map(|disk| counter(disk).map(i128::from)).sum();
        values.insert(total, sum.map(|sum| (sum * unit) as f64));
    }
    let Some(before) = before.and_then(|raw| raw.disks.as_ref()) else {
        return;
    };
    // Pairs of the same disk whose sectors did not go back.
    let pairs: Vec<(&RawDisk, &RawDisk)> = whole
        .iter()
        .filter_map(|disk| {
            let same = |old: &&RawDisk| (&old.name, old.device) == (&disk.name, disk.device);
            let old = before.value.devices.iter().find(same)?;
            let forwards = disk.read_sectors >= old.read_sectors && disk.write_sectors >= old.write_sectors;
            forwards.then_some((old, *disk))
        })
        .collect();
    if pairs.is_empty() && !whole.is_empty() {
        return;
    }
    let seconds = elapsed_seconds(before, now);
    for (_, rate, counter, unit) in DISK_COUNTERS {
        let limit = if unit == 1 { u32::MAX.into() } else { i128::MAX };
        let grown = growth(&pairs, counter, |before, now| now - before).filter(|&grown| grown < limit);
        let value = grown.zip(seconds).map(|(grown, seconds)| (grown * unit) as f64 / seconds);
        values.insert(rate, value);
    }
    type Counter = fn(&RawDisk) -> Option<u64>;
    let latencies: [(&str, Counter, Counter); 2] = [
        ("host_disk_read_latency_seconds", |disk| disk.reads, |disk| disk.read_ms),
        ("host_disk_write_latency_seconds", |disk| disk.writes, |disk| disk.write_ms),
    ];
    for (name, count, time) in latencies {
        let limit = i128::from(u32::MAX);
        let count = growth(&pairs, count, |before, now| now - before).filter(|count| (1..limit).contains(count));
        let time = growth(&pairs, time, wrapped).filter(|&time| time < limit);
        values.insert(name, time.zip(count).map(|(time, count)| time as f64 / count as f64 / 1e3));
    }
}

/// P19, in the words of `sampling.md`: `100 * Δtotal_us / Δt_us`, of the same cgroup, between the readings of the file.
fn pressure(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    let Some(before) = before else { return };
    type Line = fn(&Timed<mtaio_monitoring::sampling::RawPressure>) -> Option<RawStall>;
    let some: Line = |file| file.value.some;
    let full: Line = |file| file.value.full;
    type Share = (&'static str, fn(&RawSample) -> &RawPressures, Resource, Line);
    let shares: [Share; 12] = [
        ("host_pressure_cpu_some_percent", |raw| &raw.pressure, Resource::Cpu, some),
        ("host_pressure_memory_some_percent", |raw| &raw.pressure, Resource::Memory, some),
        ("host_pressure_memory_full_percent", |raw| &raw.pressure, Resource::Memory, full),
        ("host_pressure_io_some_percent", |raw| &raw.pressure, Resource::Io, some),
        ("host_pressure_io_full_percent", |raw| &raw.pressure, Resource::Io, full),
        ("host_pressure_irq_full_percent", |raw| &raw.pressure, Resource::Irq, full),
        ("container_pressure_cpu_some_percent", |raw| &raw.container_pressure, Resource::Cpu, some),
        ("container_pressure_cpu_full_percent", |raw| &raw.container_pressure, Resource::Cpu, full),
        ("container_pressure_memory_some_percent", |raw| &raw.container_pressure, Resource::Memory, some),
        ("container_pressure_memory_full_percent", |raw| &raw.container_pressure, Resource::Memory, full),
        ("container_pressure_io_some_percent", |raw| &raw.container_pressure, Resource::Io, some),
        ("container_pressure_io_full_percent", |raw| &raw.container_pressure, Resource::Io, full),
    ];
    for (name, scope, resource, line) in shares {
        let (before, now) = (scope(before), scope(now));
        if before.generation != now.generation {
            continue;
        }
        let Some((before, now)) = before.get(resource).zip(now.get(resource)) else { continue };
        let Some((first, last)) = line(before).zip(line(now)) else { continue };
        let stalled = i128::from(last.total_us) - i128::from(first.total_us);
        let elapsed = (i128::from(now.read_at_ns) - i128::from(before.read_at_ns)) / 1_000;
        if stalled >= 0 && elapsed > 0 {
            values.insert(name, Some((100.0 * stalled as f64 / elapsed as f64).min(100.0)));
        }
    }
}

/// The sum over all disks, if each is known and none is negative.
fn growth(
    pairs: &[(&RawDisk, &RawDisk)],
    counter: fn(&RawDisk) -> Option<u64>,
    step: fn(i128, i128) -> i128,
) -> Option<i128> {
    pairs
        .iter()
        .map(|(old, new)| {
            let grown = step(i128::from(counter(old)?), i128::from(counter(new)?));
            (grown >= 0).then_some(grown)
        })
        .sum()
}

/// P25: a step back across 2^32 that is small on both sides goes round.
fn wrapped(before: i128, now: i128) -> i128 {
    let range = 1_i128 << 32;
    let tenth = range / 10;
    let near_the_end = before > range - tenth && before < range;
    if now < before && near_the_end && now < tenth { now + range - before } else { now - before }
}

/// Seconds between the readings of two sections; nothing where the clock did not advance.
fn elapsed_seconds<T>(before: &Timed<T>, now: &Timed<T>) -> Option<f64> {
    let elapsed_ns = i128::from(now.read_at_ns) - i128::from(before.read_at_ns);
    (elapsed_ns > 0).then_some(elapsed_ns as f64 / 1e9)
}

/// The one metric that the clock and no file measures.
pub(super) fn process_cores_used(before: Option<&RawSample>, now: &RawSample) -> Option<f64> {
    let (before, now) = (before?.process.as_ref()?, now.process.as_ref()?);
    let used = i128::from(now.value.cpu_ns?) - i128::from(before.value.cpu_ns?);
    let seconds = elapsed_seconds(before, now)?;
    (used >= 0).then_some(used as f64 / 1e9 / seconds)
}

fn container(before: Option<&RawSample>, now: &RawSample, values: &mut Values) {
    let Some(now_all) = &now.container else { return };
    let now_raw = &now_all.value;
    let seldom = &now_raw.seldom;
    let float = |count: Option<u64>| count.map(|count| count as f64);
    let fits = |count: Option<i128>| count.filter(|&count| (0..i128::from(u32::MAX)).contains(&count));
    let before_raw = before
        .and_then(|before| before.container.as_ref())
        .map(|before| &before.value)
        .filter(|before| before.generation == now_raw.generation);

    // Processors: the least of everything that can hold the process back.
    let online = now.cpu.as_ref().map(|cpu| cpu.value.cores.len()).filter(|&count| count > 0);
    let quota = seldom.cpu_quota.map(|quota| quota.quota_us as f64 / quota.period_us as f64);
    let processors = [seldom.cpuset_cpus, seldom.affinity_cpus, online.map(|count| count as u32)];
    let limits = processors.into_iter().flatten().map(f64::from).chain(quota);
    let limit = limits.reduce(f64::min);
    values.insert("container_cpu_limit_cores", limit);
    if let (Some(old), Some(new)) = (before_raw.and_then(|raw| raw.cpu_usage_ns.as_ref()), &now_raw.cpu_usage_ns) {
        let used = i128::from(new.value) - i128::from(old.value);
        let cores = elapsed_seconds(old, new).filter(|_| used >= 0).map(|seconds| used as f64 / 1e9 / seconds);
        values.insert("container_cpu_cores_used", cores);
        let percent = cores.zip(limit.filter(|&limit| limit > 0.0)).map(|(cores, limit)| cores / limit * 100.0);
        values.insert("container_cpu_usage_percent", percent);
    }
    if let (Some(old), Some(new)) = (before_raw.and_then(|raw| raw.throttling.as_ref()), &now_raw.throttling)
        && old.value.level == new.value.level
    {
        let step = |of: fn(&RawThrottling) -> Option<u64>| {
            let step = i128::from(of(&new.value)?) - i128::from(of(&old.value)?);
            (step >= 0).then_some(step)
        };
        let periods = fits(step(|raw| raw.periods)).filter(|&periods| periods > 0);
        let throttled = fits(step(|raw| raw.throttled_periods));
        let percent = periods.zip(throttled).map(|(all, some)| some.min(all) as f64 / all as f64 * 100.0);
        values.insert("container_cpu_throttled_periods_percent", percent);
        let waited = step(|raw| raw.throttled_ns).zip(elapsed_seconds(old, new));
        let rate = waited.map(|(nanos, seconds)| nanos as f64 / 1e9 / seconds);
        values.insert("container_cpu_throttled_seconds_per_second", rate);
    }

    // Memory: a limit counts only where the machine could not reach it first.
    let machine = now.memory.as_ref().and_then(|memory| memory.value.total);
    let below = |limit: Option<u64>| limit.filter(|&limit| machine.is_none_or(|machine| limit < machine));
    let limit = below(seldom.memory_limit);
    values.insert("container_memory_limit_bytes", float(limit));
    values.insert("container_memory_high_bytes", float(below(seldom.memory_high)));
    values.insert("container_memory_usage_bytes", float(now_raw.memory_usage));
    let parts = now_raw.memory_usage.zip(seldom.inactive_file);
    let working_set = parts.map(|(usage, cache)| (i128::from(usage) - i128::from(cache)).max(0) as f64);
    values.insert("container_memory_working_set_bytes", working_set);
    let percent =
        working_set.zip(limit.filter(|&limit| limit > 0)).map(|(used, limit)| used / limit as f64 * 100.0);
    values.insert("container_memory_usage_percent", percent);
    values.insert("container_swap_usage_bytes", float(seldom.swap_usage));
    values.insert("container_oom_kills_total", float(now_raw.memory_events.oom_kills));
    type Event = fn(&RawMemoryEvents) -> Option<u64>;
    let events: [(&str, Event); 3] = [
        ("container_oom_kills", |events| events.oom_kills),
        ("container_memory_high_events", |events| events.high),
        ("container_memory_max_events", |events| events.max),
    ];
    for (name, event) in events {
        let old = before_raw.and_then(|raw| event(&raw.memory_events));
        let step = old.zip(event(&now_raw.memory_events)).map(|(old, new)| i128::from(new) - i128::from(old));
        values.insert(name, fits(step).map(|step| step as f64));
    }
    for (name, pids) in [("container_pids", seldom.pids), ("container_pids_limit", seldom.pids_limit)] {
        values.insert(name, fits(pids.map(i128::from)).map(|pids| pids as f64));
    }
    traffic(seldom, values);
}

fn traffic(seldom: &RawContainerSeldom, values: &mut Values) {
    type Counter = (&'static str, &'static str, fn(&RawContainerIo) -> u64, bool);
    const COUNTERS: [Counter; 4] = [
        ("container_disk_read_bytes_total", "container_disk_read_bytes_per_second", |io| io.read_bytes, false),
        ("container_disk_write_bytes_total", "container_disk_write_bytes_per_second", |io| io.write_bytes, false),
        ("container_disk_reads_total", "container_disk_reads_per_second", |io| io.reads, true),
        ("container_disk_writes_total", "container_disk_writes_per_second", |io| io.writes, true),
    ];
    let Some(new) = &seldom.io else { return };
    for (total, rate, counter, is_narrow) in COUNTERS {
        values.insert(total, Some(counter(&new.value) as f64));
        let Some(old) = &seldom.io_before else { continue };
        let step = i128::from(counter(&new.value)) - i128::from(counter(&old.value));
        let fits = step >= 0 && (!is_narrow || step < i128::from(u32::MAX));
        let per_second = elapsed_seconds(old, new).filter(|_| fits).map(|seconds| step as f64 / seconds);
        values.insert(rate, per_second);
    }
}
