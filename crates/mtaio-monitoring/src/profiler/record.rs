//! What one trace leaves behind: eight words, in the clock's own ticks.

use super::names::NameId;
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

/// `run` where it is not known how long a trace ran.
const UNKNOWN: u64 = u64::MAX;

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
const COUNTER_BITS: u32 = 40;

/// The id of a thread's `count`th trace.
pub(super) fn trace_id(thread: u32, count: u64) -> u64 {
    (u64::from(thread) << COUNTER_BITS) | (count & ((1 << COUNTER_BITS) - 1))
}

/// The thread that began the trace of this id.
pub(super) fn thread_of(id: u64) -> u32 {
    (id >> COUNTER_BITS) as u32
}

fn two(low: u32, high: u32) -> u64 {
    u64::from(low) | (u64::from(high) << 32)
}

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

    /// The thread that began it.
    pub(crate) fn thread(&self) -> u32 {
        thread_of(self.id)
    }

    /// As a slot keeps it.
    pub(super) fn fields(&self) -> [u64; FIELDS] {
        [self.parent, self.start, two(self.name.0, self.task), u64::from(self.memory_start_kib)]
    }

    pub(super) fn from_fields(id: u64, fields: [u64; FIELDS]) -> Self {
        let [parent, start, name_and_task, memory] = fields;
        let (name, task) = halves(name_and_task);
        Self::open(id, parent, start, NameId(name), task, memory as u32)
    }

    /// As a ring keeps it.
    pub(super) fn words(&self) -> [u64; WORDS] {
        [
            self.id,
            self.parent,
            self.start,
            self.end,
            self.run,
            two(self.name.0, self.task),
            two(self.memory_start_kib, self.memory_end_kib),
            two(self.extra, u32::from(self.status as u8)),
        ]
    }

    pub(super) fn from_words(words: [u64; WORDS]) -> Self {
        let [id, parent, start, end, run, name_and_task, memory, extra_and_status] = words;
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
const _: () = assert!(size_of::<Record>() <= 72);
