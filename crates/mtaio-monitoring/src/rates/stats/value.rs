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
        let Self { cpu, memory, io, container, .. } = self;
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
        let count = |count: Option<u32>| count.map(f64::from);
        let load = |index: usize| cpu.load_average.map(|load| load[index]);
        match metric {
            BuiltIn::CpuUsage => cpu.usage_percent,
            BuiltIn::HostCpuUsagePercent => cpu.host_usage_percent,
            BuiltIn::MemoryUsage => memory.percent,
            BuiltIn::HostMemoryUsagePercent => memory.host_percent,
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
            BuiltIn::HostMemoryTotalBytes => bytes(memory.host_total),
            BuiltIn::HostMemoryAvailableBytes => bytes(memory.host_available),
            BuiltIn::HostMemoryUsedBytes => bytes(memory.host_used),
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

            BuiltIn::HostDiskUtilisationPercent => io.utilisation_percent,
            BuiltIn::HostFilesystemUsagePercent => self.space.usage_percent,
            BuiltIn::HostFilesystemInodesUsagePercent => self.space.inodes_usage_percent,
            BuiltIn::HostRootFilesystemTotalBytes => bytes(self.space.root_total),
            BuiltIn::HostRootFilesystemUsedBytes => bytes(self.space.root_used),
            BuiltIn::HostRootFilesystemAvailableBytes => bytes(self.space.root_available),
            BuiltIn::HostRootFilesystemUsagePercent => self.space.root_usage_percent,
            BuiltIn::HostRootFilesystemInodesUsagePercent => self.space.root_inodes_usage_percent,
            BuiltIn::HostUptimeSeconds => self.host.uptime_seconds,
            BuiltIn::HostBootTimeSeconds => self.host.boot_time,
            BuiltIn::HostContextSwitchesPerSecond => self.host.context_switches_per_second,
            BuiltIn::HostProcessesCreatedPerSecond => self.host.processes_created_per_second,
            BuiltIn::HostProcessesBlocked => count(self.host.processes_blocked),
            BuiltIn::HostFileHandlesUsed => count(self.host.file_handles_used),
            BuiltIn::HostFileHandlesMax => bytes(self.host.file_handles_max),
            BuiltIn::HostSwapInBytesPerSecond => self.host.swap_in_bytes_per_second,
            BuiltIn::HostSwapOutBytesPerSecond => self.host.swap_out_bytes_per_second,
            BuiltIn::NetworkReceiveBytesTotal => bytes(self.network.receive_bytes),
            BuiltIn::NetworkTransmitBytesTotal => bytes(self.network.transmit_bytes),
            BuiltIn::NetworkReceivePacketsTotal => bytes(self.network.receive_packets),
            BuiltIn::NetworkTransmitPacketsTotal => bytes(self.network.transmit_packets),
            BuiltIn::NetworkReceiveErrorsTotal => bytes(self.network.receive_errors),
            BuiltIn::NetworkTransmitErrorsTotal => bytes(self.network.transmit_errors),
            BuiltIn::NetworkReceiveDropsTotal => bytes(self.network.receive_drops),
            BuiltIn::NetworkTransmitDropsTotal => bytes(self.network.transmit_drops),
            BuiltIn::NetworkReceiveBytesPerSecond => self.network.receive_bytes_per_second,
            BuiltIn::NetworkTransmitBytesPerSecond => self.network.transmit_bytes_per_second,
            BuiltIn::NetworkReceivePacketsPerSecond => self.network.receive_packets_per_second,
            BuiltIn::NetworkTransmitPacketsPerSecond => self.network.transmit_packets_per_second,
            BuiltIn::NetworkReceiveErrorsPerSecond => self.network.receive_errors_per_second,
            BuiltIn::NetworkTransmitErrorsPerSecond => self.network.transmit_errors_per_second,
            BuiltIn::NetworkReceiveDropsPerSecond => self.network.receive_drops_per_second,
            BuiltIn::NetworkTransmitDropsPerSecond => self.network.transmit_drops_per_second,
            BuiltIn::ContainerCpuLimitCores => container.cpu_limit_cores,
            BuiltIn::ContainerCpuCoresUsed => container.cpu_cores_used,
            BuiltIn::ContainerCpuUsagePercent => container.cpu_usage_percent,
            BuiltIn::ContainerCpuThrottledPeriodsPercent => container.cpu_throttled_periods_percent,
            BuiltIn::ContainerCpuThrottledSecondsPerSecond => container.cpu_throttled_seconds_per_second,
            BuiltIn::ContainerMemoryLimitBytes => bytes(container.memory_limit),
            BuiltIn::ContainerMemoryHighBytes => bytes(container.memory_high),
            BuiltIn::ContainerMemoryUsageBytes => bytes(container.memory_usage),
            BuiltIn::ContainerMemoryWorkingSetBytes => bytes(container.memory_working_set),
            BuiltIn::ContainerMemoryUsagePercent => container.memory_percent,
            BuiltIn::ContainerSwapUsageBytes => bytes(container.swap_usage),
            BuiltIn::ContainerOomKills => count(container.oom_kills),
            BuiltIn::ContainerOomKillsTotal => bytes(container.oom_kills_total),
            BuiltIn::ContainerMemoryHighEvents => count(container.memory_high_events),
            BuiltIn::ContainerMemoryMaxEvents => count(container.memory_max_events),
            BuiltIn::ContainerPids => count(container.pids),
            BuiltIn::ContainerPidsLimit => count(container.pids_limit),
            BuiltIn::ContainerDiskReadBytesTotal => bytes(container.read_bytes),
            BuiltIn::ContainerDiskWriteBytesTotal => bytes(container.write_bytes),
            BuiltIn::ContainerDiskReadsTotal => bytes(container.read_count),
            BuiltIn::ContainerDiskWritesTotal => bytes(container.write_count),
            BuiltIn::ContainerDiskReadBytesPerSecond => container.read_bytes_per_second,
            BuiltIn::ContainerDiskWriteBytesPerSecond => container.write_bytes_per_second,
            BuiltIn::ContainerDiskReadsPerSecond => container.read_count_per_second,
            BuiltIn::ContainerDiskWritesPerSecond => container.write_count_per_second,
        }
    }
}
