//! The processes that can be seen, one by one: looked at when something is the matter, and never for a sample.

use crate::clock::Clock;

/// Processes beside this one that are looked at, at most: a machine may have a hundred thousand.
pub const MOST_PROCESSES: usize = 4_096;

/// The processes of one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawProcessList {
    /// Monotonic nanoseconds, when the look began.
    pub read_at_ns: u64,
    /// The same moment on the clock that goes on while the machine sleeps, which [`RawListed::started_ns`] is of.
    pub boottime_ns: u64,
    /// In ascending order of their numbers. This process is always among them, where it can be seen at all.
    pub processes: Vec<RawListed>,
}

/// One process. A field that the system does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawListed {
    /// Its number.
    pub pid: u32,
    /// Its name, as anybody may have chosen it: 64 bytes of UTF-8 at most, what is none replaced.
    pub name: Box<str>,
    /// Whether it is this process.
    pub is_own: bool,
    /// When it began, after the machine did. With the number it tells one process from another.
    pub started_ns: Option<u64>,
    /// Processor time that its threads have used, in user mode and in the kernel.
    pub cpu_ns: Option<u64>,
    /// Resident memory, pages shared with others included.
    pub rss_bytes: Option<u64>,
    /// Its threads.
    pub threads: Option<u64>,
}

/// A way to look at processes. Apart from [`Source`](super::Source), so that nobody who asks for a reading waits for it.
pub trait ListProcesses: Send {
    /// Looks at [`MOST_PROCESSES`] at most, and puts them into `list`, in place of what is there. False where none can be
    /// seen.
    fn list(&mut self, clock: &Clock, list: &mut RawProcessList) -> bool;
}
