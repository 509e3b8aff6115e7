//! Every metric that the monitor measures by itself: the one list that the documents, the exporters, the dashboard
//! and `mtaio metrics` are made from.
//!
//! Each name says its scope (`host`, `process`) and its unit; the four names that the reference prints come first.

/// How a metric's values behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, until whatever counts it starts anew.
    Counter,
}

impl Kind {
    /// The kind's name in Prometheus' and OpenTelemetry's vocabulary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
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
