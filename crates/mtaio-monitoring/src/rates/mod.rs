//! Two raw readings and the time between them, made into numbers that mean something. Pure, and the only place that
//! subtracts one reading from another.
//!
//! The obvious way, each number subtracting for itself where it is shown, is how a well-known tool came to print a
//! wrong irq share for four years. Here readings become an [`Interval`] of integers in one function, and
//! [`SystemStats`] follows from that.

mod baselines;
mod cpu;
mod delta;
mod disk;
mod interval;
mod memory;
mod packed;
mod pressure;
mod stats;

pub use baselines::Baselines;
pub use cpu::{CpuDelta, cpu_delta};
pub use delta::{grown, grown_32_bit, grown_if_known};
pub use disk::{DiskDelta, DiskTotals, disk_delta, disk_totals};
pub use interval::{CpuGroup, Interval, IoGroup, MemoryGroup, ProcessGroup, SwapGroup, TimeGroup};
pub use memory::available_bytes;
pub use packed::{Packed16, Packed32, Packed64};
pub use pressure::{PressureGroup, PressureWindow, StallDelta, pressure_group};
pub use stats::{CpuStats, IoStats, MemoryStats, Pressure, PressureStats, SystemStats};
