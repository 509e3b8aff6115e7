//! `/proc/zoneinfo` (`Documentation/filesystems/proc.rst`; `mm/vmstat.c`, `zoneinfo_show_print`).

use super::Malformed;
use super::cursor::Cursor;

/// Sums the low watermarks of all zones, in pages: what the kernel keeps back before it reclaims, and so part of
/// its estimate of available memory (P11).
///
/// # Errors
///
/// There is no zone, or there is one without its watermark: the sum would be too small.
pub fn parse(text: &[u8], low_pages: &mut u64) -> Result<(), Malformed> {
    *low_pages = 0;
    let mut text = Cursor::new(text);
    let (mut zones, mut watermarks) = (0_u32, 0_u32);
    while !text.is_at_end() {
        match text.word() {
            Some(b"Node") if is_zone_title(&mut text) => zones += 1,
            Some(b"low") => {
                let pages = text.number().ok_or(Malformed("a low watermark is not a number"))?;
                *low_pages = low_pages.checked_add(pages).ok_or(Malformed("the watermarks overflow"))?;
                watermarks += 1;
            }
            _ => {}
        }
        text.skip_line();
    }
    if zones == 0 || zones != watermarks {
        return Err(Malformed("it has zones without a low watermark, or none"));
    }
    Ok(())
}

/// `0, zone   Normal`, after `Node`.
fn is_zone_title(line: &mut Cursor<'_>) -> bool {
    line.word().is_some() && line.word() == Some(b"zone")
}
