//! Where traces are written: a shard a thread, so that no two threads write the same cache line.
//!
//! The obvious recorder is one list behind one lock, and every thread of a service then queues for it twice a trace; a
//! lock a thread still costs four atomic read-modify-writes a trace. Here a thread writes open traces into slots and
//! finished ones into a ring, both made of atomic words that others may read at any moment, and takes the one lock only
//! when its ring is full.
//!
//! Long because beginning, ending, looking and forgetting share the rules of the rings and slots, which are read together.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::clock::{Clock, FastClock};
use crate::lock::Mutex;

use super::extra::{Extra, Extras};
use super::finished::{Finished, Held};
use super::local;
use super::memory::Memory;
use super::names::{NameId, Names};
use super::outer::{Around, Current};
use super::record::{OUTER, Record, Status, THREAD_BITS, UNKNOWN, WORDS, Words, ended, thread_of};
use super::ring::Ring;
use super::slots;
use super::tasks::{TaskRecord, Tasks};

/// Finished traces that a thread keeps to itself before it hands them over.
const RING: usize = 256;

/// Slots in a chunk: as many as a word has bits.
pub(super) const CHUNK: usize = 64;

pub(super) type Chunk = slots::Chunk<CHUNK>;

/// Threads whose names are kept for the traces that they left behind.
const MOST_THREADS: usize = 65_536;

/// Traces that may be open at once. One that begins beyond that is dropped, and counted.
pub(super) const MOST_OPEN: u64 = 4_000_000;

static NEXT_RECORDER: AtomicU64 = AtomicU64::new(1);
static NEXT_SHARD: AtomicU32 = AtomicU32::new(1);

/// Begins, ends and keeps the traces of one profiler. What the faces for other languages stand on; services use
/// [`super::Profiler`].
#[derive(Debug)]
pub struct Recorder {
    pub(super) id: u64,
    pub(super) names: Names,
    pub(super) clock: FastClock,
    /// Nanoseconds since the epoch at the fast clock's zero.
    pub(super) epoch_ns: u64,
    capacity: usize,
    pub(super) extras: Extras,
    pub(super) tasks: Tasks,
    pub(super) memory: Option<Memory>,
    pub(super) shards: Mutex<Vec<Arc<Shard>>>,
    threads: Mutex<VecDeque<ThreadInfo>>,
    pub(super) finished: Mutex<Finished>,
    dropped: AtomicU64,
    /// The profiler of another language that this one is part of.
    pub(super) around: Around,
    /// Counts resets.
    generation: AtomicU32,
    /// What goes on in its place.
    successor: OnceLock<Weak<Self>>,
}

/// A thread that recorded something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadInfo {
    /// Numbered in the order of their first traces.
    pub number: u32,
    /// The system's id of it: what `top -H` and `threading.get_native_id()` show.
    pub id: u64,
    /// Its name, if it had one.
    pub name: String,
}

/// One thread's traces.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) thread: u32,
    pub(super) ring: Ring<WORDS, RING>,
    pub(super) chunks: Mutex<Vec<Arc<Chunk>>>,
    /// Slots whose traces another thread ended.
    returned: Mutex<Vec<u32>>,
    has_returned: AtomicBool,
}

/// A trace that is open: its id, and where its record is. Whoever has it ends it, once: it cannot be copied.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a trace that nobody ends stays open"]
pub struct Open {
    /// The trace's id.
    pub id: u64,
    pub(super) index: u32,
}

/// How a trace ends.
#[derive(Debug, Default)]
pub struct Ending {
    /// Its status.
    pub status: Status,
    /// Ticks that it ran, where that is known.
    pub run_ticks: Option<u64>,
    /// What it carries.
    pub extra: Extra,
}

/// A number for a thread, as good as unique in the process. 0 is none.
pub(super) fn next_thread() -> u32 {
    NEXT_SHARD.fetch_add(1, Ordering::Relaxed) & ((1 << THREAD_BITS) - 1)
}

impl Shard {
    /// A new chunk of slots, for the owner.
    pub(super) fn add_chunk(&self) -> Arc<Chunk> {
        let chunk = Arc::new(Chunk::new());
        self.chunks.lock().push(Arc::clone(&chunk));
        chunk
    }

