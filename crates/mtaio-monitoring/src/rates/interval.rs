//! What one sample leaves behind: integers only, a few cache lines, everything else follows from them.
//!
//! The history holds [`Interval`]s, not readable statistics: the pure functions of [`super::SystemStats`] make the
//! same numbers from them whether a sample is one second or one hour old. Each group of fields fits in 64 bytes
//! (target T8), which the assertions at the end hold.

use crate::sampling::{PressureScope, RawDisks, RawLoad, RawMemory, RawSample, Timed};

use super::container::{ContainerGroups, container_groups};
use super::cpu::{CpuDelta, cpu_delta};
use super::delta::{grown, grown_if_known};
use super::disk::{disk_delta, disk_totals};
use super::filesystems::{SpaceGroup, space_group};
use super::host::{HostGroup, host_group};
use super::memory::available_bytes;
use super::monitor::MonitorGroup;
use super::network::{NetworkGrowthGroup, NetworkTotalGroup, network_groups};
use super::packed::{Packed32, Packed64};
use super::pressure::{PressureGroup, pressure_group};
use super::process::{
    ProcessEventGroup, ProcessIoGroup, ProcessMemoryGroup, ProcessTimeGroup, process_event_group,
    process_io_group, process_memory_group, process_time_group,
};
use super::tree::{TreeGroup, TreeIoGroup, tree_group, tree_io_group};

/// One sample: levels at its end, differences since its baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// When.
    pub time: TimeGroup,
    /// Processors.
    pub cpu: CpuGroup,
    /// Memory.
    pub memory: MemoryGroup,
    /// Swap.
    pub swap: SwapGroup,
    /// Disks.
    pub io: IoGroup,
    /// This process and the system's threads.
    pub process: ProcessGroup,
    /// Network interfaces, since they appeared.
    pub network: NetworkTotalGroup,
    /// Network interfaces, since the baseline.
    pub network_growth: NetworkGrowthGroup,
    /// Room on file systems.
    pub space: SpaceGroup,
    /// The machine as a whole.
    pub host: HostGroup,
    /// The own control group.
    pub container: ContainerGroups,
    /// Processor time of this process.
    pub process_time: ProcessTimeGroup,
    /// Memory of this process.
    pub process_memory: ProcessMemoryGroup,
    /// Context switches and descriptors of this process.
    pub process_events: ProcessEventGroup,
    /// What this process read and wrote.
    pub process_io: ProcessIoGroup,
    /// This process and its descendants.
    pub tree: TreeGroup,
    /// What they read and wrote.
    pub tree_io: TreeIoGroup,
    /// The monitor itself.
    pub monitor: MonitorGroup,
    /// Pressure on the machine.
    pub pressure: PressureGroup,
    /// Pressure on this process's own cgroup.
    pub container_pressure: PressureGroup,
}

/// When the sample was taken and how long it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimeGroup {
    /// Nanoseconds since the epoch; never goes backwards within one history.
    pub timestamp_ns: u64,
    /// Counts the samples of one monitor from 0, ticks that were missed included.
    pub sequence: u64,
    /// Monotonic nanoseconds from the baseline to this sample; none where there is no baseline.
    pub elapsed_ns: Packed64,
    /// Nanoseconds between the two readings of the disks: their own, not the sample's (P36).
    pub disks_elapsed_ns: Packed64,
    /// The machine slept, or the readings started anew, since the sample before.
    pub gap: bool,
}

/// Processor time since the baseline, and load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuGroup {
    /// Ticks per mode; all 0 where nothing was measured.
    pub delta: CpuDelta,
    /// Load averages times 100.
    pub load_hundredths: [Packed32; 3],
    /// Processors that are online.
    pub online: Packed32,
    /// Threads of this process.
    pub threads: Packed32,
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in MemoryStats, which documents them")]
pub struct MemoryGroup {
    pub total: Packed64,
    pub available: Packed64,
    pub free: Packed64,
    pub buffers: Packed64,
    pub cached: Packed64,
    pub slab_reclaimable: Packed64,
    /// ZFS' cache above its least size.
    pub arc_shrinkable: Packed64,
    pub shmem: Packed64,
}

