//! Asking the operating system: raw counters, as it gives them.
//!
//! Nothing here subtracts, divides or decides; that is `rates`. A [`Source`] fills a [`RawSample`] in place, so a
//! sample at its steady state allocates nothing. Each section is an `Option`: what could not be read is `None`,
//! never 0 (rule zero of the sampler), and carries the monotonic time taken right after its own file was read
//! (P36), because rates divide by the time between *those* moments.
//!
//! Long because it lists what can be read, a line each, with its words.
//!
//! **A new section** (cgroup, pressure, network, …) is a new struct here, a new field of [`RawSample`], a new value
//! of [`Section`], and one file in the platform's folder. Nothing that exists changes.

use std::sync::Arc;

use crate::clock::{Clock, Instant3};

mod capability;
mod container;
mod costs;
mod diagnosis;
mod filesystems;
mod host;
mod ledger;
#[cfg(target_os = "linux")]
pub mod linux;
mod network;
#[cfg(any(feature = "portable", not(target_os = "linux")))]
pub mod portable;
mod pressure;
mod process;
mod process_list;
mod resident;
mod surroundings;
mod triggers;

pub use capability::State;
pub use container::{
    CgroupVersion, RawContainer, RawContainerIo, RawContainerSeldom, RawMemoryEvents, RawQuota, RawThrottling,
};
pub use costs::Cost;
pub use diagnosis::Diagnosis;
pub use filesystems::{RawFilesystem, RawFilesystems, RawSpace};
pub use host::{RawActivity, RawFileHandles, RawHost, RawSwapping};
pub use ledger::{Counters, Ledger, Member};
pub use network::{InterfaceKind, RawInterface, RawNetwork, RawTraffic};
pub use pressure::{
    PressureScope, RawPressure, RawPressures, RawStall, Resource, StallKind, is_undefined as is_pressure_undefined,
};
pub use process::{RawDescriptors, RawProcess, RawProcessIo, RawProcessMemory, RawTree, TreeCounters};
pub use process_list::{ListProcesses, MOST_PROCESSES, RawListed, RawProcessList};
pub use resident::ResidentMemory;
pub use surroundings::{Surroundings, host_name};
pub use triggers::{
    OpenTriggers, OpenedTrigger, RefusedTrigger, Told, Trigger, TriggerBell, TriggerPoll, TriggerRequest,
};

/// A group of readings that come, or fail to come, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// Processor time by mode.
    Cpu,
    /// Load averages and the number of threads on the system.
    Load,
    /// Memory and swap.
    Memory,
    /// Block devices.
    Disks,
    /// This process.
    Process,
    /// Network interfaces.
    Network,
    /// Room on mounted file systems.
    Filesystems,
    /// Swapping and file handles of the whole machine.
    Host,
    /// The control group of this process.
    Container,
    /// What this process read and wrote.
    ProcessIo,
    /// The descriptors of this process.
    Descriptors,
    /// The dear figures of this process's memory.
    ProcessMemory,
    /// This process and its descendants.
    Tree,
    /// Pressure on the machine.
    Pressure,
    /// Pressure on this process's own cgroup.
    ContainerPressure,
}

impl Section {
    /// Every section, in the order in which they are read.
    pub const ALL: [Self; 15] = [
        Self::Cpu,
        Self::Load,
        Self::Memory,
        Self::Disks,
        Self::Process,
        Self::Network,
        Self::Filesystems,
        Self::Host,
        Self::Container,
        Self::ProcessIo,
        Self::Descriptors,
        Self::ProcessMemory,
        Self::Tree,
        Self::Pressure,
        Self::ContainerPressure,
    ];

    /// Whether many a sound system has no such thing: that it is missing is worth a line in a report of what is read,
    /// and no trouble.
    #[must_use]
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Pressure | Self::ContainerPressure)
    }

    /// The section's name, as health reports and `mtaio doctor` print it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Load => "load",
            Self::Memory => "memory",
            Self::Disks => "disks",
            Self::Process => "process",
            Self::Network => "network",
            Self::Filesystems => "filesystems",
            Self::Host => "host",
            Self::Container => "container",
            Self::ProcessIo => "process_io",
            Self::Descriptors => "descriptors",
            Self::ProcessMemory => "process_memory",
            Self::Tree => "tree",
            Self::Pressure => "pressure",
            Self::ContainerPressure => "container_pressure",
        }
    }
}

/// What a section read, and when its file had just been read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timed<T> {
    /// Monotonic nanoseconds, right after the read.
    pub read_at_ns: u64,
    /// The counters.
    pub value: T,
}

