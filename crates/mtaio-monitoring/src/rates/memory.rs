//! How much memory there is to be had.

use crate::sampling::RawMemory;

/// Bytes that programs can get without swapping.
///
/// The kernel's own estimate where it is sound. Where it is missing (Linux < 3.14, P11) or 0 although memory is free
/// (P12), the kernel's formula for it (`si_mem_available` in `mm/show_mem.c`) over the printed parts. Above the total, as some
/// LXC set-ups print it, `MemFree` (P12).
#[must_use]
pub fn available_bytes(raw: &RawMemory) -> Option<u64> {
    let total = raw.total?;
    match raw.available {
        Some(available) if available > total => raw.free.map(|free| free.min(total)),
        Some(available) if available > 0 => Some(available),
        _ => estimate(raw).map(|estimate| estimate.min(total)).or(raw.available),
    }
}

/// free − low + (page cache − min(half of it, low)) + (reclaimable slab − min(half of it, low)).
fn estimate(raw: &RawMemory) -> Option<u64> {
    let free = raw.free?;
    let low = raw.low_watermark.unwrap_or(0);
    let without_floor = |bytes: u64| bytes - (bytes / 2).min(low);
    // Before 2.6.28 the kernel did not split the lists; then the cache less what is shared memory is the best guess.
    let page_cache = match (raw.active_file, raw.inactive_file) {
        (Some(active), Some(inactive)) => active.saturating_add(inactive),
        _ => raw.cached.unwrap_or(0).saturating_sub(raw.shmem.unwrap_or(0)),
    };
    let slab = raw.slab_reclaimable.unwrap_or(0);
    Some(free.saturating_sub(low).saturating_add(without_floor(page_cache)).saturating_add(without_floor(slab)))
}
