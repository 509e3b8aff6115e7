//! Memory, as a reader sees it.

use super::ratio;
use crate::rates::interval::{MemoryGroup, SwapGroup};

/// Memory, in bytes. `total`, `available`, `used` and `percent` are of what this process may use: with `scope="auto"`
/// and a memory limit below what the machine has, of that limit. All other fields are the machine's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryStats {
    /// Usable memory: the limit, or `host_total`.
    pub total: Option<u64>,
    /// `total - used` of a limit, or `host_available`.
    pub available: Option<u64>,
    /// The working set of the own control group where there is a limit, or `host_used`.
    pub used: Option<u64>,
    /// `100 * used / total`. Of the machine 0–100; a group may be above its limit for a while.
    pub percent: Option<f64>,
    /// Not used for anything.
    pub free: Option<u64>,
    /// Cache of block devices.
    pub buffers: Option<u64>,
    /// Cache of files, and shared memory.
    pub cached: Option<u64>,
    /// Kernel caches that can be given back.
    pub slab_reclaimable: Option<u64>,
    /// What ZFS' cache gives back when programs want it; `None` without ZFS, and inside LXC. Part of `host_available`, unless
    /// the monitor was told otherwise.
    pub arc_shrinkable: Option<u64>,
    /// Shared memory and tmpfs: counted in `cached`, and cannot be given back.
    pub shmem: Option<u64>,
    /// Size of the swap space.
    pub swap_total: Option<u64>,
    /// Free swap space.
    pub swap_free: Option<u64>,
    /// `swap_total - swap_free`.
    pub swap_used: Option<u64>,
    /// Usable memory of the machine.
    pub host_total: Option<u64>,
    /// What programs can get without swapping (the kernel's estimate, and `arc_shrinkable`).
    pub host_available: Option<u64>,
    /// `host_total - host_available`.
    pub host_used: Option<u64>,
    /// `100 * host_used / host_total`; 0–100.
    pub host_percent: Option<f64>,
}

pub(super) fn memory_stats(memory: &MemoryGroup, swap: &SwapGroup) -> MemoryStats {
    let total = memory.total.get();
    let available = memory.available.get();
    let used = total.zip(available).map(|(total, available)| total.saturating_sub(available));
    let percent = ratio(used, total).map(|share| 100.0 * share);
    let swap_total = swap.total.get();
    let swap_free = swap.free.get();
    MemoryStats {
        total,
        available,
        used,
        percent,
        free: memory.free.get(),
        buffers: memory.buffers.get(),
        cached: memory.cached.get(),
        slab_reclaimable: memory.slab_reclaimable.get(),
        arc_shrinkable: memory.arc_shrinkable.get(),
        shmem: memory.shmem.get(),
        swap_total,
        swap_free,
        swap_used: swap_total.zip(swap_free).map(|(total, free)| total.saturating_sub(free)),
        host_total: total,
        host_available: available,
        host_used: used,
        host_percent: percent,
    }
}
