//! Processors, as a reader sees them.

use super::{CoreStats, ratio};
use crate::rates::interval::{CpuGroup, ProcessGroup};
use crate::rates::packed::Packed32;

/// Processors. Percentages but for `usage_percent` are of all processors of the machine together, 0–100, over
/// [`SystemStats::elapsed_seconds`](super::SystemStats::elapsed_seconds).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuStats {
    /// Time in use, of what this process may use: with `scope="auto"`, where a quota, a cpuset or its affinity leaves
    /// it less than the machine, what its control group used of that, and then not clamped, for a burst may take it
    /// above 100. Else `host_usage_percent`.
    pub usage_percent: Option<f64>,
    /// Runnable and uninterruptible tasks of the machine, averaged over 1, 5 and 15 minutes.
    pub load_average: Option<[f64; 3]>,
    /// Operating-system threads of this process.
    pub thread_count: Option<u32>,
    /// In user mode, guests included.
    pub user_percent: Option<f64>,
    /// In user mode at low priority, guests included.
    pub nice_percent: Option<f64>,
    /// In the kernel.
    pub system_percent: Option<f64>,
    /// Doing nothing.
    pub idle_percent: Option<f64>,
    /// Doing nothing while a request to a disk is outstanding.
    pub iowait_percent: Option<f64>,
    /// Serving interrupts.
    pub irq_percent: Option<f64>,
    /// Serving soft interrupts.
    pub softirq_percent: Option<f64>,
    /// Wanted to run while the hypervisor ran somebody else.
    pub steal_percent: Option<f64>,
    /// Running a guest: part of `user_percent`.
    pub guest_percent: Option<f64>,
    /// Running a guest at low priority: part of `nice_percent`.
    pub guest_nice_percent: Option<f64>,
    /// What psutil calls `cpu_percent`: everything but idle and iowait, so including steal.
    pub usage_with_steal_percent: Option<f64>,
    /// Processors that are online.
    pub online_count: Option<u32>,
    /// Processors' worth of time that this process used: 1.0 is one processor kept busy. May exceed the number of
    /// processors by rounding only.
    pub process_cores_used: Option<f64>,
    /// Threads that exist on the whole system.
    pub system_thread_count: Option<u32>,
    /// Threads of the whole system that are running or ready to.
    pub running_thread_count: Option<u32>,
    /// Each processor by itself; `None` in rows of the history.
    pub cores: Option<Vec<CoreStats>>,
    /// Time that the machine spent working: user + nice + system + irq + softirq. Neither iowait nor steal is work.
    pub host_usage_percent: Option<f64>,
}

pub(super) fn cpu_stats(cpu: &CpuGroup, process: &ProcessGroup) -> CpuStats {
    let mode = |mode| cpu.delta.mode_percent(mode);
    let load = cpu.load_hundredths.map(Packed32::get);
    CpuStats {
        usage_percent: cpu.delta.usage_percent(),
        load_average: match load {
            [Some(one), Some(five), Some(fifteen)] => {
                Some([one, five, fifteen].map(|hundredths| f64::from(hundredths) / 100.0))
            }
            _ => None,
        },
        thread_count: cpu.threads.get(),
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
        usage_with_steal_percent: cpu.delta.usage_with_steal_percent(),
        online_count: cpu.online.get(),
        process_cores_used: ratio(process.delta_cpu_ns.get(), process.elapsed_ns.get()),
        system_thread_count: process.system_threads.get(),
        running_thread_count: process.running_threads.get(),
        cores: None,
        host_usage_percent: cpu.delta.usage_percent(),
    }
}
