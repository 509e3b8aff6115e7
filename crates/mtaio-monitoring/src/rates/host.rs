//! The machine as a whole.

use crate::sampling::{RawSample, RawSwapping};

use super::delta::grown_if_known;
use super::disk::busiest_millionths;
use super::packed::{Packed32, Packed64};

/// Levels of the machine, and what it did since the baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in HostStats, which documents them")]
pub struct HostGroup {
    pub uptime_ns: Packed64,
    /// Between the two readings of `/proc/stat`.
    pub elapsed_ns: Packed64,
    pub file_handles_max: Packed64,
    pub file_handles_used: Packed32,
    pub boot_seconds: Packed32,
    pub delta_context_switches: Packed32,
    pub delta_processes_created: Packed32,
    pub processes_blocked: Packed32,
    /// Of the disk for which it is largest.
    pub busiest_disk_millionths: Packed32,
    /// Swapping is read less often than the rest, so it has a time of its own; KiB, because bytes of a minute do not
    /// fit.
    pub swapping_elapsed_ms: Packed32,
    pub delta_swap_in_kib: Packed32,
    pub delta_swap_out_kib: Packed32,
}

pub(super) fn host_group(baseline: Option<&RawSample>, now: &RawSample) -> HostGroup {
    let disks = baseline.and_then(|before| before.disks.as_ref()).zip(now.disks.as_ref());
    let busiest = disks.and_then(|(before, now)| {
        let elapsed_ns = grown_if_known(Some(before.read_at_ns), Some(now.read_at_ns));
        busiest_millionths(&before.value, &now.value, elapsed_ns)
    });
    let of_disks = HostGroup { busiest_disk_millionths: busiest.into(), ..HostGroup::default() };
    let Some(host) = &now.host else { return of_disks };
    let before = baseline.and_then(|before| before.host.as_ref());
    let activity = &host.value.activity;
    let earlier = before.map(|before| before.value.activity);
    let handles = host.value.file_handles;
    let (swapping, swapping_before) = (&host.value.swapping, &host.value.swapping_before);
    let swapped = |bytes: fn(&RawSwapping) -> u64| {
        let bytes_at = |at: &Option<crate::sampling::Timed<RawSwapping>>| at.as_ref().map(|at| bytes(&at.value));
        let grown = grown_if_known(bytes_at(swapping_before), bytes_at(swapping));
        Packed32::fitting(grown.map(|bytes| bytes / 1024))
    };
    let swapping_elapsed_ns = grown_if_known(
        swapping_before.as_ref().map(|before| before.read_at_ns),
        swapping.as_ref().map(|now| now.read_at_ns),
    );
    HostGroup {
        uptime_ns: host.value.uptime_ns.into(),
        elapsed_ns: grown_if_known(before.map(|before| before.read_at_ns), Some(host.read_at_ns)).into(),
        file_handles_max: handles.and_then(|handles| handles.max).into(),
        file_handles_used: Packed32::fitting(handles.map(|handles| handles.used)),
        boot_seconds: Packed32::fitting(activity.boot_seconds),
        delta_context_switches: Packed32::fitting(grown_if_known(
            earlier.and_then(|earlier| earlier.context_switches),
            activity.context_switches,
        )),
        delta_processes_created: Packed32::fitting(grown_if_known(
            earlier.and_then(|earlier| earlier.processes_created),
            activity.processes_created,
        )),
        processes_blocked: Packed32::fitting(activity.processes_blocked),
        swapping_elapsed_ms: Packed32::fitting(swapping_elapsed_ns.map(|elapsed| elapsed / 1_000_000)),
        delta_swap_in_kib: swapped(|swapping| swapping.in_bytes),
        delta_swap_out_kib: swapped(|swapping| swapping.out_bytes),
        ..of_disks
    }
}
