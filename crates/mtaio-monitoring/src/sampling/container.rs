//! What the control group of this process has used, and may use.

use super::Timed;

/// The own control group, raw. A field that the kernel does not give is `None`; a limit is also where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawContainer {
    /// Another number where the process has been moved: then the counters are another group's.
    pub generation: u64,
    /// Which interface the groups have.
    pub version: Option<CgroupVersion>,
    /// Processor time used by the group, those that have ended included, in nanoseconds.
    pub cpu_usage_ns: Option<Timed<u64>>,
    /// How the quota has held the group up; only where there is one.
    pub throttling: Option<Timed<RawThrottling>>,
    /// Memory in use, page cache included, in bytes.
    pub memory_usage: Option<u64>,
    /// What happened at the memory's limits.
    pub memory_events: RawMemoryEvents,
    /// What is read less often.
    pub seldom: RawContainerSeldom,
}

/// The interfaces that control groups have: a hierarchy for each controller, one for all, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupVersion {
    /// A hierarchy for each controller or few of them.
    V1,
    /// One hierarchy for all.
    V2,
    /// Controllers in version 1 beside the hierarchy of version 2.
    Hybrid,
}

impl CgroupVersion {
    /// `"v1"`, `"v2"` or `"hybrid"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
        }
    }
}

/// `cpu.stat` of the group whose quota is the tightest: the own one or one around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawThrottling {
    /// How far around the own group: 0 is the own one. Counters of two levels have nothing to do with each other.
    pub level: u32,
    /// Periods of the quota in which the group wanted to run.
    pub periods: Option<u64>,
    /// Those of them in which the quota ran out.
    pub throttled_periods: Option<u64>,
    /// Nanoseconds that the group's processors waited for the next period, summed over them.
    pub throttled_ns: Option<u64>,
}

/// Counters of `memory.events`, or of version 1's `memory.oom_control`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawMemoryEvents {
    /// Processes of the group that the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Times that the group was held up because it was above `memory.high`; version 2 only.
    pub high: Option<u64>,
    /// Times that the group was about to exceed its limit (version 1: `memory.failcnt`, read less often).
    pub max: Option<u64>,
}

/// What is dear, or changes seldom: up to ten seconds old.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawContainerSeldom {
    /// The tightest quota among the group and those around it.
    pub cpu_quota: Option<RawQuota>,
    /// Processors that the group may run on.
    pub cpuset_cpus: Option<u32>,
    /// Processors that this process may run on.
    pub affinity_cpus: Option<u32>,
    /// The least limit among the group and those around it, in bytes; may be above what the machine has.
    pub memory_limit: Option<u64>,
    /// The least `memory.high` among them, in bytes: above it the group is held up. Version 2 only.
    pub memory_high: Option<u64>,
    /// Page cache that is the first to go, in bytes.
    pub inactive_file: Option<u64>,
    /// Swapped out, in bytes.
    pub swap_usage: Option<u64>,
    /// Threads, as the pids controller counts.
    pub pids: Option<u64>,
    /// How many there may be.
    pub pids_limit: Option<u64>,
    /// Traffic with the disks.
    pub io: Option<Timed<RawContainerIo>>,
    /// The reading of `io` before it: rates are over the time between the two.
    pub io_before: Option<Timed<RawContainerIo>>,
}

/// So many microseconds in each period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawQuota {
    /// What may be used in a period, over all processors.
    pub quota_us: u64,
    /// The period's length; not 0.
    pub period_us: u64,
}

/// Traffic of the group with block devices, cumulative, over those that are nobody's part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawContainerIo {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
}
