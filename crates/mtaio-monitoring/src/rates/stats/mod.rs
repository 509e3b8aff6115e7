//! The readable statistics, made from an [`Interval`] by pure functions.

use super::interval::Interval;

mod cpu;
mod io;
mod memory;
mod pressure;
mod value;

pub use cpu::CpuStats;
pub use io::IoStats;
pub use memory::MemoryStats;
pub use pressure::{Pressure, PressureStats};

/// One sample, readable. A value that was not measured is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SystemStats {
    /// Seconds since the epoch; never goes backwards within one history.
    pub timestamp: f64,
    /// Processors.
    pub cpu: CpuStats,
    /// Memory and swap.
    pub memory: MemoryStats,
    /// Disks.
    pub io: IoStats,
    /// Seconds that the rates and shares of this sample cover (monotonic); `None` without a baseline.
    pub elapsed_seconds: Option<f64>,
    /// Counts the samples of one monitor, missed ones included.
    pub sequence: u64,
    /// The machine slept, or readings started anew, since the sample before this one.
    pub gap: bool,
    /// Pressure on the machine.
    pub pressure: PressureStats,
    /// Pressure on this process's own cgroup; nothing in it is measured where there is none.
    pub container_pressure: PressureStats,
}

impl From<&Interval> for SystemStats {
    fn from(interval: &Interval) -> Self {
        Self {
            timestamp: interval.time.timestamp_ns as f64 / 1e9,
            cpu: cpu::cpu_stats(&interval.cpu, &interval.process),
            memory: memory::memory_stats(&interval.memory, &interval.swap),
            io: io::io_stats(&interval.io, interval.time.disks_elapsed_ns.get()),
            elapsed_seconds: interval.time.elapsed_ns.get().map(|elapsed| elapsed as f64 / 1e9),
            sequence: interval.time.sequence,
            gap: interval.time.gap,
            pressure: pressure::pressure_stats(&interval.pressure),
            container_pressure: pressure::pressure_stats(&interval.container_pressure),
        }
    }
}

/// `part / whole`, where both are known and the whole is something.
fn ratio(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let whole = whole.filter(|&whole| whole > 0)?;
    Some(part? as f64 / whole as f64)
}
