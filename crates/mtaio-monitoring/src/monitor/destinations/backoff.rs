//! When to try again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// The wait after the first failure and the longest one, before chance shortens them.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest that the other side may ask to be left alone for: a slip of its pen must not silence alerts for days.
const LONGEST_ASKED_FOR: Duration = Duration::from_secs(300);

/// Waits that double with each failure. Chance takes up to a half off each, so that workers which fail together do not
/// come back together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    not_before_ns: u64,
}

impl Backoff {
    /// It went well, or another attempt would make no difference.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// It failed at `now_ns`. The other side may have asked for time.
    pub(super) fn fail(&mut self, now_ns: u64, retry_after: Option<Duration>) {
        let doubled = SHORTEST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        let shortened = doubled.mul_f64(1.0 - chance() / 2.0);
        let asked_for = retry_after.unwrap_or_default().min(LONGEST_ASKED_FOR);
        self.not_before_ns = now_ns + shortened.max(asked_for).as_nanos() as u64;
    }

    /// The moment of the next attempt; 0 where nothing stands in its way.
    pub(super) fn not_before_ns(&self) -> u64 {
        self.not_before_ns
    }
}

/// A number from 0 to 1: the standard library's hash maps have a source of randomness already.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_heed_what_the_other_side_asks_for() {
        let mut backoff = Backoff::default();
        for expected in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            backoff.fail(1_000, None);
            let seconds = (backoff.not_before_ns() - 1_000) as f64 / 1e9;
            assert!((expected / 2.0..=expected).contains(&seconds), "{seconds} for {expected}");
        }
        for (asked_for, waits) in [(45, 45), (1_000_000, 300)] {
            backoff.fail(0, Some(Duration::from_secs(asked_for)));
            assert_eq!(backoff.not_before_ns(), waits * 1_000_000_000);
        }
        backoff.reset();
        assert_eq!(backoff.not_before_ns(), 0);
        backoff.fail(0, None);
        assert!(backoff.not_before_ns() <= 500_000_000);
    }

    #[test]
    fn chance_is_not_the_same_every_time() {
        let drawn: Vec<f64> = (0..100).map(|_| chance()).collect();
        assert!(drawn.iter().all(|share| (0.0..=1.0).contains(share)));
        assert!(drawn.iter().any(|share| *share < 0.4) && drawn.iter().any(|share| *share > 0.6));
    }
}
