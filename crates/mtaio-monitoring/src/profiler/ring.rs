//! The ring in which a thread leaves its finished records, and from which whoever holds the recorder's lock takes them.
//!
//! The obvious ways are a lock (two atomic read-modify-writes a trace, for a thread that is nearly always alone) or raw
//! memory with `unsafe` around it. Records are plain words, so the ring is made of atomic words: relaxed stores and loads
//! are ordinary moves, and only the two positions order anything. One thread pushes; one at a time drains.

use super::atomic::{AtomicU64, Ordering};

/// A bounded queue of `WORDS`-word records, one writer and one reader at a time.
#[derive(Debug)]
pub(super) struct Ring<const WORDS: usize> {
    words: Box<[AtomicU64]>,
    /// Records pushed so far. Written by the thread that pushes.
    pushed: AtomicU64,
    /// Records drained so far. Written by whoever drains.
    drained: AtomicU64,
    mask: u64,
}

impl<const WORDS: usize> Ring<WORDS> {
    /// A ring of `capacity` records, a power of two.
    pub(super) fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two(), "positions are masked");
        Self {
            words: (0..capacity * WORDS).map(|_| AtomicU64::new(0)).collect(),
            pushed: AtomicU64::new(0),
            drained: AtomicU64::new(0),
            mask: capacity as u64 - 1,
        }
    }

    /// Puts a record in. False where the ring is full. Only one thread may push.
    #[inline]
    pub(super) fn push(&self, record: [u64; WORDS]) -> bool {
        let pushed = self.pushed.load(Ordering::Relaxed);
        // Acquire: what the reader read at a place happened before it is written again.
        if pushed - self.drained.load(Ordering::Acquire) > self.mask {
            return false;
        }
        let place = (pushed & self.mask) as usize * WORDS;
        for (word, value) in self.words[place..place + WORDS].iter().zip(record) {
            word.store(value, Ordering::Relaxed);
        }
        // Release: whoever sees the position sees the words.
        self.pushed.store(pushed + 1, Ordering::Release);
        true
    }

    /// Takes out everything that is in, oldest first. Only one at a time may drain.
    pub(super) fn drain(&self, mut take: impl FnMut([u64; WORDS])) {
        let pushed = self.pushed.load(Ordering::Acquire);
        let mut drained = self.drained.load(Ordering::Relaxed);
        while drained < pushed {
            let place = (drained & self.mask) as usize * WORDS;
            let mut record = [0; WORDS];
            for (value, word) in record.iter_mut().zip(&self.words[place..place + WORDS]) {
                *value = word.load(Ordering::Relaxed);
            }
            drained += 1;
            self.drained.store(drained, Ordering::Release);
            take(record);
        }
    }
}
