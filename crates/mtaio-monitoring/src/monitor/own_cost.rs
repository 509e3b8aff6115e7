//! What the monitor says about itself: what its thread costs, and how punctual it is.

use crate::clock::Clock;
use crate::rates::{MonitorGroup, grown, grown_if_known};

use super::cadence::Due;

/// Kept from tick to tick. The loop's thread alone asks for its own processor time; whoever asks for a reading is given
/// what the newest tick found.
#[derive(Debug, Default)]
pub(super) struct OwnCost {
    last: Option<Moment>,
    newest: MonitorGroup,
}

#[derive(Clone, Copy, Debug)]
struct Moment {
    monotonic_ns: u64,
    thread_cpu_ns: Option<u64>,
}

impl OwnCost {
    /// A thread begins: its clock is another than that of the one before.
    pub(super) fn start_anew(&mut self) {
        *self = Self::default();
    }

    /// A tick that began at `begun_ns` has its sample; called on the loop's own thread.
    pub(super) fn tick(
        &mut self,
        clock: &Clock,
        begun_ns: u64,
        due: Due,
        missed_ticks: u64,
        failed_reads: u64,
    ) -> MonitorGroup {
        let now = Moment { monotonic_ns: clock.monotonic_ns(), thread_cpu_ns: clock.thread_cpu_ns() };
        let last = self.last.replace(now);
        self.newest = MonitorGroup {
            delta_cpu_ns: grown_if_known(last.and_then(|last| last.thread_cpu_ns), now.thread_cpu_ns).into(),
            elapsed_ns: last.map(|last| grown(last.monotonic_ns, now.monotonic_ns)).into(),
            late_ns: Some(due.late_ns).into(),
            missed_ticks: Some(missed_ticks).into(),
            failed_reads: Some(failed_reads).into(),
            sample_ns: Some(grown(begun_ns, now.monotonic_ns)).into(),
        };
        self.newest
    }

    /// Of the newest tick; nothing before the first.
    pub(super) fn newest(&self) -> MonitorGroup {
        self.newest
    }
}
