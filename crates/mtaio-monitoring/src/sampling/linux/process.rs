//! `/proc/self/stat` (`Documentation/filesystems/proc.rst`, table 1-4; `man 5 proc_pid_stat`).

use super::Malformed;
use super::cursor::Cursor;
use crate::sampling::RawProcess;

/// `state` is field 3 and the first after the name; `num_threads` is field 20.
const FIELDS_BEFORE_THREADS: usize = 20 - 3;

/// `starttime` is field 22; one field, `itrealvalue`, stands between it and `num_threads`.
const FIELDS_BEFORE_START: usize = 1;

/// Parses the number of threads and the time of the start; [`RawProcess::cpu_ns`] stays `None`, for this file
/// counts in ticks of 10 ms.
///
/// The name stands in parentheses and may hold anything, closing parentheses, blanks and bytes that are no UTF-8
/// included, so what is looked for is the *last* closing parenthesis (P32).
///
/// # Errors
///
/// There is no such parenthesis, or the line after it is cut or too short.
pub fn parse(text: &[u8], out: &mut RawProcess) -> Result<(), Malformed> {
    *out = RawProcess::default();
    let name_end =
        text.iter().rposition(|&byte| byte == b')').ok_or(Malformed("it has no name in parentheses"))?;
    let mut line = Cursor::new(&text[name_end + 1..]);
    let (threads, start_ticks) = fields(&mut line).ok_or(Malformed("a field is missing or no number"))?;
    if !line.skip_line() {
        return Err(Malformed("the line is cut"));
    }
    // A running process has a thread: a 0 is what an imitation of the file prints for what it does not know.
    out.threads = u32::try_from(threads).ok().filter(|&threads| threads > 0);
    out.start_ticks = Some(start_ticks);
    Ok(())
}

fn fields(line: &mut Cursor<'_>) -> Option<(u64, u64)> {
    skip(line, FIELDS_BEFORE_THREADS)?;
    let threads = line.number()?;
    skip(line, FIELDS_BEFORE_START)?;
    Some((threads, line.number()?))
}

/// Moves past fields that may be negative.
fn skip(line: &mut Cursor<'_>, fields: usize) -> Option<()> {
    (0..fields).try_for_each(|_| line.word().map(drop))
}
