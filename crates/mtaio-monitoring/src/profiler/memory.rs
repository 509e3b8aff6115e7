//! The process's resident memory, at most ten milliseconds old.
//!
//! One exact reading is a system call and costs more than a whole trace; so whoever finds the last one too old takes
//! the next, and all others use it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::clock::FastClock;
use crate::lock::Mutex;
use crate::sampling::ResidentMemory;

/// How old a reading may be.
const MAX_AGE_NS: u64 = 10_000_000;

#[derive(Debug)]
pub(super) struct Memory {
    kib: AtomicU32,
    /// The moment after which it is too old.
    fresh_until: AtomicU64,
    max_age_ticks: u64,
    reader: Mutex<ResidentMemory>,
}

impl Memory {
    pub(super) fn new(clock: &FastClock) -> Self {
        let memory = Self {
            kib: AtomicU32::new(0),
            fresh_until: AtomicU64::new(0),
            max_age_ticks: clock.ticks_in(MAX_AGE_NS),
            reader: Mutex::default(),
        };
        memory.read(clock.ticks());
        memory
    }

    /// Resident KiB; 0 where the system does not say.
    #[inline]
    pub(super) fn kib(&self, now: u64) -> u32 {
        if now > self.fresh_until.load(Ordering::Relaxed) {
            self.read(now);
        }
        self.kib.load(Ordering::Relaxed)
    }

    #[cold]
    fn read(&self, now: u64) {
        // Another thread that is reading gives its figure in a moment; nobody waits for it.
        if let Some(mut reader) = self.reader.try_lock() {
            self.fresh_until.store(now.saturating_add(self.max_age_ticks), Ordering::Relaxed);
            let bytes = reader.bytes().unwrap_or(0);
            self.kib.store(u32::try_from(bytes / 1024).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
    }
}
