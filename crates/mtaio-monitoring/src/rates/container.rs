//! The own control group over a sample: what it used, was refused, and may use.

use crate::sampling::{CgroupVersion, RawContainer, RawContainerIo, RawSample, RawThrottling, Timed};

use super::delta::grown_if_known;
use super::packed::{Packed32, Packed64};

/// A quota is kept in units of this fraction of a processor.
pub(super) const NANO: u64 = 1_000_000_000;

/// Processor time and threads of the own group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerCpuGroup {
    /// Processor time that the group used.
    pub delta_usage_ns: Packed64,
    /// Nanoseconds between the two readings of it.
    pub usage_elapsed_ns: Packed64,
    /// Time that the group's processors waited for their quota, summed over them.
    pub delta_throttled_ns: Packed64,
    /// Nanoseconds between the two readings of the quota's counters.
    pub throttling_elapsed_ns: Packed64,
    /// The tightest quota, in billionths of a processor.
    pub quota_nanos: Packed64,
    /// Periods in which the group wanted to run.
    pub delta_periods: Packed32,
    /// Those in which the quota ran out.
    pub delta_throttled_periods: Packed32,
    /// The lesser of the group's and the process's number of processors.
    pub allowed_cpus: Packed32,
    /// Threads of the group.
    pub pids: Packed32,
    /// How many there may be.
    pub pids_limit: Packed32,
    /// Which interface the groups have.
    pub version: Option<CgroupVersion>,
    /// The group's processor time was read, whether or not there was a baseline for it.
    pub has_usage: bool,
    /// The unqualified numbers (`cpu_usage`, `memory_usage`) are shares of the group's limits where it has some; the
    /// sampler sets it from the monitor's scope, so that a row of the history tells the same as the reading did.
    pub sets_scope: bool,
}

/// Bytes of memory of the own group, and what happened at its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in ContainerStats, which documents them")]
pub struct ContainerMemoryGroup {
    pub usage: Packed64,
    pub inactive_file: Packed64,
    pub limit: Packed64,
    pub high: Packed64,
    pub swap_usage: Packed64,
    pub oom_kills_total: Packed64,
    pub delta_oom_kills: Packed32,
    pub delta_high_events: Packed32,
    pub delta_max_events: Packed32,
}

/// Traffic of the own group with the disks: since the group was made, and over the latest ten seconds or so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in ContainerStats, which documents them")]
pub struct ContainerIoGroup {
    pub read_bytes: Packed64,
    pub write_bytes: Packed64,
    pub reads: Packed64,
    pub writes: Packed64,
    pub delta_read_bytes: Packed64,
    pub delta_write_bytes: Packed64,
    /// Hundreds of microseconds between the two readings: enough of a unit for four days in 32 bits.
    pub elapsed_tenths_ms: Packed32,
    pub delta_reads: Packed32,
    pub delta_writes: Packed32,
}

/// The three groups of one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerGroups {
    /// Processor time and threads.
    pub cpu: ContainerCpuGroup,
    /// Memory.
    pub memory: ContainerMemoryGroup,
    /// Disks.
    pub io: ContainerIoGroup,
}

/// Joins two readings. What was read before a move to another group is no baseline: those counters were another's.
#[must_use]
pub fn container_groups(before: Option<&RawSample>, now: &RawSample) -> ContainerGroups {
    let Some(now) = now.container.as_ref().map(|container| &container.value) else {
        return ContainerGroups::default();
    };
    let before = before
        .and_then(|before| before.container.as_ref())
        .map(|container| &container.value)
        .filter(|before| before.generation == now.generation);
    ContainerGroups { cpu: cpu_group(before, now), memory: memory_group(before, now), io: io_group(now) }
}

