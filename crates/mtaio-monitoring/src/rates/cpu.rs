//! Shares of processor time.
//!
//! There is no agreement between tools on what "busy" is (P3), so the definition stands here once: user, nice,
//! system, irq and softirq. Waiting for a disk (iowait) is not work, and neither is time that the hypervisor gave to
//! somebody else (steal); both are published beside it, and so is the number that psutil would print.

use crate::sampling::CpuTimes;

use super::delta::grown;

/// In the place of a mode that the system does not count.
const UNKNOWN: u32 = u32::MAX;

const USER: usize = 0;
const NICE: usize = 1;
const SYSTEM: usize = 2;
const IDLE: usize = 3;
const IOWAIT: usize = 4;
const IRQ: usize = 5;
const SOFTIRQ: usize = 6;
const STEAL: usize = 7;
const GUEST: usize = 8;
const GUEST_NICE: usize = 9;

/// The modes that add up to all time. Guest time is inside user and nice already (P2).
const WHOLE: [usize; 8] = [USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL];
const BUSY: [usize; 5] = [USER, NICE, SYSTEM, IRQ, SOFTIRQ];

/// Idle time that goes back by this many ticks (3 s) is a processor that was unplugged, or a machine that was
/// restored, not the kernel's jitter: everything before it is another life (P4, node_exporter's rule).
const RESET_TICKS: u64 = 300;

/// Ticks spent in each mode between two readings, each clamped to what is possible; `u32::MAX` for a mode that the
/// system does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuDelta(pub [u32; 10]);

/// Ticks per mode between two readings; `None` if the counters started anew between them.
///
/// Each mode is clamped by itself, and sums are made of clamped values only, so that parts always add up to the
/// whole (P4).
#[must_use]
pub fn cpu_delta(before: &CpuTimes, now: &CpuTimes) -> Option<CpuDelta> {
    if before.0[IDLE].saturating_sub(now.0[IDLE]) >= RESET_TICKS {
        return None;
    }
    let mut ticks = [0_u64; 10];
    let is_known = |mode: usize| before.0[mode] != CpuTimes::UNKNOWN && now.0[mode] != CpuTimes::UNKNOWN;
    for (mode, ticks) in ticks.iter_mut().enumerate().filter(|&(mode, _)| is_known(mode)) {
        *ticks = grown(before.0[mode], now.0[mode]);
    }
    // Guest time is a part of user time; counters that disagree must not make a part larger than its whole.
    ticks[GUEST] = ticks[GUEST].min(ticks[USER]);
    ticks[GUEST_NICE] = ticks[GUEST_NICE].min(ticks[NICE]);
    // Months between two readings of a large machine do not fit 32 bits; the shares survive a common shift.
    let largest = ticks.iter().copied().max().unwrap_or(0);
    let shift = (64 - largest.leading_zeros()).saturating_sub(32);
    let fitting = |ticks: u64| u32::try_from(ticks >> shift).unwrap_or(UNKNOWN).min(UNKNOWN - 1);
    Some(CpuDelta(std::array::from_fn(|mode| if is_known(mode) { fitting(ticks[mode]) } else { UNKNOWN })))
}

impl CpuDelta {
    /// All ticks, or `None` where no time has passed on the counters: then nothing was measured.
    fn whole(&self) -> Option<u64> {
        let whole = self.sum(&WHOLE);
        (whole > 0).then_some(whole)
    }

    fn sum(&self, modes: &[usize]) -> u64 {
        modes.iter().map(|&mode| self.0[mode]).filter(|&ticks| ticks != UNKNOWN).map(u64::from).sum()
    }

    fn percent_of(&self, modes: &[usize]) -> Option<f64> {
        Some(100.0 * self.sum(modes) as f64 / self.whole()? as f64)
    }

    /// Share of time spent in one mode, in the order of [`crate::sampling::CPU_MODES`]; 0–100. `None` for a mode that
    /// the system does not count, and for user mode where it is not told from the rest of busy time.
    #[must_use]
    pub fn mode_percent(&self, mode: usize) -> Option<f64> {
        let is_unsplit = mode == USER && self.0[SYSTEM] == UNKNOWN;
        if self.0[mode] == UNKNOWN || is_unsplit { None } else { self.percent_of(&[mode]) }
    }

    /// Share of time spent working: user, nice, system, irq, softirq; 0–100.
    #[must_use]
    pub fn usage_percent(&self) -> Option<f64> {
        self.percent_of(&BUSY)
    }

    /// What `psutil.cpu_percent` prints: everything that is neither idle nor iowait, so with steal; 0–100.
    #[must_use]
    pub fn usage_with_steal_percent(&self) -> Option<f64> {
        let whole = self.whole()?;
        Some(100.0 * (whole - self.sum(&[IDLE, IOWAIT])) as f64 / whole as f64)
    }
}
