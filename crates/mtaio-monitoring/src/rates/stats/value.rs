//! The value of each built-in metric in a sample.

use super::SystemStats;
use crate::metrics::catalogue::BuiltIn;

impl SystemStats {
    /// The value of a built-in metric in this sample; `None` where it was not measured.
    ///
    /// ```
    /// use mtaio_monitoring::{metrics::catalogue::BuiltIn, rates::SystemStats};
    /// let mut stats = SystemStats::default();
    /// assert_eq!(stats.value(BuiltIn::CpuUsage), None);
    /// stats.cpu.usage_percent = Some(12.5);
    /// assert_eq!(stats.value(BuiltIn::CpuUsage), Some(12.5));
    /// ```
    #[must_use]
    pub fn value(&self, metric: BuiltIn) -> Option<f64> {
        let Self { cpu, memory, io, pressure, container_pressure, .. } = self;
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
        let count = |count: Option<u32>| count.map(f64::from);
        let load = |index: usize| cpu.load_average.map(|load| load[index]);
        match metric {
            BuiltIn::CpuUsage | BuiltIn::HostCpuUsagePercent => cpu.usage_percent,
            BuiltIn::MemoryUsage | BuiltIn::HostMemoryUsagePercent => memory.percent,
            BuiltIn::LoadAverage | BuiltIn::HostLoad1m => load(0),
            BuiltIn::ThreadCount | BuiltIn::ProcessThreads => count(cpu.thread_count),
            BuiltIn::HostCpuUserPercent => cpu.user_percent,
            BuiltIn::HostCpuNicePercent => cpu.nice_percent,
            BuiltIn::HostCpuSystemPercent => cpu.system_percent,
            BuiltIn::HostCpuIdlePercent => cpu.idle_percent,
            BuiltIn::HostCpuIowaitPercent => cpu.iowait_percent,
            BuiltIn::HostCpuIrqPercent => cpu.irq_percent,
            BuiltIn::HostCpuSoftirqPercent => cpu.softirq_percent,
            BuiltIn::HostCpuStealPercent => cpu.steal_percent,
            BuiltIn::HostCpuGuestPercent => cpu.guest_percent,
            BuiltIn::HostCpuGuestNicePercent => cpu.guest_nice_percent,
            BuiltIn::HostCpuUsageWithStealPercent => cpu.usage_with_steal_percent,
            BuiltIn::HostCpusOnline => count(cpu.online_count),
            BuiltIn::HostLoad5m => load(1),
            BuiltIn::HostLoad15m => load(2),
            BuiltIn::HostThreads => count(cpu.system_thread_count),
            BuiltIn::HostThreadsRunning => count(cpu.running_thread_count),
            BuiltIn::HostMemoryTotalBytes => bytes(memory.total),
            BuiltIn::HostMemoryAvailableBytes => bytes(memory.available),
            BuiltIn::HostMemoryUsedBytes => bytes(memory.used),
            BuiltIn::HostMemoryFreeBytes => bytes(memory.free),
            BuiltIn::HostMemoryBuffersBytes => bytes(memory.buffers),
            BuiltIn::HostMemoryCachedBytes => bytes(memory.cached),
            BuiltIn::HostMemorySlabReclaimableBytes => bytes(memory.slab_reclaimable),
            BuiltIn::HostMemoryShmemBytes => bytes(memory.shmem),
            BuiltIn::HostSwapTotalBytes => bytes(memory.swap_total),
            BuiltIn::HostSwapFreeBytes => bytes(memory.swap_free),
            BuiltIn::HostSwapUsedBytes => bytes(memory.swap_used),
            BuiltIn::HostDiskReadBytesTotal => bytes(io.read_bytes),
            BuiltIn::HostDiskWriteBytesTotal => bytes(io.write_bytes),
            BuiltIn::HostDiskReadsTotal => bytes(io.read_count),
            BuiltIn::HostDiskWritesTotal => bytes(io.write_count),
            BuiltIn::HostDiskReadBytesPerSecond => io.read_bytes_per_second,
            BuiltIn::HostDiskWriteBytesPerSecond => io.write_bytes_per_second,
            BuiltIn::HostDiskReadsPerSecond => io.read_count_per_second,
            BuiltIn::HostDiskWritesPerSecond => io.write_count_per_second,
            BuiltIn::HostDiskReadLatencySeconds => io.read_latency_seconds,
            BuiltIn::HostDiskWriteLatencySeconds => io.write_latency_seconds,
            BuiltIn::ProcessCpuCoresUsed => cpu.process_cores_used,

            BuiltIn::HostPressureCpuSomePercent => pressure.cpu.some_percent,
            BuiltIn::HostPressureMemorySomePercent => pressure.memory.some_percent,
            BuiltIn::HostPressureMemoryFullPercent => pressure.memory.full_percent,
            BuiltIn::HostPressureIoSomePercent => pressure.io.some_percent,
            BuiltIn::HostPressureIoFullPercent => pressure.io.full_percent,
            BuiltIn::HostPressureIrqFullPercent => pressure.irq.full_percent,
            BuiltIn::ContainerPressureCpuSomePercent => container_pressure.cpu.some_percent,
            BuiltIn::ContainerPressureCpuFullPercent => container_pressure.cpu.full_percent,
            BuiltIn::ContainerPressureMemorySomePercent => container_pressure.memory.some_percent,
            BuiltIn::ContainerPressureMemoryFullPercent => container_pressure.memory.full_percent,
            BuiltIn::ContainerPressureIoSomePercent => container_pressure.io.some_percent,
            BuiltIn::ContainerPressureIoFullPercent => container_pressure.io.full_percent,
        }
    }
}
