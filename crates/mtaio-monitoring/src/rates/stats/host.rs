//! The machine as a whole, as a reader sees it.

use super::per_second;
use crate::rates::host::HostGroup;
use crate::rates::packed::Packed32;

/// The machine as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostStats {
    /// Seconds since boot, those asleep included.
    pub uptime_seconds: Option<f64>,
    /// When it booted, in seconds since the epoch.
    pub boot_time: Option<f64>,
    /// Context switches a second, on all processors together.
    pub context_switches_per_second: Option<f64>,
    /// Processes and threads made a second.
    pub processes_created_per_second: Option<f64>,
    /// Tasks that wait for a device, and cannot be interrupted.
    pub processes_blocked: Option<u32>,
    /// File handles in use.
    pub file_handles_used: Option<u32>,
    /// How many there may be; `None` where there is no limit.
    pub file_handles_max: Option<u64>,
    /// Bytes a second read back from swap, over the last 10 s at least.
    pub swap_in_bytes_per_second: Option<f64>,
    /// Bytes a second written to swap, over the last 10 s at least.
    pub swap_out_bytes_per_second: Option<f64>,
}

pub(super) fn host_stats(host: &HostGroup) -> HostStats {
    let rate = |growth: Packed32| per_second(growth.get().map(u64::from), host.elapsed_ns.get());
    let swapping_ns = host.swapping_elapsed_ms.get().map(|elapsed| u64::from(elapsed) * 1_000_000);
    let swapped = |kib: Packed32| per_second(kib.get().map(|kib| u64::from(kib) * 1024), swapping_ns);
    HostStats {
        uptime_seconds: host.uptime_ns.get().map(|uptime| uptime as f64 / 1e9),
        boot_time: host.boot_seconds.get().map(f64::from),
        context_switches_per_second: rate(host.delta_context_switches),
        processes_created_per_second: rate(host.delta_processes_created),
        processes_blocked: host.processes_blocked.get(),
        file_handles_used: host.file_handles_used.get(),
        file_handles_max: host.file_handles_max.get(),
        swap_in_bytes_per_second: swapped(host.delta_swap_in_kib),
        swap_out_bytes_per_second: swapped(host.delta_swap_out_kib),
    }
}
