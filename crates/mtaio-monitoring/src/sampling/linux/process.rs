//! `/proc/PID/stat` (`Documentation/filesystems/proc.rst`, table 1-4; `man 5 proc_pid_stat`).

use super::Malformed;
use super::cursor::{Cursor, decimal};
use crate::sampling::RawProcess;

/// What is used of the file, in its own units. A field that is missing, negative or no number is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Field 1.
    pub pid: u32,
    /// Field 3 is `Z`: it has ended, and nobody has waited for it yet.
    pub is_zombie: bool,
    /// Field 4.
    pub parent: Option<u32>,
    /// Field 10.
    pub minor_faults: Option<u64>,
    /// Field 12.
    pub major_faults: Option<u64>,
    /// Fields 14 and 15: its own time in user mode and in the kernel.
    pub own_ticks: Option<[u64; 2]>,
    /// Fields 16 and 17: that of children that it has waited for.
    pub inherited_ticks: Option<[u64; 2]>,
    /// Field 20.
    pub threads: u64,
    /// Field 22.
    pub start_ticks: u64,
    /// Field 23.
    pub vms_bytes: Option<u64>,
    /// Field 24.
    pub rss_pages: Option<u64>,
}

/// The first field after the name.
const FIRST: usize = 3;
/// The last one that is looked at.
const LAST: usize = 24;

/// Parses one line.
///
/// The name stands in parentheses and may hold anything, closing parentheses, blanks and bytes that are no UTF-8
/// included, so what is looked for is the *last* closing parenthesis (P32).
///
/// # Errors
///
/// There is no such parenthesis or no number before the first one, or the line is cut, or the number of threads or the
/// time of the start is missing.
pub fn parse(text: &[u8]) -> Result<Stat, Malformed> {
    let pid = Cursor::new(text).number().and_then(|pid| u32::try_from(pid).ok());
    let pid = pid.ok_or(Malformed("it does not begin with a number"))?;
    let name_end =
        text.iter().rposition(|&byte| byte == b')').ok_or(Malformed("it has no name in parentheses"))?;
    let mut line = Cursor::new(&text[name_end + 1..]);
    let state = line.word();
    // Those that are negative are none of ours.
    let fields: [Option<u64>; LAST - FIRST] = std::array::from_fn(|_| line.word().and_then(decimal));
    let field = |number: usize| fields[number - FIRST - 1];
    let pair = |number: usize| Some([field(number)?, field(number + 1)?]);
    let (Some(state), Some(threads), Some(start_ticks)) = (state, field(20), field(22)) else {
        return Err(Malformed("a field is missing or no number"));
    };
    if !line.skip_line() {
        return Err(Malformed("the line is cut"));
    }
    Ok(Stat {
        pid,
        is_zombie: state == b"Z",
        parent: field(4).and_then(|parent| u32::try_from(parent).ok()),
        minor_faults: field(10),
        major_faults: field(12),
        own_ticks: pair(14),
        inherited_ticks: pair(16),
        threads,
        start_ticks,
        vms_bytes: field(23),
        rss_pages: field(24),
    })
}

/// The name in the line: what stands between the first parenthesis and the last (P32), whatever that is.
#[must_use]
pub fn name(text: &[u8]) -> Option<&[u8]> {
    let begin = text.iter().position(|&byte| byte == b'(')? + 1;
    let end = text.iter().rposition(|&byte| byte == b')')?;
    text.get(begin..end)
}

/// `/proc/PID/task/TID/children`: appends the numbers, up to the first word that is none.
pub fn parse_children(text: &[u8], children: &mut Vec<u32>) {
    let mut list = Cursor::new(text);
    while let Some(child) = list.number() {
        children.extend(u32::try_from(child).ok());
    }
}

/// The sizes of the kernel's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Nanoseconds of a clock tick.
    pub tick_ns: u64,
}

impl Units {
    /// This machine's.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
        Self { page_bytes: rustix::param::page_size() as u64, tick_ns: 1_000_000_000 / ticks_per_second }
    }

    /// Nanoseconds of user and kernel time together.
    #[must_use]
    pub fn time_ns(&self, ticks: [u64; 2]) -> u64 {
        ticks[0].saturating_add(ticks[1]).saturating_mul(self.tick_ns)
    }
}

impl Stat {
    /// As [`RawProcess`] has it. Its times stay `None`, for this file counts in ticks of 10 ms (P6).
    #[must_use]
    pub fn raw(&self, units: &Units) -> RawProcess {
        RawProcess {
            // A running process has a thread: a 0 is what an imitation of the file prints for what it does not know.
            threads: u32::try_from(self.threads).ok().filter(|&threads| threads > 0),
            start_ticks: Some(self.start_ticks),
            started_ns: self.start_ticks.checked_mul(units.tick_ns),
            minor_faults: self.minor_faults,
            major_faults: self.major_faults,
            rss_bytes: self.rss_pages.and_then(|pages| pages.checked_mul(units.page_bytes)),
            vms_bytes: self.vms_bytes,
            ..RawProcess::default()
        }
    }
}
