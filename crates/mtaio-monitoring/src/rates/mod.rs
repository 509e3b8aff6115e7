//! Two raw readings and the time between them, made into numbers that mean something. Pure, and the only place that
//! subtracts one reading from another.
//!
//! The obvious way, each number subtracting for itself where it is shown, is how a well-known tool came to print a
//! wrong irq share for four years. Here readings become an [`Interval`] of integers in one function, and
//! [`SystemStats`] follows from that.

mod baselines;
mod biggest;
mod container;
mod cpu;
mod delta;
mod details;
mod disk;
mod filesystems;
mod host;
mod interval;
mod memory;
mod monitor;
mod network;
mod packed;
mod pressure;
mod process;
mod stats;
mod tree;

pub use baselines::Baselines;
pub use biggest::{ProcessEvidence, biggest, processes};
pub use container::{
    ContainerCpuGroup, ContainerGroups, ContainerIoGroup, ContainerMemoryGroup, container_groups,
};
pub use cpu::{CpuDelta, cpu_delta};
pub use delta::{grown, grown_32_bit, grown_if_known};
pub use details::Details;
pub use disk::{DiskDelta, DiskTotals, disk_delta, disk_totals};
pub use filesystems::SpaceGroup;
pub use host::HostGroup;
pub use interval::{CpuGroup, Interval, IoGroup, MemoryGroup, ProcessGroup, SwapGroup, TimeGroup};
pub use memory::available_bytes;
pub use monitor::MonitorGroup;
pub use network::{NetworkGrowthGroup, NetworkTotalGroup, TrafficDelta, counted_interfaces, interface_delta};
pub use packed::{Packed16, Packed32, Packed64};
pub use pressure::{PressureGroup, PressureWindow, StallDelta, pressure_group};
pub use process::{ProcessEventGroup, ProcessIoGroup, ProcessMemoryGroup, ProcessTimeGroup};
pub use stats::{
    ContainerStats, CoreStats, CpuStats, DiskStats, FilesystemStats, HostStats, InterfaceStats, IoStats,
    MemoryStats, MonitorStats, NetworkStats, Pressure, PressureStats, ProcessStats, SpaceStats, SystemStats,
    TreeStats,
};
pub use tree::{TreeGroup, TreeIoGroup};
