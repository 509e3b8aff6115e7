//! The ring in which a thread leaves its finished records, and from which whoever holds the recorder's lock takes them.
//!
//! The obvious ways are a lock (two atomic read-modify-writes a trace, for a thread that is nearly always alone) or raw
//! memory with `unsafe` around it. Records are plain words, so the ring is made of atomic words: relaxed stores and loads
//! are ordinary moves, and only the two positions order anything. One thread pushes; one at a time drains.

use super::atomic::{AtomicU64, Ordering};

/// A bounded queue of `CAPACITY` records of `WORDS` words, one writer and one reader at a time.
///
/// The capacity is a power of two and part of the type: a masked place then needs no check of its bounds.
#[derive(Debug)]
pub(super) struct Ring<const WORDS: usize, const CAPACITY: usize> {
    records: Box<[[AtomicU64; WORDS]; CAPACITY]>,
    /// Records pushed so far. Written by the thread that pushes.
    pushed: AtomicU64,
    /// Records drained so far. Written by whoever drains.
    drained: AtomicU64,
}

impl<const WORDS: usize, const CAPACITY: usize> Ring<WORDS, CAPACITY> {
    pub(super) fn new() -> Self {
        const { assert!(CAPACITY.is_power_of_two(), "positions are masked") }
        let record = |_| std::array::from_fn(|_| AtomicU64::new(0));
        let records: Box<[[AtomicU64; WORDS]]> = (0..CAPACITY).map(record).collect();
        Self {
            records: records.try_into().expect("as many as were asked for"),
            pushed: AtomicU64::new(0),
            drained: AtomicU64::new(0),
        }
    }

    /// Puts a record in. False where the ring is full. Only one thread may push.
    #[inline]
    pub(super) fn push(&self, record: &[u64; WORDS]) -> bool {
        let pushed = self.pushed.load(Ordering::Relaxed);
        // Acquire: what the reader read at a place happened before it is written again.
        if pushed.wrapping_sub(self.drained.load(Ordering::Acquire)) >= CAPACITY as u64 {
            return false;
        }
        for (word, value) in self.records[pushed as usize % CAPACITY].iter().zip(record) {
            word.store(*value, Ordering::Relaxed);
        }
        // Release: whoever sees the position sees the words.
        self.pushed.store(pushed + 1, Ordering::Release);
        true
    }

    /// Takes out everything that is in, oldest first. Only one at a time may drain.
    #[inline]
    pub(super) fn drain(&self, mut take: impl FnMut([u64; WORDS])) {
        let pushed = self.pushed.load(Ordering::Acquire);
        let mut drained = self.drained.load(Ordering::Relaxed);
        while drained < pushed {
            let words = &self.records[drained as usize % CAPACITY];
            let record = std::array::from_fn(|word| words[word].load(Ordering::Relaxed));
            drained += 1;
            // Release: these reads happened before the place is written again. One by one, so that a panic of whoever
            // takes them loses one record and doubles none.
            self.drained.store(drained, Ordering::Release);
            take(record);
        }
    }
}
