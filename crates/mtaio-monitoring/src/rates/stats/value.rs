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
        let Self { cpu, memory, io, process, tree, monitor, .. } = self;
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

            BuiltIn::ProcessCpuPercent => process.cpu_percent,
            BuiltIn::ProcessCpuUserPercent => process.cpu_user_percent,
            BuiltIn::ProcessCpuSystemPercent => process.cpu_system_percent,
            BuiltIn::ProcessCpuSecondsTotal => process.cpu_seconds,
            BuiltIn::ProcessCpuUserSecondsTotal => process.cpu_user_seconds,
            BuiltIn::ProcessCpuSystemSecondsTotal => process.cpu_system_seconds,
            BuiltIn::ProcessResidentMemoryBytes => bytes(process.rss_bytes),
            BuiltIn::ProcessVirtualMemoryBytes => bytes(process.vms_bytes),
            BuiltIn::ProcessSharedMemoryBytes => bytes(process.shared_bytes),
            BuiltIn::ProcessProportionalMemoryBytes => bytes(process.pss_bytes),
            BuiltIn::ProcessOpenFds => bytes(process.open_descriptors),
            BuiltIn::ProcessMaxFds => bytes(process.descriptor_limit),
            BuiltIn::ProcessFdsPercent => process.descriptor_percent,
            BuiltIn::ProcessVoluntaryContextSwitchesTotal => bytes(process.voluntary_switches),
            BuiltIn::ProcessInvoluntaryContextSwitchesTotal => bytes(process.involuntary_switches),
            BuiltIn::ProcessVoluntaryContextSwitchesPerSecond => process.voluntary_switches_per_second,
            BuiltIn::ProcessInvoluntaryContextSwitchesPerSecond => process.involuntary_switches_per_second,
            BuiltIn::ProcessMinorPageFaultsTotal => bytes(process.minor_faults),
            BuiltIn::ProcessMajorPageFaultsTotal => bytes(process.major_faults),
            BuiltIn::ProcessMinorPageFaultsPerSecond => process.minor_faults_per_second,
            BuiltIn::ProcessMajorPageFaultsPerSecond => process.major_faults_per_second,
            BuiltIn::ProcessIoReadBytesTotal => bytes(process.read_bytes),
            BuiltIn::ProcessIoWriteBytesTotal => bytes(process.write_bytes),
            BuiltIn::ProcessIoReadCharactersTotal => bytes(process.read_characters),
            BuiltIn::ProcessIoWriteCharactersTotal => bytes(process.write_characters),
            BuiltIn::ProcessIoReadBytesPerSecond => process.read_bytes_per_second,
            BuiltIn::ProcessIoWriteBytesPerSecond => process.write_bytes_per_second,
            BuiltIn::ProcessIoReadCharactersPerSecond => process.read_characters_per_second,
            BuiltIn::ProcessIoWriteCharactersPerSecond => process.write_characters_per_second,
            BuiltIn::ProcessStartTimeSeconds => process.start_time,
            BuiltIn::ProcessUptimeSeconds => process.uptime_seconds,
            BuiltIn::TreeProcesses => count(tree.processes),
            BuiltIn::TreeThreads => count(tree.threads),
            BuiltIn::TreeCpuCoresUsed => tree.cpu_cores_used,
            BuiltIn::TreeCpuSecondsTotal => tree.cpu_seconds,
            BuiltIn::TreeResidentMemoryBytes => bytes(tree.rss_bytes),
            BuiltIn::TreeOpenFds => bytes(tree.open_descriptors),
            BuiltIn::TreeIoReadBytesTotal => bytes(tree.read_bytes),
            BuiltIn::TreeIoWriteBytesTotal => bytes(tree.write_bytes),
            BuiltIn::TreeIoReadBytesPerSecond => tree.read_bytes_per_second,
            BuiltIn::TreeIoWriteBytesPerSecond => tree.write_bytes_per_second,
            BuiltIn::MonitorCpuPercent => monitor.cpu_percent,
            BuiltIn::MonitorLateSeconds => monitor.late_seconds,
            BuiltIn::MonitorMissedTicksTotal => bytes(monitor.missed_ticks),
            BuiltIn::MonitorFailedReadsTotal => bytes(monitor.failed_reads),
            BuiltIn::MonitorSampleSeconds => monitor.sample_seconds,
        }
    }
}
