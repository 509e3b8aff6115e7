//! Which earlier reading a new one is held against.

use std::collections::VecDeque;

use crate::sampling::RawSample;

/// Readings kept less than this apart add nothing to any window, and would grow the queue without bound.
const SPACING_NS: u64 = 1_000_000;

/// Recent readings, of which the newest that is old enough serves as the baseline.
///
/// Processor counters advance in ticks of 10 ms, so a share over less than about 0.1 s is noise (P6). Sampling
/// faster than that therefore looks back over several readings: the window slides.
#[derive(Debug)]
pub struct Baselines {
    window_ns: u64,
    /// Oldest first.
    readings: VecDeque<RawSample>,
    /// Readings that have been let go, kept for their buffers: a steady state allocates nothing.
    spare: Vec<RawSample>,
}

impl Baselines {
    /// Baselines at least `window_seconds` old.
    #[must_use]
    pub fn new(window_seconds: f64) -> Self {
        Self { window_ns: (window_seconds * 1e9) as u64, readings: VecDeque::new(), spare: Vec::new() }
    }

    /// The newest reading that is at least a window older than `now_ns`.
    #[must_use]
    pub fn for_reading_at(&self, now_ns: u64) -> Option<&RawSample> {
        self.readings.iter().rev().find(|reading| reading.clock.monotonic_ns + self.window_ns <= now_ns)
    }

    /// The newest reading.
    #[must_use]
    pub fn newest(&self) -> Option<&RawSample> {
        self.readings.back()
    }

    /// When [`Self::for_reading_at`] will have an answer: `None` if there is no reading at all.
    #[must_use]
    pub fn ready_at_ns(&self) -> Option<u64> {
        self.readings.front().map(|oldest| oldest.clock.monotonic_ns + self.window_ns)
    }

    /// Keeps a reading, and lets go of those that no later reading can need. What it leaves in its place is one of
    /// those, for the next reading to be written over: nothing is copied.
    pub fn keep(&mut self, reading: &mut RawSample) {
        let now_ns = reading.clock.monotonic_ns;
        if self.readings.back().is_some_and(|newest| now_ns < newest.clock.monotonic_ns + SPACING_NS) {
            return;
        }
        while self.readings.get(1).is_some_and(|second| second.clock.monotonic_ns + self.window_ns <= now_ns) {
            self.spare.extend(self.readings.pop_front());
        }
        let spare = self.spare.pop().unwrap_or_default();
        self.readings.push_back(std::mem::replace(reading, spare));
    }

    /// Forgets everything: what follows has nothing to do with what was before (suspend, counters reset).
    pub fn forget(&mut self) {
        self.spare.extend(self.readings.drain(..));
    }
}
