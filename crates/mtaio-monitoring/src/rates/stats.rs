//! The readable statistics, made from an [`Interval`] by pure functions.

use crate::metrics::catalogue::BuiltIn;
use crate::sampling::SECTOR_BYTES;

use super::interval::{CpuGroup, Interval, IoGroup, MemoryGroup, ProcessGroup, SwapGroup};
use super::packed::{Packed32, Packed64};

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
}

/// Processors. Percentages are of all processors together, 0–100, over [`SystemStats::elapsed_seconds`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuStats {
    /// Time spent working: user + nice + system + irq + softirq. Neither iowait nor steal is work.
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
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryStats {
    /// Usable memory.
    pub total: Option<u64>,
    /// What programs can get without swapping (the kernel's estimate).
    pub available: Option<u64>,
    /// `total - available`.
    pub used: Option<u64>,
    /// `100 * used / total`; 0–100.
    pub percent: Option<f64>,
    /// Not used for anything.
    pub free: Option<u64>,
    /// Cache of block devices.
    pub buffers: Option<u64>,
    /// Cache of files, and shared memory.
    pub cached: Option<u64>,
    /// Kernel caches that can be given back.
    pub slab_reclaimable: Option<u64>,
    /// Shared memory and tmpfs: counted in `cached`, and cannot be given back.
    pub shmem: Option<u64>,
    /// Size of the swap space.
    pub swap_total: Option<u64>,
    /// Free swap space.
    pub swap_free: Option<u64>,
    /// `swap_total - swap_free`.
    pub swap_used: Option<u64>,
}

/// Disks: counters since boot over whole physical disks, and their rates over the sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IoStats {
    /// Bytes read since boot.
    pub read_bytes: Option<u64>,
    /// Bytes written since boot.
    pub write_bytes: Option<u64>,
    /// Reads completed since boot.
    pub read_count: Option<u64>,
    /// Writes completed since boot.
    pub write_count: Option<u64>,
    /// Bytes read a second.
    pub read_bytes_per_second: Option<f64>,
    /// Bytes written a second.
    pub write_bytes_per_second: Option<f64>,
    /// Reads a second.
    pub read_count_per_second: Option<f64>,
    /// Writes a second.
    pub write_count_per_second: Option<f64>,
    /// Mean seconds a read took; `None` where there was none.
    pub read_latency_seconds: Option<f64>,
    /// Mean seconds a write took; `None` where there was none.
    pub write_latency_seconds: Option<f64>,
}

impl From<&Interval> for SystemStats {
    fn from(interval: &Interval) -> Self {
        Self {
            timestamp: interval.time.timestamp_ns as f64 / 1e9,
            cpu: cpu_stats(&interval.cpu, &interval.process),
            memory: memory_stats(&interval.memory, &interval.swap),
            io: io_stats(&interval.io, interval.time.disks_elapsed_ns.get()),
            elapsed_seconds: interval.time.elapsed_ns.get().map(|elapsed| elapsed as f64 / 1e9),
            sequence: interval.time.sequence,
            gap: interval.time.gap,
        }
    }
}

fn cpu_stats(cpu: &CpuGroup, process: &ProcessGroup) -> CpuStats {
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
    }
}

fn memory_stats(memory: &MemoryGroup, swap: &SwapGroup) -> MemoryStats {
    let total = memory.total.get();
    let available = memory.available.get();
    let used = total.zip(available).map(|(total, available)| total.saturating_sub(available));
    let swap_total = swap.total.get();
    let swap_free = swap.free.get();
    MemoryStats {
        total,
        available,
        used,
        percent: ratio(used, total).map(|share| 100.0 * share),
        free: memory.free.get(),
        buffers: memory.buffers.get(),
        cached: memory.cached.get(),
        slab_reclaimable: memory.slab_reclaimable.get(),
        shmem: memory.shmem.get(),
        swap_total,
        swap_free,
        swap_used: swap_total.zip(swap_free).map(|(total, free)| total.saturating_sub(free)),
    }
}

fn io_stats(io: &IoGroup, elapsed_ns: Option<u64>) -> IoStats {
    let per_second = |count: Option<u64>| ratio(count, elapsed_ns).map(|rate| 1e9 * rate);
    let bytes = |sectors: Packed64| sectors.get().map(|sectors| sectors.saturating_mul(SECTOR_BYTES));
    let count = |count: Packed32| count.get().map(u64::from);
    let latency = |milliseconds: Packed32, count: Packed32| {
        ratio(milliseconds.get().map(u64::from), count.get().map(u64::from)).map(|latency| latency / 1e3)
    };
    IoStats {
        read_bytes: io.read_bytes.get(),
        write_bytes: io.write_bytes.get(),
        read_count: io.reads.get(),
        write_count: io.writes.get(),
        read_bytes_per_second: per_second(bytes(io.delta_read_sectors)),
        write_bytes_per_second: per_second(bytes(io.delta_write_sectors)),
        read_count_per_second: per_second(count(io.delta_reads)),
        write_count_per_second: per_second(count(io.delta_writes)),
        read_latency_seconds: latency(io.delta_read_ms, io.delta_reads),
        write_latency_seconds: latency(io.delta_write_ms, io.delta_writes),
    }
}

/// `part / whole`, where both are known and the whole is something.
fn ratio(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let whole = whole.filter(|&whole| whole > 0)?;
    Some(part? as f64 / whole as f64)
}

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
        let Self { cpu, memory, io, .. } = self;
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
        }
    }
}
