//! `/proc/stat`: processor time (`Documentation/filesystems/proc.rst`, "Miscellaneous kernel statistics in
//! /proc/stat").

use super::Malformed;
use super::cursor::Cursor;
use crate::sampling::{CpuTimes, RawCpu};

/// Every kernel prints at least user, nice, system and idle; kernels before 2.5.41 print no more.
const FEWEST_MODES: usize = 4;

/// Parses the `cpu` lines, which come first, and stops there: the `intr` line that follows has one number for each
/// interrupt and is by far the longest.
///
/// A `cpuN` line that is damaged or cut is left out, as if that processor were offline.
///
/// # Errors
///
/// The text does not begin with a whole `cpu` line of at least four numbers.
pub fn parse(text: &[u8], out: &mut RawCpu) -> Result<(), Malformed> {
    out.cores.clear();
    let mut text = Cursor::new(text);
    if text.word() != Some(b"cpu") {
        return Err(Malformed("the first line is not the one named cpu"));
    }
    out.total = times(&mut text).ok_or(Malformed("the cpu line has no four numbers"))?;
    text.skip_line();
    while text.eat(b"cpu") {
        let number = text.number().and_then(|number| u32::try_from(number).ok());
        if let Some(number) = number
            && let Some(times) = times(&mut text)
        {
            out.cores.push((number, times));
        }
        text.skip_line();
    }
    Ok(())
}

/// The numbers up to the end of the line, and no other text.
fn times(line: &mut Cursor<'_>) -> Option<CpuTimes> {
    let mut modes = [CpuTimes::UNKNOWN; 10];
    let mut count = 0;
    while !line.is_at_line_end() {
        let ticks = line.number()?;
        if let Some(mode) = modes.get_mut(count) {
            *mode = ticks;
        }
        count += 1;
    }
    (count >= FEWEST_MODES).then_some(CpuTimes(modes))
}
