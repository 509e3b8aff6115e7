//! For how much of the time tasks stood still.

use std::collections::VecDeque;

use crate::sampling::{PressureScope, RawPressures, Resource, StallKind};

use super::delta::{grown, grown_if_known};
use super::packed::{Packed16, Packed32};

/// The pressure on one resource since the baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StallDelta {
    /// Microseconds in which at least one task stood still.
    pub some_us: Packed32,
    /// Microseconds in which all did.
    pub full_us: Packed32,
    /// Microseconds between the two readings of this very file (P36).
    pub elapsed_us: Packed32,
    /// The kernel's average over 10 s, in hundredths of a percent.
    pub some_avg10_hundredths: Packed16,
    /// The same of `full`.
    pub full_avg10_hundredths: Packed16,
}

/// The pressure on every resource, of the machine or of a cgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in PressureStats, which documents them")]
pub struct PressureGroup {
    pub cpu: StallDelta,
    pub memory: StallDelta,
    pub io: StallDelta,
    pub irq: StallDelta,
}

/// The pressure between two readings; averages only, where there is no baseline.
#[must_use]
pub fn pressure_group(scope: PressureScope, before: Option<&RawPressures>, now: &RawPressures) -> PressureGroup {
    let before = before.filter(|before| before.generation == now.generation);
    let delta = |resource| stall_delta(scope, resource, before, now);
    PressureGroup {
        cpu: delta(Resource::Cpu),
        memory: delta(Resource::Memory),
        io: delta(Resource::Io),
        irq: delta(Resource::Irq),
    }
}

fn stall_delta(
    scope: PressureScope,
    resource: Resource,
    before: Option<&RawPressures>,
    now: &RawPressures,
) -> StallDelta {
    let Some(file) = now.get(resource) else { return StallDelta::default() };
    let elapsed_us = before
        .and_then(|before| before.get(resource))
        .map(|before| grown(before.read_at_ns, file.read_at_ns) / 1_000)
        .filter(|&elapsed_us| elapsed_us > 0);
    let total = |raw: &RawPressures, kind| raw.total(scope, resource, kind).map(|(_, total_us)| total_us);
    let stalled = |kind| grown_if_known(before.and_then(|before| total(before, kind)), total(now, kind));
    // More than an hour does not fit 32 bits; the shares survive a common shift. Tasks cannot have stood still for
    // longer than there was time: what is more is the two clocks' rounding.
    let elapsed = elapsed_us.unwrap_or(0);
    let shift = (64 - elapsed.leading_zeros()).saturating_sub(31);
    let fit = |us: Option<u64>| Packed32::fitting(elapsed_us.and(us).map(|us| us.min(elapsed) >> shift));
    let average = |kind| {
        total(now, kind)?;
        let stall = match kind {
            StallKind::Some => file.value.some,
            StallKind::Full => file.value.full,
        };
        stall?.average_hundredths[0]
    };
    StallDelta {
        some_us: fit(stalled(StallKind::Some)),
        full_us: fit(stalled(StallKind::Full)),
        elapsed_us: fit(elapsed_us),
        some_avg10_hundredths: Packed16::fitting(average(StallKind::Some)),
        full_avg10_hundredths: Packed16::fitting(average(StallKind::Full)),
    }
}

/// Timers are late by a little: totals that are this share of the window too young count as a window old.
const SLACK: u64 = 20;

/// The share of a window that passes with the samples, for those whom the kernel does not tell.
///
/// ```
/// use mtaio_monitoring::rates::PressureWindow;
/// const SECOND: u64 = 1_000_000_000;
/// let mut window = PressureWindow::new(2 * SECOND);
/// assert_eq!(window.observe(10 * SECOND, 0), None);
/// assert_eq!(window.observe(11 * SECOND, 0), None, "not a window yet");
/// assert_eq!(window.observe(12 * SECOND, 500_000), Some(0.25));
/// assert_eq!(window.observe(13 * SECOND, 1_500_000), Some(0.75), "of the newest two seconds");
/// ```
#[derive(Debug)]
pub struct PressureWindow {
    window_ns: u64,
    /// When it was read, and the total in microseconds; the oldest first.
    totals: VecDeque<(u64, u64)>,
}

impl PressureWindow {
    /// A window that has seen nothing.
    #[must_use]
    pub fn new(window_ns: u64) -> Self {
        Self { window_ns, totals: VecDeque::new() }
    }

    /// Takes a total, and says for which share of the time tasks stood still (0–1), over the newest stretch that is as
    /// long as the window, less a twentieth, or as long as it takes from one sample to the next where that is longer.
    /// `None` until there is one.
    pub fn observe(&mut self, read_at_ns: u64, total_us: u64) -> Option<f64> {
        let goes_back = |&(at_ns, us): &(u64, u64)| read_at_ns <= at_ns || total_us < us;
        if self.totals.back().is_some_and(goes_back) {
            // Another cgroup, or counters that began anew.
            self.forget();
        }
        let least_ns = self.window_ns - self.window_ns / SLACK;
        let is_old_enough = |&(at_ns, _): &(u64, u64)| read_at_ns - at_ns >= least_ns;
        while self.totals.get(1).is_some_and(is_old_enough) {
            self.totals.pop_front();
        }
        let base = self.totals.front().copied().filter(is_old_enough);
        // Totals closer than this add nothing, and would grow the queue without bound.
        let spacing_ns = self.window_ns / SLACK;
        if self.totals.back().is_none_or(|&(at_ns, _)| read_at_ns - at_ns >= spacing_ns) {
            self.totals.push_back((read_at_ns, total_us));
        }
        let (at_ns, us) = base?;
        let share = (total_us - us) as f64 * 1e3 / (read_at_ns - at_ns) as f64;
        Some(share.min(1.0))
    }

    /// What follows has nothing to do with what was before.
    pub fn forget(&mut self) {
        self.totals.clear();
    }
}
