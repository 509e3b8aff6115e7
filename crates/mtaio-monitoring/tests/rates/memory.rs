//! P11, P12, P14: how much memory there is to be had.

use mtaio_monitoring::rates::available_bytes;
use mtaio_monitoring::sampling::RawMemory;

use super::{at, stats, with_memory};
use crate::machine::GIB;

const MIB: u64 = 1 << 20;

/// An old kernel: everything that the formula needs and no `MemAvailable`.
fn old_kernel() -> RawMemory {
    RawMemory {
        total: Some(8 * GIB),
        free: Some(GIB),
        active_file: Some(2 * GIB),
        inactive_file: Some(GIB),
        slab_reclaimable: Some(100 * MIB),
        cached: Some(4 * GIB),
        shmem: Some(GIB),
        low_watermark: Some(60 * MIB),
        ..RawMemory::default()
    }
}

#[test]
fn p11_without_the_kernels_estimate_its_formula_is_used() {
    // free - low + 3 GiB of files less the watermark + 100 MiB of slab less half of it, which is below the watermark.
    let expected = (GIB - 60 * MIB) + (3 * GIB - 60 * MIB) + (100 * MIB - 50 * MIB);
    assert_eq!(available_bytes(&old_kernel()), Some(expected));
}

#[test]
fn p11_a_kernel_that_does_not_split_its_lists_has_its_cache_less_what_is_shared() {
    let raw = RawMemory { active_file: None, low_watermark: None, slab_reclaimable: None, ..old_kernel() };
    assert_eq!(available_bytes(&raw), Some(GIB + 3 * GIB));
}

#[test]
fn p11_a_watermark_above_what_is_free_takes_nothing_below_zero() {
    let raw = RawMemory { free: Some(10 * MIB), ..old_kernel() };
    let expected = (3 * GIB - 60 * MIB) + 50 * MIB;
    assert_eq!(available_bytes(&raw), Some(expected));
}

#[test]
fn p12_an_estimate_of_zero_is_not_believed() {
    let raw = RawMemory { available: Some(0), ..old_kernel() };
    assert_eq!(available_bytes(&raw), available_bytes(&old_kernel()));
    // With nothing to compute another one from, it is what there is.
    let raw = RawMemory { available: Some(0), total: Some(GIB), ..RawMemory::default() };
    assert_eq!(available_bytes(&raw), Some(0));
}

#[test]
fn p12_more_available_than_there_is_means_free() {
    let raw = RawMemory { available: Some(9 * GIB), ..old_kernel() };
    assert_eq!(available_bytes(&raw), Some(GIB));
}

#[test]
fn p12_an_estimate_is_never_above_the_total() {
    let raw = RawMemory { total: Some(2 * GIB), ..old_kernel() };
    assert_eq!(available_bytes(&raw), Some(2 * GIB));
}

#[test]
fn p14_used_is_total_less_available_and_the_parts_stand_beside_it() {
    let raw = RawMemory {
        total: Some(8 * GIB),
        available: Some(6 * GIB),
        free: Some(GIB),
        buffers: Some(MIB),
        swap_total: Some(4 * GIB),
        swap_free: Some(3 * GIB),
        ..RawMemory::default()
    };
    // Levels need no baseline with memory in it.
    let memory = stats(&at(10), &with_memory(at(11), raw)).memory;
    assert_eq!(memory.used, Some(2 * GIB));
    assert_eq!(memory.percent, Some(25.0));
    assert_eq!((memory.free, memory.buffers), (Some(GIB), Some(MIB)));
    assert_eq!(memory.swap_used, Some(GIB));
    assert_eq!(memory.cached, None, "not printed, so not 0");
}

#[test]
fn a_machine_whose_total_is_unknown_has_no_share() {
    let raw = RawMemory { total: None, ..old_kernel() };
    let memory = stats(&at(10), &with_memory(at(11), raw)).memory;
    assert_eq!((memory.available, memory.used, memory.percent), (None, None, None));
    assert_eq!(memory.free, Some(GIB));
    let nothing = RawMemory { total: Some(0), available: Some(0), free: Some(0), ..RawMemory::default() };
    assert_eq!(stats(&at(10), &with_memory(at(11), nothing)).memory.percent, None);
}
