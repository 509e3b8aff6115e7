//! `/proc/loadavg` (`Documentation/filesystems/proc.rst`, table 1-5; `fs/proc/loadavg.c`).

use super::Malformed;
use super::cursor::{Cursor, decimal};
use crate::sampling::RawLoad;

/// Parses `0.03 0.02 0.00 1/81 3070`.
///
/// The thread counts are `None` where they cannot be read, and where the total is 0: this program runs, so a 0
/// there (gVisor prints one) is not a measurement.
///
/// # Errors
///
/// One of the three averages is not a number, or the line does not end.
pub fn parse(text: &[u8], out: &mut RawLoad) -> Result<(), Malformed> {
    *out = RawLoad::default();
    let mut line = Cursor::new(text);
    for average in &mut out.hundredths {
        *average = line
            .word()
            .and_then(hundredths)
            .ok_or(Malformed("one of the three averages is not a decimal number"))?;
    }
    let threads = line.word().and_then(threads);
    if !line.skip_line() {
        return Err(Malformed("the line is cut"));
    }
    out.running_threads = threads.map(|(running, _)| running);
    out.total_threads = threads.map(|(_, total)| total);
    Ok(())
}

/// `1.5`, `1.50` and `1.509` are 150 hundredths. The kernel prints two decimals.
pub(super) fn hundredths(word: &[u8]) -> Option<u32> {
    let dot = word.iter().position(|&byte| byte == b'.')?;
    let fraction = &word[dot + 1..];
    decimal(fraction)?;
    let tens = u64::from(fraction[0] - b'0') * 10;
    let ones = fraction.get(1).map_or(0, |digit| u64::from(digit - b'0'));
    let value = decimal(&word[..dot])?.checked_mul(100)?.checked_add(tens + ones)?;
    u32::try_from(value).ok()
}

/// `running/total`.
fn threads(word: &[u8]) -> Option<(u32, u32)> {
    let slash = word.iter().position(|&byte| byte == b'/')?;
    let running = u32::try_from(decimal(&word[..slash])?).ok()?;
    let total = u32::try_from(decimal(&word[slash + 1..])?).ok()?;
    (total > 0).then_some((running, total))
}
