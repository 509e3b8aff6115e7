//! `/proc/PID/io` (`Documentation/filesystems/proc.rst`, section 3.3; `man 5 proc_pid_io`).

use super::Malformed;
use super::cursor::Cursor;
use crate::sampling::RawProcessIo;

/// Parses lines of the form `rchar: 323934931`; lines with other names are ignored. `written_bytes` is the
/// difference as it stands; that it never goes back is the reader's duty.
///
/// # Errors
///
/// None of the names is there.
pub fn parse(text: &[u8], out: &mut RawProcessIo) -> Result<(), Malformed> {
    *out = RawProcessIo::default();
    let mut lines = Cursor::new(text);
    while !lines.is_at_end() {
        let slot = match lines.until(b':') {
            Some(b"rchar") => Some(&mut out.rchar),
            Some(b"wchar") => Some(&mut out.wchar),
            Some(b"read_bytes") => Some(&mut out.read_bytes),
            Some(b"write_bytes") => Some(&mut out.write_bytes),
            Some(b"cancelled_write_bytes") => Some(&mut out.cancelled_write_bytes),
            _ => None,
        };
        if let Some(slot) = slot {
            *slot = lines.number();
        }
        lines.skip_line();
    }
    out.written_bytes =
        out.write_bytes.zip(out.cancelled_write_bytes).map(|(all, cancelled)| all.saturating_sub(cancelled));
    if *out == RawProcessIo::default() {
        return Err(Malformed("not one of its counters is there"));
    }
    Ok(())
}
