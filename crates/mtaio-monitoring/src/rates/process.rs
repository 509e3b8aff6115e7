//! This process between two readings.

use crate::clock::Instant3;
use crate::sampling::{RawProcess, RawSample, Timed};

use super::delta::grown_if_known;
use super::packed::{Packed32, Packed64};

/// Processor time of this process, and since when it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in ProcessStats, which documents them")]
pub struct ProcessTimeGroup {
    pub cpu_ns: Packed64,
    pub user_ns: Packed64,
    pub system_ns: Packed64,
    pub delta_user_ns: Packed64,
    pub delta_system_ns: Packed64,
    /// Since the epoch.
    pub started_ns: Packed64,
    pub uptime_ns: Packed64,
}

/// Memory of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in ProcessStats, which documents them")]
pub struct ProcessMemoryGroup {
    pub rss_bytes: Packed64,
    pub vms_bytes: Packed64,
    pub shared_bytes: Packed64,
    pub pss_bytes: Packed64,
    pub minor_faults: Packed64,
    pub major_faults: Packed64,
    pub delta_minor_faults: Packed32,
    pub delta_major_faults: Packed32,
}

/// Context switches and descriptors of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in ProcessStats, which documents them")]
pub struct ProcessEventGroup {
    pub voluntary_switches: Packed64,
    pub involuntary_switches: Packed64,
    pub delta_voluntary_switches: Packed32,
    pub delta_involuntary_switches: Packed32,
    pub open_descriptors: Packed64,
    pub descriptor_limit: Packed64,
    /// Nanoseconds between the two readings of what was read and written.
    pub io_elapsed_ns: Packed64,
}

/// What this process read and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in ProcessStats, which documents them")]
pub struct ProcessIoGroup {
    pub read_bytes: Packed64,
    pub written_bytes: Packed64,
    pub rchar: Packed64,
    pub wchar: Packed64,
    pub delta_read_bytes: Packed64,
    pub delta_written_bytes: Packed64,
    pub delta_rchar: Packed64,
    pub delta_wchar: Packed64,
}

/// Of one process: a process that started at another moment is another, whatever its number (P30).
fn same<'a>(
    before: Option<&'a RawSample>,
    now: &RawSample,
) -> (Option<&'a Timed<RawProcess>>, Option<RawProcess>) {
    let now = now.process.as_ref().map(|process| process.value);
    let before = before.and_then(|before| before.process.as_ref());
    let started = |process: RawProcess| process.start_ticks;
    (before.filter(|before| now.is_some_and(|now| started(now) == started(before.value))), now)
}

/// A field of both readings.
fn growth(
    before: Option<&Timed<RawProcess>>,
    now: Option<RawProcess>,
    field: fn(&RawProcess) -> Option<u64>,
) -> Option<u64> {
    grown_if_known(before.and_then(|before| field(&before.value)), now.as_ref().and_then(field))
}

/// Processor time of the process.
#[must_use]
pub(super) fn process_time_group(before: Option<&RawSample>, now: &RawSample) -> ProcessTimeGroup {
    let (before, process) = same(before, now);
    let uptime_ns = process.and_then(|process| now.clock.boottime_ns.checked_sub(process.started_ns?));
    let field = |field: fn(&RawProcess) -> Option<u64>| process.as_ref().and_then(field).into();
    ProcessTimeGroup {
        cpu_ns: field(|process| process.cpu_ns),
        user_ns: field(|process| process.user_ns),
        system_ns: field(|process| process.system_ns),
        delta_user_ns: growth(before, process, |process| process.user_ns).into(),
        delta_system_ns: growth(before, process, |process| process.system_ns).into(),
        started_ns: uptime_ns.and_then(|uptime_ns| started_ns(now.clock, uptime_ns)).into(),
        uptime_ns: uptime_ns.into(),
    }
}

