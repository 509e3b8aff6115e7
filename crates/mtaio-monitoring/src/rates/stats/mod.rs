//! The readable statistics, made from an [`Interval`] by pure functions.

use super::interval::Interval;

mod container;
mod core;
mod cpu;
mod disk;
mod filesystems;
mod host;
mod io;
mod memory;
mod monitor;
mod network;
mod pressure;
mod process;
mod tree;
mod value;

pub use container::ContainerStats;
pub use core::CoreStats;
pub use cpu::CpuStats;
pub use disk::DiskStats;
pub use filesystems::{FilesystemStats, SpaceStats};
pub use host::HostStats;
pub use io::IoStats;
pub use memory::MemoryStats;
pub use network::{InterfaceStats, NetworkStats};

pub(super) use core::core_stats;
pub(super) use disk::disk_stats;
pub(super) use filesystems::filesystem_stats;
pub use monitor::MonitorStats;
pub(super) use network::interface_stats;
pub use pressure::{Pressure, PressureStats};
pub use process::ProcessStats;
pub use tree::TreeStats;

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
    /// Network interfaces of this process's network namespace.
    pub network: NetworkStats,
    /// Room on file systems: the fullest one, and the one at `/`.
    pub space: SpaceStats,
    /// Each file system by itself; `None` in rows of the history.
    pub filesystems: Option<Vec<FilesystemStats>>,
    /// The machine as a whole.
    pub host: HostStats,
    /// The control group of this process.
    pub container: ContainerStats,
    /// This process.
    pub process: ProcessStats,
    /// This process and its descendants.
    pub tree: TreeStats,
    /// The monitor itself.
    pub monitor: MonitorStats,
    /// Pressure on the machine.
    pub pressure: PressureStats,
    /// Pressure on this process's own cgroup; nothing in it is measured where there is none.
    pub container_pressure: PressureStats,
}

impl From<&Interval> for SystemStats {
    fn from(interval: &Interval) -> Self {
        let mut cpu = cpu::cpu_stats(&interval.cpu, &interval.process);
        let mut memory = memory::memory_stats(&interval.memory, &interval.swap);
        let container = container::container_stats(&interval.container, cpu.online_count, memory.host_total);
        if interval.container.cpu.sets_scope {
            container::set_scope(&interval.container, &container, &mut cpu, &mut memory);
        }
        Self {
            timestamp: interval.time.timestamp_ns as f64 / 1e9,
            cpu,
            memory,
            io: io::io_stats(&interval.io, &interval.host, interval.time.disks_elapsed_ns.get()),
            elapsed_seconds: interval.time.elapsed_ns.get().map(|elapsed| elapsed as f64 / 1e9),
            sequence: interval.time.sequence,
            gap: interval.time.gap,
            network: network::network_stats(&interval.network, &interval.network_growth),
            space: filesystems::space_stats(&interval.space),
            filesystems: None,
            host: host::host_stats(&interval.host),
            container,
            process: process::process_stats(interval),
            tree: tree::tree_stats(&interval.tree, &interval.tree_io),
            monitor: monitor::monitor_stats(&interval.monitor),
            pressure: pressure::pressure_stats(&interval.pressure),
            container_pressure: pressure::pressure_stats(&interval.container_pressure),
        }
    }
}

/// What has grown by `growth` in `elapsed_ns`, a second.
fn per_second(growth: Option<u64>, elapsed_ns: Option<u64>) -> Option<f64> {
    ratio(growth, elapsed_ns).map(|rate| 1e9 * rate)
}

/// `part / whole`, where both are known and the whole is something.
fn ratio(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let whole = whole.filter(|&whole| whole > 0)?;
    Some(part? as f64 / whole as f64)
}
