//! A small number for each thread that records, so that it can own a part of every series.
//!
//! A thread keeps its number until it ends, and no two living threads have the same one. What is indexed by the
//! number therefore has a single writer at a time, and plain loads and stores do where others need locked
//! instructions. When a thread ends its number goes to the next one: the release that gives it back and the
//! acquire that takes it make the old owner's stores visible to the new.
//!
//! There are [`SLOTS`] numbers. The threads beyond get none, and share.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many threads can have a number at the same time.
pub(super) const SLOTS: usize = u64::BITS as usize;

/// The present thread's number, below [`SLOTS`]; `None` when all were taken on its first call, and while the thread
/// is being torn down.
#[inline]
pub(super) fn current() -> Option<usize> {
    let slot = SLOT.get();
    if (slot as usize) < SLOTS {
        return Some(slot as usize);
    }
    first_call(slot)
}

const UNASSIGNED: u8 = u8::MAX;
const NONE: u8 = u8::MAX - 1;

/// A set bit is a number that no thread has. A process that forks loses those of the threads that it left behind.
static FREE: AtomicU64 = AtomicU64::new(u64::MAX);

thread_local! {
    // Two variables, because one that has a destructor costs a check on every access.
    static SLOT: Cell<u8> = const { Cell::new(UNASSIGNED) };
    static LEASE: Lease = Lease::take();
}

#[cold]
fn first_call(slot: u8) -> Option<usize> {
    if slot == NONE {
        return None;
    }
    // Fails when the thread is ending and its lease is over.
    let slot = LEASE.try_with(|lease| lease.0).unwrap_or(NONE);
    SLOT.set(slot);
    (slot != NONE).then_some(slot as usize)
}

struct Lease(u8);

impl Lease {
    fn take() -> Self {
        let taken = FREE.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
            // Clears the lowest set bit, so that few threads means low numbers; of none, gives up.
            (free != 0).then(|| free & (free - 1))
        });
        Self(taken.map_or(NONE, |free| free.trailing_zeros() as u8))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // First, for destructors that run after this one may record as well.
        SLOT.set(NONE);
        if self.0 != NONE {
            FREE.fetch_or(1 << self.0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    use super::{SLOTS, current};

    #[test]
    fn living_threads_have_different_numbers_and_ended_ones_give_theirs_back() {
        let crowd = SLOTS / 2;
        for _ in 0..10 {
            let all_alive = Barrier::new(crowd);
            let numbers: Vec<_> = thread::scope(|scope| {
                let look = || {
                    let number = current();
                    all_alive.wait();
                    assert_eq!(current(), number);
                    number
                };
                let threads: Vec<_> = (0..crowd).map(|_| scope.spawn(look)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            // `join`, unlike the end of the scope, waits for a thread's destructors.
            assert!(numbers.iter().all(Option::is_some));
            assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), crowd);
        }
    }
}
