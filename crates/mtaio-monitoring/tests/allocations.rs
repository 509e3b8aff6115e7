//! Counts what one thread allocates, so that "allocates nothing", or no more than so much, can be shown while other
//! tests run beside it. The fuzzer uses it too.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// How many times this thread allocates, or enlarges what it has, while `work` runs.
#[allow(dead_code, reason = "the fuzzer counts bytes only")]
pub(crate) fn during(work: impl FnOnce()) -> u64 {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

/// How many bytes this thread holds at its most while `work` runs, above those that it holds before.
pub(crate) fn most_bytes_during(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    MOST.set(before);
    work();
    usize::try_from(MOST.get() - before).unwrap_or(0)
}

thread_local! {
    // Constants without a destructor: reading them allocates nothing, which an allocator must not do.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Below 0 in a thread that frees what another one has allocated.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// A thread that is ending has no counters any more, and nobody who would read them.
fn count(bytes: usize) {
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    let _ = HELD.try_with(|held| {
        held.set(held.get().wrapping_add_unsigned(bytes));
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

fn uncount(bytes: usize) {
    let _ = HELD.try_with(|held| held.set(held.get().wrapping_sub_unsigned(bytes)));
}

#[allow(unsafe_code, reason = "only an allocator sees every allocation, and its trait is unsafe")]
// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory that it manages.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of this same method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of this same method.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both blocks are there while one is copied to the other.
        count(new_size);
        uncount(layout.size());
        // SAFETY: the caller keeps the contract of this same method.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        uncount(layout.size());
        // SAFETY: the caller keeps the contract of this same method.
        unsafe { System.dealloc(block, layout) }
    }
}
