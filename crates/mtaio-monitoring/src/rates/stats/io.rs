//! Disks, as a reader sees them.

use super::{DiskStats, ratio};
use crate::rates::host::HostGroup;
use crate::rates::interval::IoGroup;
use crate::rates::packed::{Packed32, Packed64};
use crate::sampling::SECTOR_BYTES;

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
    /// Share of the time in which the busiest whole disk had a request under way; 0–100. A disk that works on many
    /// requests at once may be at 100 and far from its limit: latency tells more (P26).
    pub utilisation_percent: Option<f64>,
    /// Each device by itself; `None` in rows of the history.
    pub devices: Option<Vec<DiskStats>>,
}

pub(super) fn io_stats(io: &IoGroup, host: &HostGroup, elapsed_ns: Option<u64>) -> IoStats {
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
        utilisation_percent: host.busiest_disk_millionths.get().map(|share| f64::from(share) / 1e4),
        devices: None,
    }
}