/// One reading of everything, raw. Reused from sample to sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawSample {
    /// When the reading began.
    pub clock: Instant3,
    /// `/proc/stat`.
    pub cpu: Option<Timed<RawCpu>>,
    /// `/proc/loadavg`.
    pub load: Option<Timed<RawLoad>>,
    /// `/proc/meminfo`.
    pub memory: Option<Timed<RawMemory>>,
    /// `/proc/diskstats`.
    pub disks: Option<Timed<RawDisks>>,
    /// `/proc/self/stat` and the process's own clock.
    pub process: Option<Timed<RawProcess>>,
    /// `/proc/net/dev`.
    pub network: Option<Timed<RawNetwork>>,
    /// `/proc/self/mountinfo` and `statvfs`, from time to time.
    pub filesystems: Option<Timed<RawFilesystems>>,
    /// The end of `/proc/stat`; `/proc/vmstat` and `/proc/sys/fs/file-nr` from time to time.
    pub host: Option<Timed<RawHost>>,
    /// The files of the own control groups.
    pub container: Option<Timed<RawContainer>>,
    /// `/proc/self/io`.
    pub process_io: Option<Timed<RawProcessIo>>,
    /// `/proc/self/fd`.
    pub descriptors: Option<Timed<RawDescriptors>>,
    /// `/proc/self/statm` and `/proc/self/smaps_rollup`.
    pub process_memory: Option<Timed<RawProcessMemory>>,
    /// This process and its descendants: the newest look at them, which is seldom this sample's own.
    pub tree: Option<Timed<RawTree>>,
    /// `/proc/pressure`: each file is there, or not, by itself.
    pub pressure: RawPressures,
    /// The `*.pressure` of this process's own cgroup.
    pub container_pressure: RawPressures,
}

/// The modes of [`CpuTimes`], in the kernel's order.
pub const CPU_MODES: [&str; 10] =
    ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"];

/// Cumulative processor time by mode, in ticks of any one size (Linux: 1/100 s; portable: 1/10 000 s).
///
/// As the kernel counts: `user` contains `guest` and `nice` contains `guest_nice` (P2). A mode that an old kernel does
/// not print is [`UNKNOWN`](Self::UNKNOWN). So are all but `user` and `idle` of a system that only tells busy from
/// idle: where `system` is unknown, `user` holds all busy time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes(pub [u64; 10]);

impl CpuTimes {
    /// In the place of a mode that the system does not count.
    pub const UNKNOWN: u64 = u64::MAX;
}

/// Processor time of the machine and of each processor that is online.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawCpu {
    /// All processors; keeps the history of those that have gone offline (P5).
    pub total: CpuTimes,
    /// `(N of cpuN, its times)`: the numbers may have holes (P5).
    pub cores: Vec<(u32, CpuTimes)>,
}

/// Load averages, in hundredths (the kernel prints two decimals), and threads of the whole system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawLoad {
    /// Over 1, 5 and 15 minutes, times 100. In a container these are the host's (P9).
    pub hundredths: [u32; 3],
    /// Threads that are running or ready.
    pub running_threads: Option<u32>,
    /// Threads that exist on the system (P10).
    pub total_threads: Option<u32>,
}

/// Memory, in bytes; a field that the kernel does not print is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawMemory {
    /// `MemTotal`.
    pub total: Option<u64>,
    /// `MemFree`.
    pub free: Option<u64>,
    /// `MemAvailable` (Linux ≥ 3.14), as printed: it may be 0 or above the total (P12).
    pub available: Option<u64>,
    /// `Buffers`.
    pub buffers: Option<u64>,
    /// `Cached`.
    pub cached: Option<u64>,
    /// `Active(file)`.
    pub active_file: Option<u64>,
    /// `Inactive(file)`.
    pub inactive_file: Option<u64>,
    /// `SReclaimable`.
    pub slab_reclaimable: Option<u64>,
    /// `Shmem`.
    pub shmem: Option<u64>,
    /// `SwapTotal`.
    pub swap_total: Option<u64>,
    /// `SwapFree`.
    pub swap_free: Option<u64>,
    /// Sum of the zones' low watermarks (`/proc/zoneinfo`), in bytes: read only where `available` is missing or 0,
    /// for the kernel's own formula (P11).
    pub low_watermark: Option<u64>,
    /// What ZFS' cache gives back when programs want it: its size less its least size. The kernel counts it as used
    /// (P13). `None` without ZFS, and inside LXC.
    pub arc_shrinkable: Option<u64>,
}

/// The unit of [`RawDisk`]: `/proc/diskstats` counts in sectors of 512 bytes whatever the device's own sector is (P21).
pub const SECTOR_BYTES: u64 = 512;

/// What kind of block device a line of `/proc/diskstats` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DiskKind {
    /// A whole disk that is nobody's part: only these are summed.
    #[default]
    Whole,
    /// A part of a disk, whose requests the disk counts too (P22).
    Partition,
    /// LVM, dm-crypt, md, bcache: its members count the same requests (P23).
    Stacked,
    /// ram, loop, zram: not a disk.
    Virtual,
}

