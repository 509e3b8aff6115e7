//! What one trace leaves behind: eight words, in the clock's own ticks.

use super::names::NameId;
use super::outer::Outer;
use super::slots::FIELDS;

/// How a trace ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// It has not.
    #[default]
    Open,
    /// It returned.
    Ok,
    /// It raised, panicked or returned an error.
    Error,
    /// It was cancelled.
    Cancelled,
    /// It was dropped half-way: an async generator that nobody finished, a handle that nobody ended.
    Abandoned,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Open, Self::Ok, Self::Error, Self::Cancelled, Self::Abandoned];

    /// The name that profiles show.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
        }
    }

    fn from_byte(byte: u8) -> Self {
        Self::ALL.get(usize::from(byte)).copied().unwrap_or_default()
    }
}

/// The words of a record in a ring.
pub(super) const WORDS: usize = 8;

/// A record as words: what a ring and a batch keep. [`Record`] says what is in which.
pub(super) type Words = [u64; WORDS];

/// `run` where it is not known how long a trace ran.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// The fields of a slot in which a trace begins.
#[inline]
pub(super) fn begun(parent: u64, start: u64, name: NameId, task: u32, memory_kib: u32) -> [u64; FIELDS] {
    [parent, start, two(name.0, task), u64::from(memory_kib)]
}

/// Which field of a slot has the name in it, and the field with another name.
#[inline]
pub(super) fn renamed(fields: [u64; FIELDS], name: NameId) -> (usize, u64) {
    let (_, task) = halves(fields[NAME_AND_TASK]);
    (NAME_AND_TASK, two(name.0, task))
}

const NAME_AND_TASK: usize = 2;

/// The parent of the trace in a slot; 0 where that is another profiler's.
#[inline]
pub(super) fn parent_of([parent, ..]: [u64; FIELDS]) -> u64 {
    if parent & OUTER == 0 { parent } else { 0 }
}

/// The words of a trace that ends, from the fields of its slot.
#[inline]
pub(super) fn ended(
    id: u64,
    [parent, start, name_and_task, memory]: [u64; FIELDS],
    end: u64,
    run: u64,
    memory_kib: u32,
    extra: u32,
    status: Status,
) -> Words {
    let memory = two(memory as u32, memory_kib);
    [id, parent, start, end.max(start), run, name_and_task, memory, two(extra, u32::from(status as u8))]
}

/// Where the last word of a record says that its extra is; 0 for none.
pub(super) fn extra_of(word: u64) -> u32 {
    word as u32
}

/// The last word of a record, with its extra in another place.
pub(super) fn with_extra(word: u64, extra: u32) -> u64 {
    let (_, status) = halves(word);
    two(extra, status)
}

/// One trace. In a recorder, times are ticks of its clock; in a profile, nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Unique in the process, the thread's number above; 0 is nobody's.
    pub(crate) id: u64,
    /// The innermost trace of the same flow that was open when it began; 0 for none.
    pub(crate) parent: u64,
    /// When it began.
    pub(crate) start: u64,
    /// When it ended; for an open one, when the snapshot was taken.
    pub(crate) end: u64,
    /// Time that it ran, where that is known: a traced coroutine between its resumes and its suspends.
    pub(super) run: u64,
    /// Its name.
    pub(crate) name: NameId,
    /// The task that it began in; 0 for none.
    pub(crate) task: u32,
    /// Resident memory when it began, in KiB; 0 where it was not read.
    pub(crate) memory_start_kib: u32,
    /// The same when it ended.
    pub(crate) memory_end_kib: u32,
    /// Where its [`super::extra::Extra`] is, from 1; 0 for none.
    pub(crate) extra: u32,
    /// How it ended.
    pub(crate) status: Status,
}

/// Bits of an id that count a thread's traces; the thread's number is above them.
pub(super) const COUNTER_BITS: u32 = 40;

/// Bits of an id that are a thread's number. The highest bit is never an id's.
pub(super) const THREAD_BITS: u32 = 23;

/// In a recorder, marks a parent that is another profiler's: see [`super::outer`].
pub(super) const OUTER: u64 = 1 << (THREAD_BITS + COUNTER_BITS);

/// The same for a task.
pub(super) const OUTER_TASK: u32 = 1 << 31;

/// The id of a thread's `count`th trace.
#[inline]
pub(super) fn trace_id(thread: u32, count: u64) -> u64 {
    (u64::from(thread) << COUNTER_BITS) | (count & ((1 << COUNTER_BITS) - 1))
}

/// How many traces its thread had begun with the trace of this id.
#[inline]
pub(super) fn count_of(id: u64) -> u64 {
    id & ((1 << COUNTER_BITS) - 1)
}

/// The thread that began the trace of this id.
#[inline]
pub(super) fn thread_of(id: u64) -> u32 {
    (id >> COUNTER_BITS) as u32
}

#[inline]
fn two(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

#[inline]
fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

impl Record {
    /// A trace that begins.
    pub(crate) fn open(id: u64, parent: u64, start: u64, name: NameId, task: u32, memory_kib: u32) -> Self {
        Self {
            id,
            parent,
            start,
            end: start,
            run: UNKNOWN,
            name,
            task,
            memory_start_kib: memory_kib,
            memory_end_kib: memory_kib,
            extra: 0,
            status: Status::Open,
        }
    }

    /// Time from its beginning to its end.
    pub(crate) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Time that it ran, where that is known.
    pub(crate) fn run(&self) -> Option<u64> {
        (self.run != UNKNOWN).then_some(self.run)
    }

    pub(crate) fn set_run(&mut self, run: Option<u64>) {
        self.run = run.unwrap_or(UNKNOWN);
    }

    /// Change of the resident memory from its beginning to its end.
    pub(crate) fn memory_delta_kib(&self) -> i64 {
        i64::from(self.memory_end_kib) - i64::from(self.memory_start_kib)
    }

    /// Takes what another profiler's is out of what a recorder holds.
    pub(super) fn take_outer(&mut self) -> Option<Outer> {
        let (trace, task) = (self.parent & OUTER != 0, self.task & OUTER_TASK != 0);
        let outer = Outer {
            trace: if trace { std::mem::take(&mut self.parent) & !OUTER } else { 0 },
            task: if task { std::mem::take(&mut self.task) & !OUTER_TASK } else { 0 },
        };
        (trace || task).then_some(outer)
    }

    /// The thread that began it.
    pub(crate) fn thread(&self) -> u32 {
        thread_of(self.id)
    }

    /// An open trace, from its slot.
    pub(super) fn from_fields(id: u64, fields: [u64; FIELDS]) -> Self {
        let [parent, start, name_and_task, memory] = fields;
        let (name, task) = halves(name_and_task);
        Self::open(id, parent, start, NameId(name), task, memory as u32)
    }

    /// A finished one, from its words.
    #[inline]
    pub(super) fn from_words(words: &Words) -> Self {
        let [id, parent, start, end, run, name_and_task, memory, extra_and_status] = *words;
        let (name, task) = halves(name_and_task);
        let (memory_start_kib, memory_end_kib) = halves(memory);
        let (extra, status) = halves(extra_and_status);
        let status = Status::from_byte(status as u8);
        Self {
            id,
            parent,
            start,
            end,
            run,
            name: NameId(name),
            task,
            memory_start_kib,
            memory_end_kib,
            extra,
            status,
        }
    }
}

/// T5: a finished trace, held, takes at most 100 bytes.
const _: () = assert!(size_of::<Words>() <= 72);
