//! One processor, as a reader sees it.

use crate::rates::cpu::{CpuDelta, cpu_delta};
use crate::sampling::{CpuTimes, RawCpu};

/// One processor. Percentages are of its own time, 0–100, and defined as in [`CpuStats`](super::CpuStats); all are
/// `None` for a processor that was not online before (P5).
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "named and defined as in CpuStats, which documents them")]
pub struct CoreStats {
    /// The kernel's number: that of `cpuN`. Numbers may have holes.
    pub number: u32,
    pub usage_percent: Option<f64>,
    pub user_percent: Option<f64>,
    pub nice_percent: Option<f64>,
    pub system_percent: Option<f64>,
    pub idle_percent: Option<f64>,
    pub iowait_percent: Option<f64>,
    pub irq_percent: Option<f64>,
    pub softirq_percent: Option<f64>,
    pub steal_percent: Option<f64>,
    pub guest_percent: Option<f64>,
    pub guest_nice_percent: Option<f64>,
}

pub(in crate::rates) fn core_stats(before: Option<&RawCpu>, now: &RawCpu) -> Vec<CoreStats> {
    let core = |(index, (number, times)): (usize, &(u32, CpuTimes))| {
        let delta = before
            .and_then(|before| earlier(before, index, *number))
            .and_then(|old| cpu_delta(old, times))
            .unwrap_or_default();
        one(*number, &delta)
    };
    now.cores.iter().enumerate().map(core).collect()
}

/// The same processor in the earlier reading: almost always at the same place.
fn earlier(before: &RawCpu, index: usize, number: u32) -> Option<&CpuTimes> {
    let same = |core: &&(u32, CpuTimes)| core.0 == number;
    let core = before.cores.get(index).filter(same).or_else(|| before.cores.iter().find(same))?;
    Some(&core.1)
}

fn one(number: u32, delta: &CpuDelta) -> CoreStats {
    let mode = |mode| delta.mode_percent(mode);
    CoreStats {
        number,
        usage_percent: delta.usage_percent(),
        user_percent: mode(0),
        nice_percent: mode(1),
        system_percent: mode(2),
        idle_percent: mode(3),
        iowait_percent: mode(4),
        irq_percent: mode(5),
        softirq_percent: mode(6),
        steal_percent: mode(7),
        guest_percent: mode(8),
        guest_nice_percent: mode(9),
    }
}
