//! What is read of this process, and of the tree of processes that it is the root of.

/// This process. Read at every sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawProcess {
    /// Operating-system threads of the process, the interpreter's and the native ones (P10).
    pub threads: Option<u32>,
    /// Processor time used, all threads, in nanoseconds (P6).
    pub cpu_ns: Option<u64>,
    /// Clock ticks after boot at which the process started: with the pid, its identity (P30).
    pub start_ticks: Option<u64>,
    /// The same in nanoseconds after boot.
    pub started_ns: Option<u64>,
    /// The part of `cpu_ns` in user mode, as the kernel splits it: an estimate, which never goes back here (P7).
    pub user_ns: Option<u64>,
    /// The part of `cpu_ns` in the kernel, likewise.
    pub system_ns: Option<u64>,
    /// Page faults that needed no disk, of all threads.
    pub minor_faults: Option<u64>,
    /// Page faults that waited for a disk.
    pub major_faults: Option<u64>,
    /// Times that a thread gave its processor up to wait for something.
    pub voluntary_switches: Option<u64>,
    /// Times that a thread was made to give its processor up.
    pub involuntary_switches: Option<u64>,
    /// Resident memory, in bytes. The kernel keeps it to within some pages a processor.
    pub rss_bytes: Option<u64>,
    /// Address space, in bytes.
    pub vms_bytes: Option<u64>,
}

/// What this process, and the children that it has waited for (P29), read and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawProcessIo {
    /// Bytes that `read` and its like returned, of caches, pipes and sockets too.
    pub rchar: Option<u64>,
    /// Bytes given to `write` and its like.
    pub wchar: Option<u64>,
    /// Bytes fetched from storage.
    pub read_bytes: Option<u64>,
    /// Bytes that were to be sent to storage.
    pub write_bytes: Option<u64>,
    /// Those of them that never were, because the file was cut or removed before.
    pub cancelled_write_bytes: Option<u64>,
    /// `write_bytes` less `cancelled_write_bytes` (P29), which never goes back: what is cancelled was counted earlier.
    pub written_bytes: Option<u64>,
}

/// Descriptors of this process. Read every few seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawDescriptors {
    /// How many are open.
    pub open: Option<u64>,
    /// How many there may be (`RLIMIT_NOFILE`, soft); `None` where there is no limit.
    pub limit: Option<u64>,
}

/// The figures of this process's memory that cost more than a sample. Read every few seconds, `pss_bytes` rarer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawProcessMemory {
    /// Resident memory that is backed by files or shared with other processes, in bytes.
    pub shared_bytes: Option<u64>,
    /// Resident memory with each shared page counted in part: one of `n` that share it has 1/`n` (P18).
    pub pss_bytes: Option<u64>,
}

/// The counters of a tree of processes, those that have ended included; they never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeCounters {
    /// Monotonic nanoseconds at which they stood so.
    pub read_at_ns: u64,
    /// Processor time, in nanoseconds.
    pub cpu_ns: u64,
    /// Bytes fetched from storage; `None` where the files of one process could not be read.
    pub read_bytes: Option<u64>,
    /// Bytes sent to storage, less those cancelled.
    pub written_bytes: Option<u64>,
}

/// This process and its descendants, when they were last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawTree {
    /// How many processes there are, those that nobody has waited for yet included.
    pub processes: u32,
    /// Their threads.
    pub threads: u32,
    /// Their resident memory in bytes, summed: pages that several share count several times (P18).
    pub rss_bytes: Option<u64>,
    /// Their descriptors.
    pub open_descriptors: Option<u64>,
    /// The processor time is that of a control group which holds nothing but this tree: exact.
    pub by_cgroup: bool,
    /// What they used.
    pub counters: TreeCounters,
    /// The same, one look earlier: this is not looked at with every sample, so the sample's own baseline is no help.
    pub earlier: Option<TreeCounters>,
}