fn cpu_group(before: Option<&RawContainer>, now: &RawContainer) -> ContainerCpuGroup {
    let usage_before = before.and_then(|before| before.cpu_usage_ns.as_ref());
    let (delta_usage_ns, usage_elapsed_ns) =
        grown_timed(usage_before, now.cpu_usage_ns.as_ref(), |usage| Some(*usage));
    // Another group's counters, if another quota has become the tightest.
    let level = now.throttling.as_ref().map(|throttling| throttling.value.level);
    let throttling_before =
        before.and_then(|before| before.throttling.as_ref()).filter(|before| Some(before.value.level) == level);
    let throttling = now.throttling.as_ref();
    let grown = |of: fn(&RawThrottling) -> Option<u64>| grown_timed(throttling_before, throttling, of);
    let (delta_throttled_ns, throttling_elapsed_ns) = grown(|throttling| throttling.throttled_ns);
    let allowed = now.seldom.cpuset_cpus.into_iter().chain(now.seldom.affinity_cpus).min();
    ContainerCpuGroup {
        delta_usage_ns: delta_usage_ns.into(),
        usage_elapsed_ns: usage_elapsed_ns.into(),
        delta_throttled_ns: delta_throttled_ns.into(),
        throttling_elapsed_ns: throttling_elapsed_ns.into(),
        quota_nanos: now
            .seldom
            .cpu_quota
            .filter(|quota| quota.period_us > 0)
            .map(|quota| u128::from(quota.quota_us) * u128::from(NANO) / u128::from(quota.period_us))
            .and_then(|nanos| u64::try_from(nanos).ok())
            .into(),
        delta_periods: Packed32::fitting(grown(|throttling| throttling.periods).0),
        delta_throttled_periods: Packed32::fitting(grown(|throttling| throttling.throttled_periods).0),
        allowed_cpus: allowed.into(),
        pids: Packed32::fitting(now.seldom.pids),
        pids_limit: Packed32::fitting(now.seldom.pids_limit),
        version: now.version,
        has_usage: now.cpu_usage_ns.is_some(),
        sets_scope: false,
    }
}

/// How much a counter has grown, and in how many nanoseconds.
fn grown_timed<T>(
    before: Option<&Timed<T>>,
    now: Option<&Timed<T>>,
    counter: impl Fn(&T) -> Option<u64>,
) -> (Option<u64>, Option<u64>) {
    let (Some(before), Some(now)) = (before, now) else { return (None, None) };
    let grown = grown_if_known(counter(&before.value), counter(&now.value));
    (grown, grown_if_known(Some(before.read_at_ns), Some(now.read_at_ns)))
}

fn memory_group(before: Option<&RawContainer>, now: &RawContainer) -> ContainerMemoryGroup {
    let events_before = before.map(|before| before.memory_events).unwrap_or_default();
    let events = now.memory_events;
    let grown = |before, now| Packed32::fitting(grown_if_known(before, now));
    ContainerMemoryGroup {
        usage: now.memory_usage.into(),
        inactive_file: now.seldom.inactive_file.into(),
        limit: now.seldom.memory_limit.into(),
        high: now.seldom.memory_high.into(),
        swap_usage: now.seldom.swap_usage.into(),
        oom_kills_total: events.oom_kills.into(),
        delta_oom_kills: grown(events_before.oom_kills, events.oom_kills),
        delta_high_events: grown(events_before.high, events.high),
        delta_max_events: grown(events_before.max, events.max),
    }
}

fn io_group(now: &RawContainer) -> ContainerIoGroup {
    let io = now.seldom.io.as_ref();
    let total = |of: fn(&RawContainerIo) -> u64| io.map(|io| of(&io.value)).into();
    let grown = |of: fn(&RawContainerIo) -> u64| {
        grown_timed(now.seldom.io_before.as_ref(), io, |traffic: &RawContainerIo| Some(of(traffic)))
    };
    let (delta_read_bytes, elapsed_ns) = grown(|io| io.read_bytes);
    ContainerIoGroup {
        read_bytes: total(|io| io.read_bytes),
        write_bytes: total(|io| io.write_bytes),
        reads: total(|io| io.reads),
        writes: total(|io| io.writes),
        delta_read_bytes: delta_read_bytes.into(),
        delta_write_bytes: grown(|io| io.write_bytes).0.into(),
        elapsed_tenths_ms: Packed32::fitting(elapsed_ns.map(|elapsed_ns| elapsed_ns / 100_000)),
        delta_reads: Packed32::fitting(grown(|io| io.reads).0),
        delta_writes: Packed32::fitting(grown(|io| io.writes).0),
    }
}

/// T8: at most 64 bytes a sample and group of fields.
const _: () = {
    assert!(size_of::<ContainerCpuGroup>() <= 64);
    assert!(size_of::<ContainerMemoryGroup>() <= 64);
    assert!(size_of::<ContainerIoGroup>() <= 64);
};
