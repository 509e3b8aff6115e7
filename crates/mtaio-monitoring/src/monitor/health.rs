//! How the monitor itself is doing: what it missed, dropped and could not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sampling::SectionHealth;

use super::destinations::DestinationHealth;
use super::pressure_watch::PressureTriggerHealth;

/// Counters that the loop and the recorders write.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) samples: AtomicU64,
    pub(super) missed_ticks: AtomicU64,
    /// The first sequence number of the newest run: what was before a stop is not the latest of anything.
    pub(super) first_sequence: AtomicU64,
    pub(super) latest_late_ns: AtomicU64,
    pub(super) largest_late_ns: AtomicU64,
    pub(super) dropped_values: AtomicU64,
    pub(super) delayed_thresholds: AtomicU64,
    /// These two a face tells, where it counts them itself.
    pub(super) handler_errors: AtomicU64,
    pub(super) dropped_calls: AtomicU64,
    pub(super) panics: AtomicU64,
}

impl Health {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// A picture of the monitor's own health. All counts are since the monitor was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealthReport {
    /// Whether the sampling thread runs.
    pub running: bool,
    /// Samples taken on the cadence.
    pub samples: u64,
    /// Deadlines that went by without a sample: the machine or the process had no time.
    pub missed_ticks: u64,
    /// How long after its deadline the newest sample began, in seconds.
    pub latest_late_seconds: f64,
    /// The same at its worst.
    pub largest_late_seconds: f64,
    /// Values that were not recorded because they were NaN or infinite, or below zero and for a counter.
    pub dropped_values: u64,
    /// Values that were not recorded because the limit on names was reached.
    pub dropped_names: u64,
    /// Series with labels that were let go because nobody recorded to them any more.
    pub expired_series: u64,
    /// What series recorded in a sample, and that was let go before its time because windows had no more memory.
    pub dropped_window_blocks: u64,
    /// Events that nobody took in time.
    pub dropped_events: u64,
    /// Calls of handlers that failed (raised, panicked), took too long or were aborted by a stop.
    pub handler_errors: u64,
    /// Calls of handlers that were not made because too many were under way, or that still wait for that reason.
    pub dropped_calls: u64,
    /// Panics caught at the loop's edge: bugs of this crate.
    pub panics: u64,
    /// Times that the machine was suspended.
    pub suspends: u64,
    /// Times that the wall clock was set.
    pub wall_clock_jumps: u64,
    /// Times that the kernel's counters started anew.
    pub counter_restarts: u64,
    /// Thresholds on names that have had no value for three intervals.
    pub thresholds_without_data: Vec<Arc<str>>,
    /// Values that were not held against a threshold with labels because it follows 2 000 sets of them already.
    pub dropped_instances: u64,
    /// Samples in which the time for thresholds on expressions, a quarter of the interval, was over before the last of them
    /// had been looked at: the others came first with the next sample.
    pub delayed_thresholds: u64,
    /// How the readings have gone, a line a section.
    pub sections: Vec<SectionHealth>,
    /// How the pressure rules are served.
    pub pressure_triggers: Vec<PressureTriggerHealth>,
    /// How the destinations are doing.
    pub destinations: Vec<DestinationHealth>,
}
