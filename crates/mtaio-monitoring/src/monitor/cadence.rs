//! When the next sample is due: absolute deadlines, no drift, no bursts (P37).

/// A grid of deadlines on the monotonic clock.
///
/// ```
/// use mtaio_monitoring::monitor::{Cadence, Due};
/// let mut cadence = Cadence::new(0, 100);
/// assert_eq!(cadence.next_ns(), 100);
/// assert_eq!(cadence.arrive(130), Due { missed: 0, late_ns: 30, deadline_ns: 100 });
/// assert_eq!(cadence.next_ns(), 200, "late once, and back on the grid");
/// assert_eq!(cadence.arrive(470), Due { missed: 2, late_ns: 70, deadline_ns: 400 }, "200 and 300 were missed");
/// assert_eq!(cadence.next_ns(), 500);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    interval_ns: u64,
    next_ns: u64,
}

/// How a tick arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Deadlines that went by without a sample. They are counted, never made up for.
    pub missed: u64,
    /// How long after the newest deadline.
    pub late_ns: u64,
    /// That deadline, on the monotonic clock.
    pub deadline_ns: u64,
}

impl Cadence {
    /// Deadlines every `interval_ns`, the first one an interval after `start_ns`.
    #[must_use]
    pub fn new(start_ns: u64, interval_ns: u64) -> Self {
        let interval_ns = interval_ns.max(1);
        Self { interval_ns, next_ns: start_ns.saturating_add(interval_ns) }
    }

    /// The next deadline.
    #[must_use]
    pub fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// A tick has come at `now_ns`, at or after the deadline; the next deadline is the first one after it.
    pub fn arrive(&mut self, now_ns: u64) -> Due {
        let behind = now_ns.saturating_sub(self.next_ns);
        let missed = behind / self.interval_ns;
        self.next_ns = self.next_ns.saturating_add((missed + 1).saturating_mul(self.interval_ns));
        let late_ns = behind % self.interval_ns;
        Due { missed, late_ns, deadline_ns: now_ns.saturating_sub(late_ns) }
    }
}