    /// Slots that others freed since the owner last asked.
    pub(super) fn take_returned(&self, into: &mut Vec<u32>) {
        if self.has_returned.load(Ordering::Acquire) {
            let mut returned = self.returned.lock();
            self.has_returned.store(false, Ordering::Release);
            into.append(&mut returned);
        }
    }

    fn return_slot(&self, index: u32) {
        self.returned.lock().push(index);
        self.has_returned.store(true, Ordering::Release);
    }

    fn has_open(&self) -> bool {
        let mut any = false;
        for chunk in self.chunks.lock().iter() {
            chunk.each_open(|_, _| any = true);
        }
        any
    }
}

impl Recorder {
    /// A recorder that holds the newest `capacity` traces, and reads the resident memory if told to.
    #[must_use]
    pub fn new(capacity: usize, clock: &Clock, with_memory: bool) -> Self {
        let fast = clock.fast();
        let epoch_ns = clock.now().realtime_ns.saturating_sub(fast.nanoseconds(fast.ticks()));
        Self {
            id: NEXT_RECORDER.fetch_add(1, Ordering::Relaxed),
            names: Names::new(),
            epoch_ns,
            capacity,
            extras: Extras::default(),
            tasks: Tasks::new(capacity),
            memory: with_memory.then(|| Memory::new(&fast)),
            shards: Mutex::default(),
            threads: Mutex::default(),
            finished: Mutex::new(Finished::new(capacity, &fast)),
            dropped: AtomicU64::new(0),
            around: Around::default(),
            generation: AtomicU32::new(0),
            successor: OnceLock::new(),
            clock: fast,
        }
    }

    /// An empty recorder of the same settings, for the child of a fork: there, the locks of this one may be held for
    /// ever.
    #[must_use]
    pub fn anew(&self, clock: &Clock) -> Self {
        Self::new(self.capacity, clock, self.memory.is_some())
    }

    /// Another one goes on in this one's place: whoever was given this one for its traces asks that. Once.
    pub fn hand_over_to(&self, successor: &Arc<Self>) {
        let _the_first_stays = self.successor.set(Arc::downgrade(successor));
    }

    /// What goes on in its place: the outer option is whether anything does, the inner one whether it still is there.
    #[must_use]
    pub fn successor(&self) -> Option<Option<Arc<Self>>> {
        self.successor.get().map(Weak::upgrade)
    }

    /// Unique in the process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The id of a name, made if need be.
    #[must_use]
    pub fn name(&self, name: &str) -> NameId {
        self.names.intern(name)
    }

    /// Its clock now, in ticks.
    #[must_use]
    #[inline]
    pub fn ticks(&self) -> u64 {
        self.clock.ticks()
    }

    /// Seconds in so many ticks.
    #[must_use]
    pub fn seconds(&self, ticks: u64) -> f64 {
        self.clock.nanoseconds(ticks) as f64 / 1e9
    }

    /// Seconds since the epoch at that tick.
    #[must_use]
    pub fn epoch_seconds(&self, ticks: u64) -> f64 {
        (self.epoch_ns + self.clock.nanoseconds(ticks)) as f64 / 1e9
    }

    /// Resident memory of the process in KiB, at most 10 ms older than `now`; 0 where it is not read.
    #[must_use]
    #[inline]
    pub fn memory_kib(&self, now: u64) -> u32 {
        self.memory.as_ref().map_or(0, |memory| memory.kib(now))
    }

    /// Begins a trace on this thread, below the trace `parent` (0 for none) and in `task` (0 for none). `None` while the
    /// thread is being torn down, or where too many traces are open.
    #[inline]
    pub fn begin(&self, name: NameId, parent: u64, task: u32, now: u64) -> Option<Open> {
        local::of(self)?.begin(self, name, parent, task, now)
    }

    /// Ends a trace, from whatever thread. One that was ended already, or begun before a reset, is left alone: false.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "whoever ended it has it no longer")]
    pub fn end(&self, open: Open, now: u64, ending: Ending) -> bool {
        local::of(self).is_some_and(|local| local.end(self, &open, now, ending))
    }

