//! The own control group, as a reader sees it, and the limits that the unqualified numbers are shares of.

use super::ratio;
use super::{CpuStats, MemoryStats};
use crate::rates::container::{ContainerCpuGroup, ContainerGroups, ContainerIoGroup, NANO};
use crate::rates::packed::{Packed32, Packed64};
use crate::sampling::CgroupVersion;

/// The control group of this process: the container, service or slice that it runs in. All `None` where it is in none
/// that can be seen; processor time, memory and traffic also where its group is the whole machine's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerStats {
    /// Which interface the groups have: `"v1"`, `"v2"` or `"hybrid"`. Health tells the directory.
    pub version: Option<&'static str>,
    /// Processors' worth of time that this process may use: the least of the tightest quota of its group and those
    /// around it, of the processors of its cpuset, of those that it may run on, and of those that are online.
    pub cpu_limit_cores: Option<f64>,
    /// Processors' worth of time that the group used, those that have ended included.
    pub cpu_cores_used: Option<f64>,
    /// `100 * cpu_cores_used / cpu_limit_cores`. A burst may take it above 100: it is not clamped.
    pub cpu_usage_percent: Option<f64>,
    /// Share of the quota's periods in which it ran out, of those in which the group wanted to run; 0–100. `None`
    /// without a quota, and where there was no such period.
    pub cpu_throttled_periods_percent: Option<f64>,
    /// Seconds that the group's processors waited for their quota, summed over them, each second.
    pub cpu_throttled_seconds_per_second: Option<f64>,
    /// The least memory limit of the group and those around it; `None` where it is not below what the machine has.
    pub memory_limit: Option<u64>,
    /// The least `memory.high` of them, above which the kernel holds the group up; version 2 only.
    pub memory_high: Option<u64>,
    /// Bytes in use, page cache included: at the limit the kernel first takes that back, then kills.
    pub memory_usage: Option<u64>,
    /// `memory_usage` less the page cache that is the first to go, as docker and the kubelet show it. That cache is
    /// up to ten seconds old.
    pub memory_working_set: Option<u64>,
    /// `100 * memory_working_set / memory_limit`.
    pub memory_percent: Option<f64>,
    /// Bytes swapped out.
    pub swap_usage: Option<u64>,
    /// Processes of the group that the kernel killed for want of memory during this sample.
    pub oom_kills: Option<u32>,
    /// The same since the group was made.
    pub oom_kills_total: Option<u64>,
    /// Times that the group was held up above `memory_high` during this sample.
    pub memory_high_events: Option<u32>,
    /// Times that the group was about to exceed its limit during this sample.
    pub memory_max_events: Option<u32>,
    /// Threads of the group.
    pub pids: Option<u32>,
    /// How many there may be; `None` without a limit.
    pub pids_limit: Option<u32>,
    /// Bytes read from disks since the group was made.
    pub read_bytes: Option<u64>,
    /// Bytes written to disks since then.
    pub write_bytes: Option<u64>,
    /// Reads from disks since then.
    pub read_count: Option<u64>,
    /// Writes to disks since then.
    pub write_count: Option<u64>,
    /// Bytes read a second, over the latest ten seconds or so.
    pub read_bytes_per_second: Option<f64>,
    /// Bytes written a second, over the same time.
    pub write_bytes_per_second: Option<f64>,
    /// Reads a second, over the same time.
    pub read_count_per_second: Option<f64>,
    /// Writes a second, over the same time.
    pub write_count_per_second: Option<f64>,
}

