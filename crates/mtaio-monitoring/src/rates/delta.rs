//! The one way in which this product subtracts two readings of a counter.

/// How much a counter that only grows has grown; one that went back has not grown (P4).
#[must_use]
pub fn grown(before: u64, now: u64) -> u64 {
    now.saturating_sub(before)
}

/// [`grown`], where either reading may be missing or the counter was reset: then nothing is known.
#[must_use]
pub fn grown_if_known(before: Option<u64>, now: Option<u64>) -> Option<u64> {
    now?.checked_sub(before?)
}

/// How much a 32-bit counter has grown that wraps at 2^32, such as the milliseconds of `/proc/diskstats` (P25).
///
/// A counter that went back either wrapped or was reset. It wrapped if that explains it with a small step: the old
/// reading in the top tenth of the range, the new one in the bottom tenth. Everything else is a reset: `None`.
#[must_use]
pub fn grown_32_bit(before: Option<u64>, now: Option<u64>) -> Option<u64> {
    const RANGE: u64 = 1 << 32;
    const TENTH: u64 = RANGE / 10;
    let (before, now) = (before?, now?);
    match now.checked_sub(before) {
        Some(step) => Some(step),
        None if before < RANGE && before > RANGE - TENTH && now < TENTH => Some(now + RANGE - before),
        None => None,
    }
}