    /// Gives an open trace another name: what it is may be known only later than that it is. One that was begun before a
    /// reset is left alone: false.
    pub fn rename(&self, open: &Open, name: NameId) -> bool {
        local::of(self).is_some_and(|local| local.rename(self, open, name))
    }

    #[cold]
    pub(super) fn rename_elsewhere(&self, open: &Open, name: NameId) -> bool {
        let thread = thread_of(open.id);
        let shard = self.shards.lock().iter().find(|shard| shard.thread == thread).cloned();
        let chunk = shard.and_then(|shard| shard.chunks.lock().get(open.index as usize / CHUNK).cloned());
        chunk.is_some_and(|chunk| local::rename_in(&chunk, open, name))
    }

    /// A task begins that was spawned in the trace `parent` (0 where it is told of only because a trace begins in it).
    #[must_use]
    pub fn begin_task(&self, parent: u64, name: &str, coroutine: &str, created_at: Option<&str>) -> u32 {
        let created_at = created_at.map_or(NameId::OVERFLOW, |place| self.names.intern(place));
        self.tasks.begin(TaskRecord {
            id: 0,
            parent: if parent & OUTER == 0 { parent } else { 0 },
            outer: if parent & OUTER == 0 { 0 } else { parent & !OUTER },
            name: name.into(),
            coroutine: self.names.intern(coroutine),
            created_at,
            start: self.clock.ticks(),
            end: 0,
            run: 0,
            steps: 0,
            status: Status::Open,
        })
    }

    /// A task was given another name.
    pub fn rename_task(&self, task: u32, name: &str) {
        self.tasks.update(task, |task| task.name = name.into());
    }

    /// How long and how often a task has run that lives.
    pub fn tell_task(&self, task: u32, run_ticks: u64, steps: u32) {
        self.tasks.update(task, |task| {
            task.run = run_ticks;
            task.steps = steps;
        });
    }

    /// A task has ended.
    pub fn end_task(&self, task: u32, status: Status, run_ticks: u64, steps: u32) {
        let now = self.clock.ticks();
        self.tasks.end(task, |task| {
            task.end = now;
            task.status = status;
            task.run = run_ticks;
            task.steps = steps;
        });
    }

    /// How often it was reset: a trace of before is nobody's parent after.
    #[must_use]
    #[inline]
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Has traces that begin with no other of this recorder around them ask where in another profiler that is. False
    /// where they ask somebody else already.
    #[must_use]
    pub fn connect(&self, current: Current, token: u64) -> bool {
        self.around.connect(current, token)
    }

    /// Undoes that; nothing happens where they ask somebody else.
    pub fn disconnect(&self, token: u64) {
        self.around.disconnect(token);
    }

    /// The name of a task that it knows.
    #[must_use]
    pub fn task_name(&self, task: u32) -> Option<String> {
        self.tasks.name(task)
    }

    /// The system's id of the thread that began this trace.
    #[must_use]
    pub fn thread_id(&self, trace_id: u64) -> Option<u64> {
        let number = thread_of(trace_id);
        self.threads.lock().iter().find(|thread| thread.number == number).map(|thread| thread.id)
    }

    /// Traces that could not be recorded: too many were open.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// A place for what a trace carries, until its record is absorbed; 0 for nothing.
    #[inline]
    pub(super) fn put_extra(&self, extra: Extra) -> u32 {
        if extra.is_empty() { 0 } else { self.extras.put(extra) }
    }

    /// A shard for a thread that has none yet.
    pub(super) fn new_shard(&self) -> Arc<Shard> {
        let mut shards = self.shards.lock();
        // A thread that has ended leaves a shard that only this list holds: what it still had is taken over, and if
        // nothing of it is open, it goes.
        let mut finished = self.finished.lock();
        shards.retain(|shard| {
            let lives = Arc::strong_count(shard) > 1;
            if !lives {
                finished.take_over(&shard.ring, &self.extras, |_| ());
            }
            lives || shard.has_open()
        });
        let spent = std::mem::take(&mut finished.spent);
        drop(finished);
        let thread = loop {
            let next = next_thread();
            if next != 0 && !shards.iter().any(|shard| shard.thread == next) {
                break next;
            }
        };
        let shard = Arc::new(Shard {
            thread,
            ring: Ring::new(),
            chunks: Mutex::default(),
            returned: Mutex::default(),
            has_returned: AtomicBool::new(false),
        });
        shards.push(Arc::clone(&shard));
        drop(shards);
        drop(spent);
        self.remember_thread(thread);
        shard
    }

