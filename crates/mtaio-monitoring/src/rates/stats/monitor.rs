//! The monitor about itself, as a reader sees it.

use super::ratio;
use crate::rates::monitor::MonitorGroup;
use crate::rates::packed::Packed64;

/// The monitor itself, at its newest tick; `None` throughout where it has not been started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonitorStats {
    /// Processor time of its thread since the tick before, in percent of one processor.
    pub cpu_percent: Option<f64>,
    /// How long after its deadline the tick began.
    pub late_seconds: Option<f64>,
    /// Deadlines that went by without a sample, since it was made.
    pub missed_ticks: Option<u64>,
    /// Readings that gave nothing, of all sections, since it was made.
    pub failed_reads: Option<u64>,
    /// How long the sample took.
    pub sample_seconds: Option<f64>,
}

pub(super) fn monitor_stats(monitor: &MonitorGroup) -> MonitorStats {
    let seconds = |ns: Packed64| ns.get().map(|ns| ns as f64 / 1e9);
    MonitorStats {
        // Two clocks are read one after the other, so that a busy thread may seem to have used a little more.
        cpu_percent: ratio(monitor.delta_cpu_ns.get(), monitor.elapsed_ns.get())
            .map(|share| (100.0 * share).min(100.0)),
        late_seconds: seconds(monitor.late_ns),
        missed_ticks: monitor.missed_ticks.get(),
        failed_reads: monitor.failed_reads.get(),
        sample_seconds: seconds(monitor.sample_ns),
    }
}