/// Bytes of swap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in MemoryStats, which documents them")]
pub struct SwapGroup {
    pub total: Packed64,
    pub free: Packed64,
}

/// Disk counters since boot, and their growth since the baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in IoStats and DiskDelta, which document them")]
pub struct IoGroup {
    pub read_bytes: Packed64,
    pub write_bytes: Packed64,
    pub reads: Packed64,
    pub writes: Packed64,
    /// In 64 bits, because 32 hold no more than 2 TiB: an hour of one fast disk.
    pub delta_read_sectors: Packed64,
    pub delta_write_sectors: Packed64,
    pub delta_reads: Packed32,
    pub delta_writes: Packed32,
    pub delta_read_ms: Packed32,
    pub delta_write_ms: Packed32,
}

/// This process, and the threads of the whole system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in CpuStats, which documents them")]
pub struct ProcessGroup {
    pub delta_cpu_ns: Packed64,
    pub elapsed_ns: Packed64,
    pub system_threads: Packed32,
    pub running_threads: Packed32,
}

impl Interval {
    /// Joins two readings. Without a `baseline` there are levels but no rates (P1).
    ///
    /// `timestamp_ns`, `sequence`, `gap` and `monitor` are the caller's: they depend on what came before the baseline.
    #[must_use]
    pub fn between(baseline: Option<&RawSample>, now: &RawSample) -> Self {
        let before = |section: fn(&RawSample) -> Option<u64>| baseline.and_then(section);
        let elapsed = baseline.map(|before| grown(before.clock.monotonic_ns, now.clock.monotonic_ns));
        let process_elapsed = grown_if_known(
            before(|raw| raw.process.as_ref().map(|process| process.read_at_ns)),
            now.process.as_ref().map(|process| process.read_at_ns),
        );
        let process_cpu = grown_if_known(
            before(|raw| raw.process.as_ref().and_then(|process| process.value.cpu_ns)),
            now.process.as_ref().and_then(|process| process.value.cpu_ns),
        );
        let disks_elapsed = grown_if_known(
            before(|raw| raw.disks.as_ref().map(|disks| disks.read_at_ns)),
            now.disks.as_ref().map(|disks| disks.read_at_ns),
        );
        let load = now.load.as_ref().map(|load| load.value);
        let (network, network_growth) = network_groups(baseline, now);
        Self {
            time: TimeGroup {
                elapsed_ns: elapsed.into(),
                disks_elapsed_ns: disks_elapsed.into(),
                ..TimeGroup::default()
            },
            cpu: cpu_group(baseline, now, load),
            memory: now.memory.as_ref().map(|memory| memory_group(&memory.value)).unwrap_or_default(),
            swap: now.memory.as_ref().map(|memory| swap_group(&memory.value)).unwrap_or_default(),
            io: now
                .disks
                .as_ref()
                .map(|disks| io_group(baseline.and_then(|before| before.disks.as_ref()), disks))
                .unwrap_or_default(),
            process: ProcessGroup {
                delta_cpu_ns: process_cpu.into(),
                elapsed_ns: process_elapsed.into(),
                system_threads: load.and_then(|load| load.total_threads).into(),
                running_threads: load.and_then(|load| load.running_threads).into(),
            },
            network,
            network_growth,
            space: space_group(now),
            host: host_group(baseline, now),
            container: container_groups(baseline, now),
            process_time: process_time_group(baseline, now),
            process_memory: process_memory_group(baseline, now),
            process_events: process_event_group(baseline, now),
            process_io: process_io_group(baseline, now),
            tree: tree_group(now.tree.as_ref(), now.clock.monotonic_ns),
            tree_io: tree_io_group(now.tree.as_ref()),
            monitor: MonitorGroup::default(),
            pressure: pressure_group(PressureScope::Host, baseline.map(|before| &before.pressure), &now.pressure),
            container_pressure: pressure_group(
                PressureScope::Container,
                baseline.map(|before| &before.container_pressure),
                &now.container_pressure,
            ),
        }
    }
}

