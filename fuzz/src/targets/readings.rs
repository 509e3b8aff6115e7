//! Any two readings, well-formed by their types and by nothing else, made into statistics.

use std::sync::Arc;

use mtaio_monitoring::clock::Instant3;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::rates::{Details, Interval, SystemStats};
use mtaio_monitoring::sampling::{
    CgroupVersion, CpuTimes, DiskKind, InterfaceKind, RawActivity, RawContainer, RawContainerIo,
    RawContainerSeldom, RawCpu, RawDescriptors, RawDisk, RawDisks, RawFileHandles, RawFilesystem, RawFilesystems,
    RawHost, RawInterface, RawLoad, RawMemory, RawMemoryEvents, RawNetwork, RawPressure, RawPressures, RawProcess,
    RawProcessIo, RawProcessMemory, RawQuota, RawSample, RawSpace, RawStall, RawSwapping, RawThrottling,
    RawTraffic, RawTree, Timed, TreeCounters,
};

/// Makes two readings of the bytes, often two that resemble each other, and holds every number of them to its bounds.
pub(super) fn check(input: &[u8]) {
    let mut bytes = Bytes(input);
    let before = Option::<RawSample>::drawn(&mut bytes);
    let now = RawSample::drawn(&mut bytes);
    hold(before.as_ref(), &now);
    // The same machine an instant later, and the other way round in time.
    let mut later = now.clone();
    later.clock.monotonic_ns = later.clock.monotonic_ns.saturating_add(u64::drawn(&mut bytes));
    hold(Some(&now), &later);
    hold(Some(&later), &now);
}

fn hold(before: Option<&RawSample>, now: &RawSample) {
    let mut interval = Interval::between(before, now);
    let mut stats = SystemStats::from(&interval);
    hold_metrics(&stats, MAY_EXCEED_A_WHOLE);
    Details::between(before, now).complete(&mut stats);
    // Fields of lists have no place in the catalogue; every one of them is in this text.
    let text = format!("{stats:?}");
    for wrong in ["NaN", "inf", "(-", ": -"] {
        assert!(!text.contains(wrong), "{wrong} in {text}");
    }
    // In a container the unqualified shares are those of its limits.
    interval.container.cpu.sets_scope = true;
    hold_metrics(&SystemStats::from(&interval), &[MAY_EXCEED_A_WHOLE, &["cpu_usage", "memory_usage"]].concat());
}

fn hold_metrics(stats: &SystemStats, may_exceed_a_whole: &[&str]) {
    for metric in BuiltIn::ALL {
        let Some(value) = stats.value(*metric) else { continue };
        let description = metric.description();
        assert!(value.is_finite() && value >= 0.0, "{} is {value}", description.name);
        let is_bounded = description.unit == "%" && !may_exceed_a_whole.contains(&description.name);
        assert!(!is_bounded || value <= 100.0, "{} is {value} %", description.name);
    }
}

/// Shares of something that can be exceeded, and so are not clamped (P42): of a limit in a burst, or that has just been
/// lowered, and of one processor by several threads.
const MAY_EXCEED_A_WHOLE: &[&str] = &[
    "container_cpu_usage_percent",
    "container_memory_usage_percent",
    "process_cpu_percent",
    "process_cpu_system_percent",
    "process_cpu_user_percent",
];

/// What is left of the input; 0 for ever after its end.
struct Bytes<'a>(&'a [u8]);

/// What can be made of bytes.
trait Drawn: Sized {
    fn drawn(bytes: &mut Bytes<'_>) -> Self;
}

impl Drawn for u8 {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        let Some((first, rest)) = bytes.0.split_first() else { return 0 };
        bytes.0 = rest;
        *first
    }
}

impl Drawn for u64 {
    /// The numbers at which arithmetic goes wrong are a byte long, others two or nine.
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        let how = u8::drawn(bytes);
        match how {
            0..=99 => Self::from(how),
            100..=139 => Self::from(u8::drawn(bytes)) << (how - 100),
            140..=159 => Self::MAX - Self::from(how - 140),
            160..=179 => (1 << 32) - Self::from(how - 160),
            180..=199 => (1 << 32) + Self::from(how - 180),
            200..=219 => (1 << 63) - Self::from(how - 200),
            _ => (0..8).fold(0, |number, _| number << 8 | Self::from(u8::drawn(bytes))),
        }
    }
}

impl Drawn for u32 {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        u64::drawn(bytes) as Self
    }
}

impl Drawn for bool {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        u8::drawn(bytes).is_multiple_of(2)
    }
}

impl Drawn for String {
    /// One of few, so that the same name stands in both readings.
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        ["", "sda", "sdb", "dm 0", "eth0", "lo"][usize::from(u8::drawn(bytes) % 6)].to_owned()
    }
}