impl DiskKind {
    /// The kind's name, as the faces show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partition => "partition",
            Self::Stacked => "stacked",
            Self::Virtual => "virtual",
        }
    }
}

/// One block device, cumulative since boot (or since it appeared).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawDisk {
    /// Kernel name: `sda`, `nvme0n1`, `dm-0`.
    pub name: String,
    /// Device number `(major, minor)`.
    pub device: (u32, u32),
    /// What it is.
    pub kind: DiskKind,
    /// Reads completed; `None` where the system does not count them (portable backend).
    pub reads: Option<u64>,
    /// Sectors read, each 512 bytes whatever the device's own sector (P21).
    pub read_sectors: u64,
    /// Milliseconds spent reading, summed over requests; 32 bits, wraps after 49.7 days of it (P25).
    pub read_ms: Option<u64>,
    /// Writes completed.
    pub writes: Option<u64>,
    /// Sectors written.
    pub write_sectors: u64,
    /// Milliseconds spent writing; 32 bits.
    pub write_ms: Option<u64>,
    /// Requests under way now.
    pub in_flight: Option<u64>,
    /// Milliseconds in which at least one request was under way (`io_ticks`); 32 bits. Since Linux 5.0 the kernel looks
    /// once a tick rather than at each request (P26).
    pub busy_ms: Option<u64>,
    /// Milliseconds spent in requests, summed over those under way; 32 bits.
    pub weighted_ms: Option<u64>,
    /// Discards completed (Linux ≥ 4.18).
    pub discards: Option<u64>,
    /// Sectors discarded.
    pub discard_sectors: Option<u64>,
    /// Flushes completed (Linux ≥ 5.5); of whole disks only.
    pub flushes: Option<u64>,
    /// Milliseconds spent flushing; 32 bits.
    pub flush_ms: Option<u64>,
}

/// All block devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawDisks {
    /// In the kernel's order.
    pub devices: Vec<RawDisk>,
}

/// How the readings of one section have gone, and what there is to read.
#[derive(Clone, Debug, PartialEq)]
pub struct SectionHealth {
    /// Which section.
    pub section: Section,
    /// The file or call that it is read from.
    pub origin: String,
    /// Readings tried.
    pub reads: u64,
    /// Readings that gave nothing.
    pub failures: u64,
    /// Why the last one that failed did, e.g. `"/proc/diskstats: Permission denied (os error 13)"`.
    pub last_error: Option<String>,
    /// Seconds between two looks, where some of it is looked at from time to time only; `None` where every sample
    /// reads it.
    pub every_seconds: Option<f64>,
    /// What it took of each of the newest readings, those included that had no need to look.
    pub cost: Option<Cost>,
    /// Whether the newest reading has it.
    pub state: State,
    /// Where only a part can be read: what the newest reading lacks, by the names of its raw fields.
    pub missing: Vec<&'static str>,
    /// What can be done about what is missing.
    pub hint: Option<&'static str>,
}

/// Something that can be asked for a [`RawSample`]: one platform's way to read, or a recording.
///
/// The child of a fork makes a new one: descriptors of `/proc/self` that the parent opened still show the parent (P31).
pub trait Source: Send {
    /// Reads every section into `out`. A section that cannot be read becomes `None` and is counted; this never
    /// fails as a whole and never panics.
    fn read(&mut self, clock: &Clock, out: &mut RawSample);

    /// How the readings have gone, a line a section.
    fn health(&self) -> Vec<SectionHealth>;

    /// What the newest readings took as a whole; `None` where that is not measured.
    fn cost(&self) -> Option<Cost> {
        None
    }

    /// Readings of any section that gave nothing, so far: asked for at each sample, so it must not allocate.
    fn failures(&self) -> u64 {
        self.health().iter().map(|section| section.failures).sum()
    }

    /// Where the kernel can be asked to tell of pressure; `None` where this source knows no such place.
    fn pressure_triggers(&self) -> Option<Arc<dyn OpenTriggers>> {
        None
    }

    /// A way to look at all processes, where this source has one.
    fn process_lister(&self) -> Option<Box<dyn ListProcesses>> {
        None
    }

    /// The shortest time over which processor shares of this source mean something, in seconds.
    fn minimum_window_seconds(&self) -> f64 {
        0.1
    }
}

/// The best source for this machine: the native one on Linux, the portable one elsewhere.
#[must_use]
pub fn native() -> Box<dyn Source> {
    #[cfg(target_os = "linux")]
    return Box::new(linux::LinuxSource::new());
    #[cfg(not(target_os = "linux"))]
    return Box::new(portable::PortableSource::new());
}