fn cpu_group(baseline: Option<&RawSample>, now: &RawSample, load: Option<RawLoad>) -> CpuGroup {
    let delta = baseline
        .and_then(|before| before.cpu.as_ref())
        .zip(now.cpu.as_ref())
        .and_then(|(before, now)| cpu_delta(&before.value.total, &now.value.total))
        .unwrap_or_default();
    CpuGroup {
        delta,
        load_hundredths: load
            .map_or([Packed32::NONE; 3], |load| load.hundredths.map(|hundredths| Some(hundredths).into())),
        online: Packed32::fitting(
            now.cpu.as_ref().map(|cpu| cpu.value.cores.len() as u64).filter(|&count| count > 0),
        ),
        threads: now.process.as_ref().and_then(|process| process.value.threads).into(),
    }
}

impl MemoryGroup {
    /// Counts what ZFS' cache gives back as available, as the kernel counts its own caches (P13).
    pub fn add_arc(&mut self) {
        if let (Some(available), Some(arc)) = (self.available.get(), self.arc_shrinkable.get()) {
            let most = self.total.get().unwrap_or(u64::MAX);
            self.available = Some(available.saturating_add(arc).min(most.max(available))).into();
        }
    }
}

fn memory_group(raw: &RawMemory) -> MemoryGroup {
    MemoryGroup {
        total: raw.total.into(),
        available: available_bytes(raw).into(),
        free: raw.free.into(),
        buffers: raw.buffers.into(),
        cached: raw.cached.into(),
        slab_reclaimable: raw.slab_reclaimable.into(),
        arc_shrinkable: raw.arc_shrinkable.into(),
        shmem: raw.shmem.into(),
    }
}

fn swap_group(raw: &RawMemory) -> SwapGroup {
    SwapGroup { total: raw.swap_total.into(), free: raw.swap_free.into() }
}

fn io_group(before: Option<&Timed<RawDisks>>, now: &Timed<RawDisks>) -> IoGroup {
    let totals = disk_totals(&now.value);
    let delta = before.and_then(|before| disk_delta(&before.value, &now.value));
    IoGroup {
        read_bytes: Some(totals.read_bytes).into(),
        write_bytes: Some(totals.write_bytes).into(),
        reads: totals.reads.into(),
        writes: totals.writes.into(),
        delta_read_sectors: delta.map(|delta| delta.read_sectors).into(),
        delta_write_sectors: delta.map(|delta| delta.write_sectors).into(),
        delta_reads: Packed32::fitting(delta.and_then(|delta| delta.reads)),
        delta_writes: Packed32::fitting(delta.and_then(|delta| delta.writes)),
        delta_read_ms: Packed32::fitting(delta.and_then(|delta| delta.read_ms)),
        delta_write_ms: Packed32::fitting(delta.and_then(|delta| delta.write_ms)),
    }
}

/// T8: at most 64 bytes a sample and group of fields.
const _: () = {
    assert!(size_of::<TimeGroup>() <= 64);
    assert!(size_of::<CpuGroup>() <= 64);
    assert!(size_of::<MemoryGroup>() <= 64);
    assert!(size_of::<SwapGroup>() <= 64);
    assert!(size_of::<IoGroup>() <= 64);
    assert!(size_of::<ProcessGroup>() <= 64);
    assert!(size_of::<NetworkTotalGroup>() <= 64);
    assert!(size_of::<NetworkGrowthGroup>() <= 64);
    assert!(size_of::<SpaceGroup>() <= 64);
    assert!(size_of::<HostGroup>() <= 64);
    assert!(size_of::<PressureGroup>() <= 64);
};
