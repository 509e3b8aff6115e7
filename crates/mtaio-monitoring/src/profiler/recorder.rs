//! Where traces are written: a shard a thread, so that no two threads write the same cache line.
//!
//! The obvious recorder is one list behind one lock, and every thread of a service then queues for it twice a trace. A
//! shard is locked too, but by its own thread alone, save when somebody takes a snapshot or ends a trace that another
//! thread began; an uncontended lock is a few nanoseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::clock::{Clock, FastClock};
use crate::lock::Mutex;

use super::finished::Finished;
use super::names::{NameId, Names};
use super::record::{Record, Status};

/// Finished traces that a thread keeps to itself before it hands them over.
const BATCH: usize = 256;

static NEXT_RECORDER: AtomicU64 = AtomicU64::new(1);
static NEXT_SHARD: AtomicU32 = AtomicU32::new(1);

/// Begins, ends and keeps the traces of one profiler.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) id: u64,
    pub(super) names: Names,
    pub(super) clock: FastClock,
    /// Nanoseconds since the epoch at the fast clock's zero.
    pub(super) epoch_ns: u64,
    capacity: usize,
    shards: Mutex<Vec<Arc<Shard>>>,
    finished: Mutex<Finished>,
}

/// One thread's traces.
#[derive(Debug)]
pub(super) struct Shard {
    thread: u32,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Traces begun so far: the low half of the next id.
    begun: u64,
    /// Counts resets: a trace that began before one is not counted after it.
    generation: u32,
    open: Vec<Record>,
    /// Places of `open` that are free.
    free: Vec<u32>,
    done: Vec<Record>,
}

/// A trace that is open: where its record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) id: u64,
    index: u32,
    generation: u32,
}

impl Recorder {
    pub(super) fn new(capacity: usize, clock: &Clock) -> Self {
        let fast = clock.fast();
        let epoch_ns = clock.now().realtime_ns.saturating_sub(fast.nanoseconds(fast.ticks()));
        Self {
            id: NEXT_RECORDER.fetch_add(1, Ordering::Relaxed),
            names: Names::new(),
            epoch_ns,
            capacity,
            shards: Mutex::default(),
            finished: Mutex::new(Finished::new(capacity, &fast)),
            clock: fast,
        }
    }

    /// A shard for a thread that has none yet.
    pub(super) fn new_shard(&self) -> Arc<Shard> {
        let thread = NEXT_SHARD.fetch_add(1, Ordering::Relaxed);
        let shard = Arc::new(Shard { thread, inner: Mutex::default() });
        let mut shards = self.shards.lock();
        // A thread that has ended leaves a shard that only this list holds: what it still had is taken over.
        shards.retain(|shard| {
            let lives = Arc::strong_count(shard) > 1;
            if !lives {
                self.finished.lock().absorb(&mut shard.inner.lock().done);
            }
            lives
        });
        shards.push(Arc::clone(&shard));
        shard
    }

    pub(super) fn begin(&self, shard: &Shard, name: NameId, parent: u64) -> Slot {
        let mut inner = shard.inner.lock();
        inner.begun += 1;
        // The shard's number above, so that no two threads share a counter.
        let id = (u64::from(shard.thread) << 40) | (inner.begun & ((1 << 40) - 1));
        let record = Record {
            id,
            parent,
            start: self.clock.ticks(),
            end: 0,
            run_ticks: 0,
            name,
            thread: shard.thread,
            status: Status::Open,
            has_run_time: false,
        };
        let index = match inner.free.pop() {
            Some(index) => {
                inner.open[index as usize] = record;
                index
            }
            None => {
                inner.open.push(record);
                (inner.open.len() - 1) as u32
            }
        };
        Slot { id, index, generation: inner.generation }
    }

    /// Ends a trace, from whatever thread. One that was ended already, or begun before a reset, is left alone.
    pub(super) fn end(&self, shard: &Shard, slot: Slot, status: Status, run_ticks: Option<u64>) {
        let end = self.clock.ticks();
        let mut inner = shard.inner.lock();
        let inner = &mut *inner;
        if inner.generation != slot.generation {
            return;
        }
        let Some(open) = inner.open.get_mut(slot.index as usize).filter(|open| open.id == slot.id) else { return };
        let mut record = *open;
        open.id = 0;
        record.end = end.max(record.start);
        record.status = status;
        if let Some(run_ticks) = run_ticks {
            record.run_ticks = run_ticks;
            record.has_run_time = true;
        }
        inner.free.push(slot.index);
        inner.done.push(record);
        if inner.done.len() >= BATCH {
            self.finished.lock().absorb(&mut inner.done);
        }
    }

    /// Forgets everything; traces that are open are not counted when they end.
    pub(super) fn reset(&self) {
        let shards = self.shards.lock();
        for shard in shards.iter() {
            let mut inner = shard.inner.lock();
            let (begun, generation) = (inner.begun, inner.generation);
            *inner = Inner { begun, generation: generation.wrapping_add(1), ..Inner::default() };
        }
        *self.finished.lock() = Finished::new(self.capacity, &self.clock);
    }

    /// Hands everything that has ended over, and calls `look` with it and with what is open.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Finished, Vec<Record>, u64) -> T) -> T {
        let shards = self.shards.lock();
        let mut open = Vec::new();
        for shard in shards.iter() {
            let mut inner = shard.inner.lock();
            open.extend(inner.open.iter().filter(|record| record.id != 0).copied());
            self.finished.lock().absorb(&mut inner.done);
        }
        look(&self.finished.lock(), open, self.clock.ticks())
    }
}
