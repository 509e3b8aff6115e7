//! The monitor about itself.

use super::packed::Packed64;

/// What the monitor costs and how punctual it is. Filled by the loop that takes the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named and defined as in MonitorStats, which documents them")]
pub struct MonitorGroup {
    /// Processor time of the sampling thread since the tick before.
    pub delta_cpu_ns: Packed64,
    /// Time since the tick before.
    pub elapsed_ns: Packed64,
    pub late_ns: Packed64,
    pub missed_ticks: Packed64,
    pub failed_reads: Packed64,
    pub sample_ns: Packed64,
}

/// T8: at most 64 bytes a sample and group of fields.
const _: () = assert!(size_of::<MonitorGroup>() <= 64);