impl<T: Drawn> Drawn for Option<T> {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        (u8::drawn(bytes) % 8 != 7).then(|| T::drawn(bytes))
    }
}

impl<T: Drawn> Drawn for Vec<T> {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        (0..u8::drawn(bytes) % 5).map(|_| T::drawn(bytes)).collect()
    }
}

impl<T: Drawn> Drawn for Arc<[T]> {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        Vec::drawn(bytes).into()
    }
}

impl<T: Drawn, const N: usize> Drawn for [T; N] {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        std::array::from_fn(|_| T::drawn(bytes))
    }
}

impl<A: Drawn, B: Drawn> Drawn for (A, B) {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        (A::drawn(bytes), B::drawn(bytes))
    }
}

impl Drawn for CpuTimes {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        Self(Drawn::drawn(bytes))
    }
}

impl Drawn for DiskKind {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        [Self::Whole, Self::Whole, Self::Partition, Self::Stacked, Self::Virtual]
            [usize::from(u8::drawn(bytes) % 5)]
    }
}

impl Drawn for InterfaceKind {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        use InterfaceKind::{Loopback, Member, Physical, Stacked, Virtual};
        [Physical, Loopback, Virtual, Member, Stacked][usize::from(u8::drawn(bytes) % 5)]
    }
}

impl Drawn for CgroupVersion {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        [Self::V1, Self::V2, Self::Hybrid][usize::from(u8::drawn(bytes) % 3)]
    }
}

impl Drawn for RawQuota {
    /// The parser refuses a period of 0.
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        Self { quota_us: Drawn::drawn(bytes), period_us: u64::drawn(bytes).max(1) }
    }
}

impl<T: Drawn> Drawn for Timed<T> {
    fn drawn(bytes: &mut Bytes<'_>) -> Self {
        Self { read_at_ns: Drawn::drawn(bytes), value: Drawn::drawn(bytes) }
    }
}

/// Structs, field by field: one that is not told here does not compile.
macro_rules! drawn {
    ($($struct:ident { $($field:ident)* })*) => {
        $(impl Drawn for $struct {
            fn drawn(bytes: &mut Bytes<'_>) -> Self {
                Self { $($field: Drawn::drawn(bytes)),* }
            }
        })*
    };
}

drawn! {
    RawSample {
        clock cpu load memory disks process network filesystems host container process_io descriptors process_memory
        tree pressure container_pressure
    }
    Instant3 { monotonic_ns boottime_ns realtime_ns }
    RawCpu { total cores }
    RawLoad { hundredths running_threads total_threads }
    RawMemory {
        total free available buffers cached active_file inactive_file slab_reclaimable shmem swap_total swap_free
        low_watermark arc_shrinkable
    }
    RawDisk {
        name device kind reads read_sectors read_ms writes write_sectors write_ms in_flight busy_ms weighted_ms discards
        discard_sectors flushes flush_ms
    }
    RawDisks { devices }
    RawProcess {
        threads cpu_ns start_ticks started_ns user_ns system_ns minor_faults major_faults voluntary_switches
        involuntary_switches rss_bytes vms_bytes
    }
    RawNetwork { interfaces }
    RawInterface { name index kind received transmitted }
    RawTraffic { bytes packets errors drops }
    RawFilesystems { mounts }
    RawFilesystem { mount_point source kind read_only space }
    RawSpace { total_bytes free_bytes available_bytes inodes free_inodes }
    RawHost { uptime_ns activity file_handles swapping swapping_before }
    RawActivity { context_switches boot_seconds processes_created processes_blocked }
    RawFileHandles { used max }
    RawSwapping { in_bytes out_bytes }
    RawContainer { generation version cpu_usage_ns throttling memory_usage memory_events seldom }
    RawThrottling { level periods throttled_periods throttled_ns }
    RawMemoryEvents { oom_kills high max }
    RawContainerSeldom {
        cpu_quota cpuset_cpus affinity_cpus memory_limit memory_high inactive_file swap_usage pids pids_limit io
        io_before
    }
    RawContainerIo { read_bytes write_bytes reads writes }
    RawProcessIo { rchar wchar read_bytes write_bytes cancelled_write_bytes written_bytes }
    RawDescriptors { open limit }
    RawProcessMemory { shared_bytes pss_bytes }
    RawTree { processes threads rss_bytes open_descriptors by_cgroup counters earlier }
    TreeCounters { read_at_ns cpu_ns read_bytes written_bytes }
    RawPressures { cpu memory io irq generation }
    RawPressure { some full }
    RawStall { average_hundredths total_us }
}