/// On the wall clock as it stands now. Clocks are disciplined a little all the time, and the kernel knows the start to
/// a hundredth of a second, so it is rounded to that: the same process should not seem to start anew all the time.
fn started_ns(clock: Instant3, uptime_ns: u64) -> Option<u64> {
    const TICK_NS: u64 = 10_000_000;
    let started_ns = clock.realtime_ns.checked_sub(uptime_ns)?;
    Some(started_ns.saturating_add(TICK_NS / 2) / TICK_NS * TICK_NS)
}

/// Memory of the process.
#[must_use]
pub(super) fn process_memory_group(before: Option<&RawSample>, now: &RawSample) -> ProcessMemoryGroup {
    let (before, process) = same(before, now);
    let memory = now.process_memory.as_ref().map(|memory| memory.value);
    let field = |field: fn(&RawProcess) -> Option<u64>| process.as_ref().and_then(field).into();
    ProcessMemoryGroup {
        rss_bytes: field(|process| process.rss_bytes),
        vms_bytes: field(|process| process.vms_bytes),
        shared_bytes: memory.and_then(|memory| memory.shared_bytes).into(),
        pss_bytes: memory.and_then(|memory| memory.pss_bytes).into(),
        minor_faults: field(|process| process.minor_faults),
        major_faults: field(|process| process.major_faults),
        delta_minor_faults: Packed32::fitting(growth(before, process, |process| process.minor_faults)),
        delta_major_faults: Packed32::fitting(growth(before, process, |process| process.major_faults)),
    }
}

/// Context switches and descriptors of the process.
#[must_use]
pub(super) fn process_event_group(before: Option<&RawSample>, now: &RawSample) -> ProcessEventGroup {
    let io_elapsed = grown_if_known(
        before.and_then(|before| before.process_io.as_ref()).map(|io| io.read_at_ns),
        now.process_io.as_ref().map(|io| io.read_at_ns),
    );
    let descriptors = now.descriptors.as_ref().map(|descriptors| descriptors.value);
    let (before, process) = same(before, now);
    let field = |field: fn(&RawProcess) -> Option<u64>| process.as_ref().and_then(field).into();
    ProcessEventGroup {
        voluntary_switches: field(|process| process.voluntary_switches),
        involuntary_switches: field(|process| process.involuntary_switches),
        delta_voluntary_switches: Packed32::fitting(growth(before, process, |process| process.voluntary_switches)),
        delta_involuntary_switches: Packed32::fitting(growth(before, process, |process| {
            process.involuntary_switches
        })),
        open_descriptors: descriptors.and_then(|descriptors| descriptors.open).into(),
        descriptor_limit: descriptors.and_then(|descriptors| descriptors.limit).into(),
        io_elapsed_ns: io_elapsed.into(),
    }
}

/// What the process read and wrote.
#[must_use]
pub(super) fn process_io_group(before: Option<&RawSample>, now: &RawSample) -> ProcessIoGroup {
    let before = before.and_then(|before| before.process_io.as_ref()).map(|io| io.value).unwrap_or_default();
    let now = now.process_io.as_ref().map(|io| io.value).unwrap_or_default();
    ProcessIoGroup {
        read_bytes: now.read_bytes.into(),
        written_bytes: now.written_bytes.into(),
        rchar: now.rchar.into(),
        wchar: now.wchar.into(),
        delta_read_bytes: grown_if_known(before.read_bytes, now.read_bytes).into(),
        delta_written_bytes: grown_if_known(before.written_bytes, now.written_bytes).into(),
        delta_rchar: grown_if_known(before.rchar, now.rchar).into(),
        delta_wchar: grown_if_known(before.wchar, now.wchar).into(),
    }
}

/// T8: at most 64 bytes a sample and group of fields.
const _: () = {
    assert!(size_of::<ProcessTimeGroup>() <= 64);
    assert!(size_of::<ProcessMemoryGroup>() <= 64);
    assert!(size_of::<ProcessEventGroup>() <= 64);
    assert!(size_of::<ProcessIoGroup>() <= 64);
};
