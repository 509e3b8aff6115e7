//! The tree of processes, as a reader sees it.

use super::ratio;
use crate::rates::packed::Packed64;
use crate::rates::tree::{TreeGroup, TreeIoGroup};

/// This process and its descendants, looked at every 5 s: a worker sees itself and its children, the process that
/// started the workers sees all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TreeStats {
    /// How many processes there are, this one included, and those that have ended and that nobody has waited for.
    pub processes: Option<u32>,
    /// Their threads.
    pub threads: Option<u32>,
    /// Processors' worth of time that they used between the two newest looks, those that ended meanwhile included.
    pub cpu_cores_used: Option<f64>,
    /// Processor time of the whole tree, its dead included, in seconds. It never goes back.
    pub cpu_seconds: Option<f64>,
    /// Resident memory, summed over the processes: memory that several share counts several times.
    pub rss_bytes: Option<u64>,
    /// Open descriptors.
    pub open_descriptors: Option<u64>,
    /// Bytes fetched from storage, by the dead too.
    pub read_bytes: Option<u64>,
    /// Bytes sent to storage, less those cancelled.
    pub write_bytes: Option<u64>,
    /// The same a second.
    pub read_bytes_per_second: Option<f64>,
    /// The same a second.
    pub write_bytes_per_second: Option<f64>,
    /// Whether the processor time is that of a control group which holds nothing but the tree, and so is exact; else
    /// it is the sum over its processes.
    pub by_cgroup: Option<bool>,
    /// How long before this sample the tree was looked at, in seconds.
    pub age_seconds: Option<f64>,
}

pub(super) fn tree_stats(tree: &TreeGroup, io: &TreeIoGroup) -> TreeStats {
    let elapsed_ns = tree.elapsed_ns.get();
    let rate = |bytes: Packed64| ratio(bytes.get(), elapsed_ns).map(|rate| 1e9 * rate);
    let seconds = |ns: Packed64| ns.get().map(|ns| ns as f64 / 1e9);
    TreeStats {
        processes: tree.processes.get(),
        threads: tree.threads.get(),
        cpu_cores_used: ratio(tree.delta_cpu_ns.get(), elapsed_ns),
        cpu_seconds: seconds(tree.cpu_ns),
        rss_bytes: tree.rss_bytes.get(),
        open_descriptors: tree.open_descriptors.get(),
        read_bytes: io.read_bytes.get(),
        write_bytes: io.written_bytes.get(),
        read_bytes_per_second: rate(io.delta_read_bytes),
        write_bytes_per_second: rate(io.delta_written_bytes),
        by_cgroup: tree.by_cgroup,
        age_seconds: seconds(tree.age_ns),
    }
}
