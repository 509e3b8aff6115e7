//! Every metric that the monitor measures by itself: the one list that the documents, the exporters, the dashboard
//! and `mtaio metrics` are made from.
//!
//! Each name says its scope (`host`, `container`, `process`; `network` is the network namespace of this process, which
//! in a container is the container's) and its unit; the four names that the reference prints come first.

/// How a metric's values behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, until whatever counts it starts anew.
    Counter,
    /// Many values, of which the distribution is asked for. Declared by the program; no built-in metric is one.
    Histogram,
    /// What is recorded under a name that nobody declared: its last value and its distribution are both kept.
    Untyped,
}

impl Kind {
    /// The kind's name in Prometheus' and OpenTelemetry's vocabulary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
            Self::Untyped => "untyped",
        }
    }
}

/// What there is to know about a built-in metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name that thresholds and `get_metric` take.
    pub name: &'static str,
    /// How its values behave.
    pub kind: Kind,
    /// Its unit in the UCUM notation that OpenTelemetry uses: `%`, `By`, `s`, `1`, `{thread}`.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident $name:literal $kind:ident $unit:literal $help:literal)*) => {
        /// A metric that the monitor measures by itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum BuiltIn { $(#[doc = $help] $variant,)* }

        impl BuiltIn {
            /// All of them, in the catalogue's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Name, kind, unit and help.
            #[must_use]
            pub fn description(self) -> Description {
                match self {
                    $(Self::$variant => Description { name: $name, kind: Kind::$kind, unit: $unit, help: $help },)*
                }
            }

            /// The metric of this name.
            ///
            /// ```
            /// use mtaio_monitoring::metrics::catalogue::BuiltIn;
            /// assert_eq!(BuiltIn::from_name("cpu_usage"), Some(BuiltIn::CpuUsage));
            /// assert_eq!(BuiltIn::from_name("cpu_usgae"), None);
            /// ```
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

catalogue! {
    CpuUsage "cpu_usage" Gauge "%" "Processor time in use, of what this process may use."
    MemoryUsage "memory_usage" Gauge "%" "Memory in use, of what this process may use."
    LoadAverage "load_average" Gauge "{task}" "Load average of the machine over 1 minute."
    ThreadCount "thread_count" Gauge "{thread}" "Operating-system threads of this process."

    HostCpuUsagePercent "host_cpu_usage_percent" Gauge "%" "Processor time of the machine spent working: user, nice, system, irq and softirq."
    HostCpuUserPercent "host_cpu_user_percent" Gauge "%" "Processor time in user mode, guests included."
    HostCpuNicePercent "host_cpu_nice_percent" Gauge "%" "Processor time in user mode at low priority, guests included."
    HostCpuSystemPercent "host_cpu_system_percent" Gauge "%" "Processor time in the kernel."
    HostCpuIdlePercent "host_cpu_idle_percent" Gauge "%" "Processor time spent doing nothing."
    HostCpuIowaitPercent "host_cpu_iowait_percent" Gauge "%" "Processor time idle while a request to a disk is outstanding."
    HostCpuIrqPercent "host_cpu_irq_percent" Gauge "%" "Processor time serving interrupts."
    HostCpuSoftirqPercent "host_cpu_softirq_percent" Gauge "%" "Processor time serving soft interrupts."
    HostCpuStealPercent "host_cpu_steal_percent" Gauge "%" "Processor time that the hypervisor gave to others."
    HostCpuGuestPercent "host_cpu_guest_percent" Gauge "%" "Processor time running guests: part of user."
    HostCpuGuestNicePercent "host_cpu_guest_nice_percent" Gauge "%" "Processor time running guests at low priority: part of nice."
    HostCpuUsageWithStealPercent "host_cpu_usage_with_steal_percent" Gauge "%" "Processor time neither idle nor iowait, steal included: psutil's cpu_percent."
    HostCpusOnline "host_cpus_online" Gauge "{cpu}" "Processors that are online."
    HostLoad1m "host_load_1m" Gauge "{task}" "Runnable and uninterruptible tasks, averaged over 1 minute."
    HostLoad5m "host_load_5m" Gauge "{task}" "Runnable and uninterruptible tasks, averaged over 5 minutes."
    HostLoad15m "host_load_15m" Gauge "{task}" "Runnable and uninterruptible tasks, averaged over 15 minutes."
    HostThreads "host_threads" Gauge "{thread}" "Threads that exist on the machine."
    HostThreadsRunning "host_threads_running" Gauge "{thread}" "Threads of the machine that run or are ready to."
    HostMemoryUsagePercent "host_memory_usage_percent" Gauge "%" "Memory of the machine in use: 100 * used / total."
    HostMemoryTotalBytes "host_memory_total_bytes" Gauge "By" "Usable memory of the machine."
    HostMemoryAvailableBytes "host_memory_available_bytes" Gauge "By" "Memory that programs can get without swapping."
    HostMemoryUsedBytes "host_memory_used_bytes" Gauge "By" "Memory in use: total - available."
    HostMemoryFreeBytes "host_memory_free_bytes" Gauge "By" "Memory that is not used for anything."
    HostMemoryBuffersBytes "host_memory_buffers_bytes" Gauge "By" "Cache of block devices."
    HostMemoryCachedBytes "host_memory_cached_bytes" Gauge "By" "Cache of files, and shared memory."
    HostMemorySlabReclaimableBytes "host_memory_slab_reclaimable_bytes" Gauge "By" "Kernel caches that can be given back."
    HostMemoryArcShrinkableBytes "host_memory_arc_shrinkable_bytes" Gauge "By" "What the cache of ZFS gives back when programs want it."
    HostMemoryShmemBytes "host_memory_shmem_bytes" Gauge "By" "Shared memory and tmpfs."
    HostSwapTotalBytes "host_swap_total_bytes" Gauge "By" "Size of the swap space."
    HostSwapFreeBytes "host_swap_free_bytes" Gauge "By" "Free swap space."
    HostSwapUsedBytes "host_swap_used_bytes" Gauge "By" "Swap space in use."
    HostDiskReadBytesTotal "host_disk_read_bytes_total" Counter "By" "Bytes read from whole physical disks since boot."
    HostDiskWriteBytesTotal "host_disk_write_bytes_total" Counter "By" "Bytes written to whole physical disks since boot."
    HostDiskReadsTotal "host_disk_reads_total" Counter "{operation}" "Reads completed by whole physical disks since boot."
    HostDiskWritesTotal "host_disk_writes_total" Counter "{operation}" "Writes completed by whole physical disks since boot."
    HostDiskReadBytesPerSecond "host_disk_read_bytes_per_second" Gauge "By/s" "Bytes read a second from whole physical disks."
    HostDiskWriteBytesPerSecond "host_disk_write_bytes_per_second" Gauge "By/s" "Bytes written a second to whole physical disks."
    HostDiskReadsPerSecond "host_disk_reads_per_second" Gauge "{operation}/s" "Reads completed a second by whole physical disks."
    HostDiskWritesPerSecond "host_disk_writes_per_second" Gauge "{operation}/s" "Writes completed a second by whole physical disks."
    HostDiskReadLatencySeconds "host_disk_read_latency_seconds" Gauge "s" "Mean time that a read took, over all whole physical disks."
    HostDiskWriteLatencySeconds "host_disk_write_latency_seconds" Gauge "s" "Mean time that a write took, over all whole physical disks."

    ProcessThreads "process_threads" Gauge "{thread}" "Operating-system threads of this process."
    ProcessCpuCoresUsed "process_cpu_cores_used" Gauge "{cpu}" "Processors' worth of time that this process uses: 1 is one processor kept busy."

    HostDiskUtilisationPercent "host_disk_utilisation_percent" Gauge "%" "Time in which the busiest whole disk had a request under way."
    HostFilesystemUsagePercent "host_filesystem_usage_percent" Gauge "%" "How full the fullest writable file system is: 100 * used / (used + available)."
    HostFilesystemInodesUsagePercent "host_filesystem_inodes_usage_percent" Gauge "%" "Inodes in use on the writable file system that has the largest share in use."
    HostRootFilesystemTotalBytes "host_root_filesystem_total_bytes" Gauge "By" "Size of the file system at /."
    HostRootFilesystemUsedBytes "host_root_filesystem_used_bytes" Gauge "By" "Bytes in use on the file system at /."
    HostRootFilesystemAvailableBytes "host_root_filesystem_available_bytes" Gauge "By" "Bytes of the file system at / that programs without privileges can still write."
    HostRootFilesystemUsagePercent "host_root_filesystem_usage_percent" Gauge "%" "How full the file system at / is: 100 * used / (used + available)."
    HostRootFilesystemInodesUsagePercent "host_root_filesystem_inodes_usage_percent" Gauge "%" "Inodes in use on the file system at /."
    HostUptimeSeconds "host_uptime_seconds" Gauge "s" "Time since the machine booted, time asleep included."
    HostBootTimeSeconds "host_boot_time_seconds" Gauge "s" "When the machine booted, since the epoch."
    HostContextSwitchesPerSecond "host_context_switches_per_second" Gauge "{switch}/s" "Context switches a second, on all processors together."
    HostProcessesCreatedPerSecond "host_processes_created_per_second" Gauge "{process}/s" "Processes and threads made a second."
    HostProcessesBlocked "host_processes_blocked" Gauge "{process}" "Tasks that wait for a device and cannot be interrupted."
    HostFileHandlesUsed "host_file_handles_used" Gauge "{handle}" "File handles of the machine in use."
    HostFileHandlesMax "host_file_handles_max" Gauge "{handle}" "File handles that the machine may use."
    HostSwapInBytesPerSecond "host_swap_in_bytes_per_second" Gauge "By/s" "Bytes a second read back from swap, over 10 s."
    HostSwapOutBytesPerSecond "host_swap_out_bytes_per_second" Gauge "By/s" "Bytes a second written to swap, over 10 s."
    NetworkReceiveBytesTotal "network_receive_bytes_total" Counter "By" "Bytes received, in the network namespace of this process."
    NetworkTransmitBytesTotal "network_transmit_bytes_total" Counter "By" "Bytes sent, in the network namespace of this process."
    NetworkReceivePacketsTotal "network_receive_packets_total" Counter "{packet}" "Packets received, in the network namespace of this process."
    NetworkTransmitPacketsTotal "network_transmit_packets_total" Counter "{packet}" "Packets sent, in the network namespace of this process."
    NetworkReceiveErrorsTotal "network_receive_errors_total" Counter "{packet}" "Packets that arrived damaged, in the network namespace of this process."
    NetworkTransmitErrorsTotal "network_transmit_errors_total" Counter "{packet}" "Packets that could not be sent, in the network namespace of this process."
    NetworkReceiveDropsTotal "network_receive_drops_total" Counter "{packet}" "Packets that arrived and were thrown away, in the network namespace of this process."
    NetworkTransmitDropsTotal "network_transmit_drops_total" Counter "{packet}" "Packets that were thrown away instead of sent, in the network namespace of this process."
    NetworkReceiveBytesPerSecond "network_receive_bytes_per_second" Gauge "By/s" "Bytes received, a second, in the network namespace of this process."
    NetworkTransmitBytesPerSecond "network_transmit_bytes_per_second" Gauge "By/s" "Bytes sent, a second, in the network namespace of this process."
    NetworkReceivePacketsPerSecond "network_receive_packets_per_second" Gauge "{packet}/s" "Packets received, a second, in the network namespace of this process."
    NetworkTransmitPacketsPerSecond "network_transmit_packets_per_second" Gauge "{packet}/s" "Packets sent, a second, in the network namespace of this process."
    NetworkReceiveErrorsPerSecond "network_receive_errors_per_second" Gauge "{packet}/s" "Packets that arrived damaged, a second, in the network namespace of this process."
    NetworkTransmitErrorsPerSecond "network_transmit_errors_per_second" Gauge "{packet}/s" "Packets that could not be sent, a second, in the network namespace of this process."
    NetworkReceiveDropsPerSecond "network_receive_drops_per_second" Gauge "{packet}/s" "Packets that arrived and were thrown away, a second, in the network namespace of this process."
    NetworkTransmitDropsPerSecond "network_transmit_drops_per_second" Gauge "{packet}/s" "Packets that were thrown away instead of sent, a second, in the network namespace of this process."
    ContainerCpuLimitCores "container_cpu_limit_cores" Gauge "{cpu}" "Processors' worth of time that this process may use: the least of quota, cpuset, affinity and online processors."
    ContainerCpuCoresUsed "container_cpu_cores_used" Gauge "{cpu}" "Processors' worth of time that the own control group uses."
    ContainerCpuUsagePercent "container_cpu_usage_percent" Gauge "%" "Processor time that the own control group uses, of its limit; a burst may take it above 100."
    ContainerCpuThrottledPeriodsPercent "container_cpu_throttled_periods_percent" Gauge "%" "Share of the quota's periods in which it ran out."
    ContainerCpuThrottledSecondsPerSecond "container_cpu_throttled_seconds_per_second" Gauge "s/s" "Time a second that the group's processors waited for their quota, summed over them."
    ContainerMemoryLimitBytes "container_memory_limit_bytes" Gauge "By" "Memory limit of the own control group and those around it, where it is below the machine's memory."
    ContainerMemoryHighBytes "container_memory_high_bytes" Gauge "By" "Memory above which the kernel holds the own control group up (version 2)."
    ContainerMemoryUsageBytes "container_memory_usage_bytes" Gauge "By" "Memory that the own control group uses, page cache included."
    ContainerMemoryWorkingSetBytes "container_memory_working_set_bytes" Gauge "By" "Memory that the own control group uses, less inactive page cache."
    ContainerMemoryUsagePercent "container_memory_usage_percent" Gauge "%" "Working set of the own control group, of its limit."
    ContainerSwapUsageBytes "container_swap_usage_bytes" Gauge "By" "Memory of the own control group that is swapped out."
    ContainerOomKills "container_oom_kills" Gauge "{process}" "Processes of the own control group killed for want of memory during the sample."
    ContainerOomKillsTotal "container_oom_kills_total" Counter "{process}" "Processes of the own control group killed for want of memory since it was made."
    ContainerMemoryHighEvents "container_memory_high_events" Gauge "{event}" "Times during the sample that the own control group was held up above memory.high."
    ContainerMemoryMaxEvents "container_memory_max_events" Gauge "{event}" "Times during the sample that the own control group was about to exceed its memory limit."
    ContainerPids "container_pids" Gauge "{thread}" "Threads of the own control group."
    ContainerPidsLimit "container_pids_limit" Gauge "{thread}" "Threads that the own control group may have."
    ContainerDiskReadBytesTotal "container_disk_read_bytes_total" Counter "By" "Bytes that the own control group read from disks."
    ContainerDiskWriteBytesTotal "container_disk_write_bytes_total" Counter "By" "Bytes that the own control group wrote to disks."
    ContainerDiskReadsTotal "container_disk_reads_total" Counter "{operation}" "Reads of the own control group from disks."
    ContainerDiskWritesTotal "container_disk_writes_total" Counter "{operation}" "Writes of the own control group to disks."
    ContainerDiskReadBytesPerSecond "container_disk_read_bytes_per_second" Gauge "By/s" "Bytes that the own control group reads a second from disks, over the latest ten seconds."
    ContainerDiskWriteBytesPerSecond "container_disk_write_bytes_per_second" Gauge "By/s" "Bytes that the own control group writes a second to disks, over the latest ten seconds."
    ContainerDiskReadsPerSecond "container_disk_reads_per_second" Gauge "{operation}/s" "Reads a second of the own control group from disks, over the latest ten seconds."
    ContainerDiskWritesPerSecond "container_disk_writes_per_second" Gauge "{operation}/s" "Writes a second of the own control group to disks, over the latest ten seconds."
    ProcessCpuPercent "process_cpu_percent" Gauge "%" "Processor time of this process in percent of one processor: above 100 where several threads are busy."
    ProcessCpuUserPercent "process_cpu_user_percent" Gauge "%" "The part of process_cpu_percent in user mode."
    ProcessCpuSystemPercent "process_cpu_system_percent" Gauge "%" "The part of process_cpu_percent in the kernel."
    ProcessCpuSecondsTotal "process_cpu_seconds_total" Counter "s" "Processor time that this process has used."
    ProcessCpuUserSecondsTotal "process_cpu_user_seconds_total" Counter "s" "Processor time that this process has used in user mode, by the kernel's estimate."
    ProcessCpuSystemSecondsTotal "process_cpu_system_seconds_total" Counter "s" "Processor time that this process has used in the kernel, by the kernel's estimate."
    ProcessResidentMemoryBytes "process_resident_memory_bytes" Gauge "By" "Resident memory of this process."
    ProcessVirtualMemoryBytes "process_virtual_memory_bytes" Gauge "By" "Address space of this process."
    ProcessSharedMemoryBytes "process_shared_memory_bytes" Gauge "By" "Resident memory of this process that files or shared memory stand behind; read every 5 s."
    ProcessProportionalMemoryBytes "process_proportional_memory_bytes" Gauge "By" "Resident memory of this process, each page divided by those who share it (PSS); read every 30 s."
    ProcessOpenFds "process_open_fds" Gauge "{descriptor}" "Open descriptors of this process; counted every 5 s."
    ProcessMaxFds "process_max_fds" Gauge "{descriptor}" "How many descriptors this process may have open."
    ProcessFdsPercent "process_fds_percent" Gauge "%" "Open descriptors of this process, of those that it may have."
    ProcessVoluntaryContextSwitchesTotal "process_voluntary_context_switches_total" Counter "{switch}" "Times that a thread of this process waited for something."
    ProcessInvoluntaryContextSwitchesTotal "process_involuntary_context_switches_total" Counter "{switch}" "Times that a thread of this process was made to give its processor up."
    ProcessVoluntaryContextSwitchesPerSecond "process_voluntary_context_switches_per_second" Gauge "{switch}/s" "Times a second that a thread of this process waited for something."
    ProcessInvoluntaryContextSwitchesPerSecond "process_involuntary_context_switches_per_second" Gauge "{switch}/s" "Times a second that a thread of this process was made to give its processor up."
    ProcessMinorPageFaultsTotal "process_minor_page_faults_total" Counter "{fault}" "Page faults of this process that needed no disk."
    ProcessMajorPageFaultsTotal "process_major_page_faults_total" Counter "{fault}" "Page faults of this process that waited for a disk."
    ProcessMinorPageFaultsPerSecond "process_minor_page_faults_per_second" Gauge "{fault}/s" "Page faults a second of this process that needed no disk."
    ProcessMajorPageFaultsPerSecond "process_major_page_faults_per_second" Gauge "{fault}/s" "Page faults a second of this process that waited for a disk."
    ProcessIoReadBytesTotal "process_io_read_bytes_total" Counter "By" "Bytes that this process, and children that it waited for, fetched from storage."
    ProcessIoWriteBytesTotal "process_io_write_bytes_total" Counter "By" "Bytes that they sent to storage, less those cancelled before they got there."
    ProcessIoReadCharactersTotal "process_io_read_characters_total" Counter "By" "Bytes that their reads returned, of caches, pipes and sockets too."
    ProcessIoWriteCharactersTotal "process_io_write_characters_total" Counter "By" "Bytes that they gave to writes, to caches, pipes and sockets too."
    ProcessIoReadBytesPerSecond "process_io_read_bytes_per_second" Gauge "By/s" "Bytes a second that they fetched from storage."
    ProcessIoWriteBytesPerSecond "process_io_write_bytes_per_second" Gauge "By/s" "Bytes a second that they sent to storage, less those cancelled."
    ProcessIoReadCharactersPerSecond "process_io_read_characters_per_second" Gauge "By/s" "Bytes a second that their reads returned."
    ProcessIoWriteCharactersPerSecond "process_io_write_characters_per_second" Gauge "By/s" "Bytes a second that they gave to writes."
    ProcessStartTimeSeconds "process_start_time_seconds" Gauge "s" "When this process started, in seconds since the epoch."
    ProcessUptimeSeconds "process_uptime_seconds" Gauge "s" "How long this process has run, time asleep included."
    TreeProcesses "tree_processes" Gauge "{process}" "This process and its descendants; looked at every 5 s, as is all of tree_*."
    TreeThreads "tree_threads" Gauge "{thread}" "Threads of this process and its descendants."
    TreeCpuCoresUsed "tree_cpu_cores_used" Gauge "{cpu}" "Processors' worth of time that this process and its descendants use, those that have ended included."
    TreeCpuSecondsTotal "tree_cpu_seconds_total" Counter "s" "Processor time of this process and its descendants, those that have ended included."
    TreeResidentMemoryBytes "tree_resident_memory_bytes" Gauge "By" "Resident memory, summed over the processes: shared pages count several times."
    TreeOpenFds "tree_open_fds" Gauge "{descriptor}" "Open descriptors of this process and its descendants."
    TreeIoReadBytesTotal "tree_io_read_bytes_total" Counter "By" "Bytes that this process and its descendants fetched from storage."
    TreeIoWriteBytesTotal "tree_io_write_bytes_total" Counter "By" "Bytes that this process and its descendants sent to storage, less those cancelled."
    TreeIoReadBytesPerSecond "tree_io_read_bytes_per_second" Gauge "By/s" "Bytes a second that this process and its descendants fetched from storage."
    TreeIoWriteBytesPerSecond "tree_io_write_bytes_per_second" Gauge "By/s" "Bytes a second that this process and its descendants sent to storage, less those cancelled."
    MonitorCpuPercent "monitor_cpu_percent" Gauge "%" "Processor time of the monitor's own thread, in percent of one processor."
    MonitorLateSeconds "monitor_late_seconds" Gauge "s" "How long after its deadline the newest sample began."
    MonitorMissedTicksTotal "monitor_missed_ticks_total" Counter "{tick}" "Deadlines that went by without a sample."
    MonitorFailedReadsTotal "monitor_failed_reads_total" Counter "{read}" "Readings that gave nothing, of all sections."
    MonitorSampleSeconds "monitor_sample_seconds" Gauge "s" "How long the newest sample took."

    HostPressureCpuSomePercent "host_pressure_cpu_some_percent" Gauge "%" "Time in which at least one task of the machine waited for a processor."
    HostPressureMemorySomePercent "host_pressure_memory_some_percent" Gauge "%" "Time in which at least one task of the machine waited for memory."
    HostPressureMemoryFullPercent "host_pressure_memory_full_percent" Gauge "%" "Time in which all tasks that were not idle of the machine waited for memory."
    HostPressureIoSomePercent "host_pressure_io_some_percent" Gauge "%" "Time in which at least one task of the machine waited for a disk."
    HostPressureIoFullPercent "host_pressure_io_full_percent" Gauge "%" "Time in which all tasks that were not idle of the machine waited for a disk."
    HostPressureIrqFullPercent "host_pressure_irq_full_percent" Gauge "%" "Time in which all tasks that were not idle of the machine waited for interrupts to be served."
    ContainerPressureCpuSomePercent "container_pressure_cpu_some_percent" Gauge "%" "Time in which at least one task of this process's own cgroup waited for a processor."
    ContainerPressureCpuFullPercent "container_pressure_cpu_full_percent" Gauge "%" "Time in which all tasks that were not idle of this process's own cgroup waited for a processor."
    ContainerPressureMemorySomePercent "container_pressure_memory_some_percent" Gauge "%" "Time in which at least one task of this process's own cgroup waited for memory."
    ContainerPressureMemoryFullPercent "container_pressure_memory_full_percent" Gauge "%" "Time in which all tasks that were not idle of this process's own cgroup waited for memory."
    ContainerPressureIoSomePercent "container_pressure_io_some_percent" Gauge "%" "Time in which at least one task of this process's own cgroup waited for a disk."
    ContainerPressureIoFullPercent "container_pressure_io_full_percent" Gauge "%" "Time in which all tasks that were not idle of this process's own cgroup waited for a disk."
}
