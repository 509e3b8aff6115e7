//! What one trace leaves behind: a fixed number of bytes, in the clock's own ticks.

use super::names::NameId;

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
    /// It was dropped half-way: an async generator that nobody finished, a future that nobody polled to its end.
    Abandoned,
}

impl Status {
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
}

/// One trace. Times are ticks of the recorder's clock, made into nanoseconds when somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Unique in the process; 0 is nobody's.
    pub(super) id: u64,
    /// The innermost trace of the same flow that was open when it began; 0 for none.
    pub(super) parent: u64,
    /// When it began.
    pub(super) start: u64,
    /// When it ended; for an open one, when the snapshot was taken.
    pub(super) end: u64,
    /// Time that it ran, where that is known: a traced coroutine between its resumes and its suspends.
    pub(super) run_ticks: u64,
    /// Its name.
    pub(super) name: NameId,
    /// The thread that began it.
    pub(super) thread: u32,
    /// How it ended.
    pub(super) status: Status,
    /// Whether `run_ticks` was measured.
    pub(super) has_run_time: bool,
}

impl Record {
    /// Ticks from its beginning to its end.
    pub(super) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// T5: a finished trace, held, takes at most 100 bytes.
const _: () = assert!(size_of::<Record>() <= 72);