    fn remember_thread(&self, number: u32) {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let mut threads = self.threads.lock();
        if threads.len() >= MOST_THREADS {
            threads.pop_front();
        }
        threads.push_back(ThreadInfo { number, id: crate::thread::id(), name });
    }

    /// Leaves a finished record in this thread's ring.
    #[inline]
    pub(super) fn push(&self, shard: &Shard, record: &Words) {
        if !shard.ring.push(record) {
            self.make_room(shard);
            // This thread alone pushes, so there is room now.
            let _pushed = shard.ring.push(record);
        }
    }

    #[cold]
    fn make_room(&self, shard: &Shard) {
        let mut finished = self.finished.lock();
        finished.take_over(&shard.ring, &self.extras, |_| ());
        let spent = std::mem::take(&mut finished.spent);
        drop(finished);
        drop(spent);
    }

    /// Ends a trace that another thread began.
    #[cold]
    pub(super) fn end_elsewhere(&self, own: &Shard, open: &Open, now: u64, ending: Ending) -> bool {
        let thread = thread_of(open.id);
        let shards = self.shards.lock();
        let Some(shard) = shards.iter().find(|shard| shard.thread == thread).cloned() else { return false };
        drop(shards);
        let place = open.index as usize;
        let chunk = shard.chunks.lock().get(place / CHUNK).cloned();
        let Some(chunk) = chunk else { return false };
        let fields = chunk.fields(place, open.id);
        if let Some(fields) = fields {
            let extra = self.put_extra(ending.extra);
            let run = ending.run_ticks.unwrap_or(UNKNOWN);
            self.push(own, &ended(open.id, fields, now, run, self.memory_kib(now), extra, ending.status));
            chunk.close(place);
        }
        shard.return_slot(open.index);
        fields.is_some()
    }

    /// Whether this thread may open one more chunk of slots.
    pub(super) fn may_open_more(&self, chunks: usize) -> bool {
        (chunks * CHUNK) as u64 + CHUNK as u64 <= MOST_OPEN
    }

    /// Forgets everything; traces that are open are not counted when they end.
    pub fn reset(&self) {
        let shards = self.shards.lock();
        let mut finished = self.finished.lock();
        for shard in shards.iter() {
            for chunk in shard.chunks.lock().iter() {
                chunk.forget();
            }
            finished.take_over(&shard.ring, &self.extras, |_| ());
        }
        let before = std::mem::replace(&mut *finished, Finished::new(self.capacity, &self.clock));
        self.dropped.store(0, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.tasks.reset();
        drop(finished);
        drop(shards);
        drop(before);
    }

    /// Everything of this moment: what has ended, what is open, and now.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Finished) -> T) -> (T, Held, Vec<Record>, u64) {
        let shards = self.shards.lock();
        let mut finished = self.finished.lock();
        let now = self.clock.ticks();
        let mut open = Vec::new();
        for shard in shards.iter() {
            for chunk in shard.chunks.lock().iter() {
                chunk.each_open(|id, fields| open.push(Record { end: now, ..Record::from_fields(id, fields) }));
            }
        }
        // A trace is in its ring before its slot is cleared, and the rings are drained after the slots are read: so it
        // is found once at least, and whatever is found twice has ended.
        let mut ended = HashSet::new();
        for shard in shards.iter() {
            finished.take_over(&shard.ring, &self.extras, |id| {
                ended.insert(id);
            });
        }
        open.retain(|record| !ended.contains(&record.id));
        let spent = std::mem::take(&mut finished.spent);
        let found = (look(&finished), finished.held(), open, now);
        drop(finished);
        drop(shards);
        drop(spent);
        found
    }

    pub(super) fn threads(&self) -> Vec<ThreadInfo> {
        self.threads.lock().iter().cloned().collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        local::forget(self.id);
    }
}
