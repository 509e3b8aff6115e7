//! `/proc/meminfo` (`Documentation/filesystems/proc.rst`, "meminfo").

use super::Malformed;
use super::cursor::Cursor;
use crate::sampling::RawMemory;

/// The kernel prints `kB` and means 1024 bytes.
const KIB: u64 = 1024;

/// The lines that are looked for; after the last of them the text is not read further.
const WANTED: usize = 11;

/// Parses the lines that [`RawMemory`] has a field for, in any order, with or without a blank after the colon. A
/// line that is missing, damaged, cut, or in another unit than `kB` leaves its field `None`.
///
/// # Errors
///
/// Not one of those lines could be read.
pub fn parse(text: &[u8], out: &mut RawMemory) -> Result<(), Malformed> {
    *out = RawMemory::default();
    let mut text = Cursor::new(text);
    let mut found = 0;
    while found < WANTED && !text.is_at_end() {
        if let Some(name) = text.until(b':')
            && let Some(field) = field(out, name)
            && field.is_none()
        {
            *field = kibibytes(&mut text);
            found += usize::from(field.is_some());
        }
        text.skip_line();
    }
    if found == 0 {
        return Err(Malformed("no line of it is known"));
    }
    Ok(())
}

#[inline]
fn field<'a>(out: &'a mut RawMemory, name: &[u8]) -> Option<&'a mut Option<u64>> {
    Some(match name {
        b"MemTotal" => &mut out.total,
        b"MemFree" => &mut out.free,
        b"MemAvailable" => &mut out.available,
        b"Buffers" => &mut out.buffers,
        b"Cached" => &mut out.cached,
        b"Active(file)" => &mut out.active_file,
        b"Inactive(file)" => &mut out.inactive_file,
        b"SReclaimable" => &mut out.slab_reclaimable,
        b"Shmem" => &mut out.shmem,
        b"SwapTotal" => &mut out.swap_total,
        b"SwapFree" => &mut out.swap_free,
        _ => return None,
    })
}

/// `24684096 kB` in bytes.
fn kibibytes(line: &mut Cursor<'_>) -> Option<u64> {
    let value = line.number()?;
    let is_whole = line.word()? == b"kB" && line.is_at_line_end();
    value.checked_mul(KIB).filter(|_| is_whole)
}
