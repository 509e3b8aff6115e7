//! Pressure, as a reader sees it.

use super::ratio;
use crate::rates::packed::{Packed16, Packed32};
use crate::rates::pressure::{PressureGroup, StallDelta};

/// For how much of the time tasks stood still for want of a resource; 0–100.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pressure {
    /// At least one task, of the time between the two readings of this file.
    pub some_percent: Option<f64>,
    /// All tasks that were not idle, of the same time.
    pub full_percent: Option<f64>,
    /// The kernel's own average of `some` over 10 s: for display, since it lags.
    pub some_avg10_percent: Option<f64>,
    /// The kernel's own average of `full` over 10 s.
    pub full_avg10_percent: Option<f64>,
}

/// Pressure, of the machine or of this process's own cgroup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PressureStats {
    /// Waiting for a processor. Its `full` is `None` for the machine, where it means nothing.
    pub cpu: Pressure,
    /// Waiting for memory: reclaim, swapping in, refaults.
    pub memory: Pressure,
    /// Waiting for a disk.
    pub io: Pressure,
    /// Waiting while the processor served interrupts: `full` alone, of the machine alone (Linux ≥ 6.1).
    pub irq: Pressure,
}

pub(super) fn pressure_stats(group: &PressureGroup) -> PressureStats {
    PressureStats {
        cpu: pressure(&group.cpu),
        memory: pressure(&group.memory),
        io: pressure(&group.io),
        irq: pressure(&group.irq),
    }
}

fn pressure(delta: &StallDelta) -> Pressure {
    let microseconds = |microseconds: Packed32| microseconds.get().map(u64::from);
    let percent = |stalled: Packed32| {
        ratio(microseconds(stalled), microseconds(delta.elapsed_us)).map(|share| 100.0 * share)
    };
    // A kernel's average may round up to just above the whole.
    let average =
        |hundredths: Packed16| hundredths.get().map(|hundredths| (f64::from(hundredths) / 100.0).min(100.0));
    Pressure {
        some_percent: percent(delta.some_us),
        full_percent: percent(delta.full_us),
        some_avg10_percent: average(delta.some_avg10_hundredths),
        full_avg10_percent: average(delta.full_avg10_hundredths),
    }
}
