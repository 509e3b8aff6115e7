//! The silences of one monitor.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::alerts::Silence;
use crate::error::{MonitoringError, Result};

use super::shared::Shared;

/// Silences that may be in force at once: each is asked at each look.
const SILENCES: usize = 1_000;

impl Shared {
    /// Keeps alerts quiet from now on.
    pub(super) fn silence(&self, matcher: &str, seconds: f64, comment: &str) -> Result<Silence> {
        let now = self.config.clock().now();
        let timestamp = now.realtime_ns as f64 / 1e9;
        let number = self.silences_so_far.fetch_add(1, Ordering::Relaxed) + 1;
        let silence = Silence::new(number, matcher, seconds, comment, now.monotonic_ns, timestamp)?;
        let _one_at_a_time = self.watches.lock();
        let mut silences = self.silences_at(now.monotonic_ns);
        if silences.len() >= SILENCES {
            return Err(MonitoringError::Configuration(format!(
                "there are {SILENCES} silences in force already: expire some, or silence a whole metric instead of its labels"
            )));
        }
        silences.push(silence.clone());
        self.silences.store(Arc::new(silences));
        Ok(silence)
    }

    /// Ends a silence, and tells what it kept back. Says whether it was in force.
    pub(super) fn expire_silence(&self, number: u64) -> bool {
        let now = self.config.clock().now();
        let mut watches = self.watches.lock();
        let before = self.silences_at(now.monotonic_ns);
        let left: Vec<Silence> = before.iter().filter(|silence| silence.number != number).cloned().collect();
        let found = left.len() < before.len();
        let timestamp = now.realtime_ns as f64 / 1e9;
        let events = watches.pass_time(&self.look(now.monotonic_ns, timestamp, &left));
        self.silences.store(Arc::new(left));
        events.into_iter().for_each(|event| self.outbox.push(event));
        found
    }

    /// The silences in force.
    pub(super) fn silences(&self) -> Vec<Silence> {
        self.silences_at(self.config.clock().monotonic_ns())
    }

    fn silences_at(&self, now_ns: u64) -> Vec<Silence> {
        self.silences.load().iter().filter(|silence| now_ns < silence.until_ns).cloned().collect()
    }
}