/// The statistics of a machine with `online` processors and `machine_bytes` of memory.
pub(super) fn container_stats(
    groups: &ContainerGroups,
    online: Option<u32>,
    machine_bytes: Option<u64>,
) -> ContainerStats {
    let ContainerGroups { cpu, memory, io } = groups;
    let limit_nanos = limit_nanos(cpu, online);
    let cpu_cores_used = ratio(cpu.delta_usage_ns.get(), cpu.usage_elapsed_ns.get());
    let periods = cpu.delta_periods.get().map(u64::from);
    let throttled = cpu.delta_throttled_periods.get().map(u64::from).zip(periods);
    let below_machine = |limit: Packed64| {
        limit.get().filter(|&limit| machine_bytes.is_none_or(|machine_bytes| limit < machine_bytes))
    };
    let memory_usage = memory.usage.get();
    let memory_limit = below_machine(memory.limit);
    let memory_working_set =
        memory_usage.zip(memory.inactive_file.get()).map(|(usage, cache)| usage.saturating_sub(cache));
    ContainerStats {
        version: cpu.version.map(CgroupVersion::name),
        cpu_limit_cores: limit_nanos.map(|nanos| nanos as f64 / NANO as f64),
        cpu_cores_used,
        cpu_usage_percent: percent_of_limit(cpu, limit_nanos),
        // The two counters are not read at the same moment by the kernel.
        cpu_throttled_periods_percent: ratio(
            throttled.map(|(throttled, periods)| throttled.min(periods)),
            periods,
        )
        .map(|share| 100.0 * share),
        cpu_throttled_seconds_per_second: ratio(cpu.delta_throttled_ns.get(), cpu.throttling_elapsed_ns.get()),
        memory_limit,
        memory_high: below_machine(memory.high),
        memory_usage,
        memory_working_set,
        memory_percent: ratio(memory_working_set, memory_limit).map(|share| 100.0 * share),
        swap_usage: memory.swap_usage.get(),
        oom_kills: memory.delta_oom_kills.get(),
        oom_kills_total: memory.oom_kills_total.get(),
        memory_high_events: memory.delta_high_events.get(),
        memory_max_events: memory.delta_max_events.get(),
        pids: cpu.pids.get(),
        pids_limit: cpu.pids_limit.get(),
        read_bytes: io.read_bytes.get(),
        write_bytes: io.write_bytes.get(),
        read_count: io.reads.get(),
        write_count: io.writes.get(),
        read_bytes_per_second: per_second(io, io.delta_read_bytes.get()),
        write_bytes_per_second: per_second(io, io.delta_write_bytes.get()),
        read_count_per_second: per_second(io, count(io.delta_reads)),
        write_count_per_second: per_second(io, count(io.delta_writes)),
    }
}

/// Makes the unqualified numbers shares of what this process may use, where that is less than the machine.
///
/// Use and limit must both be known: a share of the machine's use of a container's limit would be neither.
pub(super) fn set_scope(
    groups: &ContainerGroups,
    container: &ContainerStats,
    cpu: &mut CpuStats,
    memory: &mut MemoryStats,
) {
    let has_cpu_limit = cpu
        .online_count
        .zip(container.cpu_limit_cores)
        .is_some_and(|(online, limit_cores)| limit_cores < f64::from(online));
    if has_cpu_limit && groups.cpu.has_usage {
        cpu.usage_percent = container.cpu_usage_percent;
    }
    // Where the page cache is not told, all of the usage is taken to be needed.
    let used = container.memory_working_set.or(container.memory_usage);
    if let Some((limit, used)) = container.memory_limit.zip(used) {
        memory.total = Some(limit);
        memory.used = Some(used);
        memory.available = Some(limit.saturating_sub(used));
        memory.percent = ratio(Some(used), Some(limit)).map(|share| 100.0 * share);
    }
}

fn limit_nanos(cpu: &ContainerCpuGroup, online: Option<u32>) -> Option<u64> {
    // Outside of any group there is nothing to be said about limits.
    cpu.version?;
    let processors = cpu.allowed_cpus.get().into_iter().chain(online).min();
    let processors = processors.map(|count| u64::from(count) * NANO);
    cpu.quota_nanos.get().into_iter().chain(processors).min()
}

fn percent_of_limit(cpu: &ContainerCpuGroup, limit_nanos: Option<u64>) -> Option<f64> {
    let cores_used = ratio(cpu.delta_usage_ns.get(), cpu.usage_elapsed_ns.get())?;
    let limit_nanos = limit_nanos.filter(|&nanos| nanos > 0)?;
    Some(100.0 * cores_used * NANO as f64 / limit_nanos as f64)
}

fn count(count: Packed32) -> Option<u64> {
    count.get().map(u64::from)
}

fn per_second(io: &ContainerIoGroup, count: Option<u64>) -> Option<f64> {
    ratio(count, self::count(io.elapsed_tenths_ms)).map(|rate| 1e4 * rate)
}
