//! Memory, as a reader sees it.

use super::ratio;
use crate::rates::interval::{MemoryGroup, SwapGroup};

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryStats {
    /// Usable memory.
    pub total: Option<u64>,
    /// What programs can get without swapping (the kernel's estimate).
    pub available: Option<u64>,
    /// `total - available`.
    pub used: Option<u64>,
    /// `100 * used / total`; 0–100.
    pub percent: Option<f64>,
    /// Not used for anything.
    pub free: Option<u64>,
    /// Cache of block devices.
    pub buffers: Option<u64>,
    /// Cache of files, and shared memory.
    pub cached: Option<u64>,
    /// Kernel caches that can be given back.
    pub slab_reclaimable: Option<u64>,
    /// Shared memory and tmpfs: counted in `cached`, and cannot be given back.
    pub shmem: Option<u64>,
    /// Size of the swap space.
    pub swap_total: Option<u64>,
    /// Free swap space.
    pub swap_free: Option<u64>,
    /// `swap_total - swap_free`.
    pub swap_used: Option<u64>,
}

pub(super) fn memory_stats(memory: &MemoryGroup, swap: &SwapGroup) -> MemoryStats {
    let total = memory.total.get();
    let available = memory.available.get();
    let used = total.zip(available).map(|(total, available)| total.saturating_sub(available));
    let swap_total = swap.total.get();
    let swap_free = swap.free.get();
    MemoryStats {
        total,
        available,
        used,
        percent: ratio(used, total).map(|share| 100.0 * share),
        free: memory.free.get(),
        buffers: memory.buffers.get(),
        cached: memory.cached.get(),
        slab_reclaimable: memory.slab_reclaimable.get(),
        shmem: memory.shmem.get(),
        swap_total,
        swap_free,
        swap_used: swap_total.zip(swap_free).map(|(total, free)| total.saturating_sub(free)),
    }
}
