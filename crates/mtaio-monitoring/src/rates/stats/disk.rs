//! One block device, as a reader sees it.

use super::{per_second, ratio};
use crate::rates::delta::{grown_32_bit, grown_if_known};
use crate::rates::disk::earlier;
use crate::sampling::{DiskKind, RawDisk, RawDisks, SECTOR_BYTES, Timed};

/// One block device: counters since boot (or since it appeared), and their rates over the sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiskStats {
    /// The kernel's name: `sda`, `nvme0n1`, `dm-0`.
    pub name: String,
    /// What it is. Only whole disks are in the totals of [`IoStats`](super::IoStats).
    pub kind: DiskKind,
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
    /// Mean seconds that a read took; `None` where there was none.
    pub read_latency_seconds: Option<f64>,
    /// Mean seconds that a write took; `None` where there was none.
    pub write_latency_seconds: Option<f64>,
    /// Share of the time in which a request was under way; 0–100. The kernel looks once a tick (since 5.0), and a
    /// device that works on many requests at once may be at 100 and far from its limit: latency tells more (P26).
    pub utilisation_percent: Option<f64>,
    /// Requests under way, on average over the sample.
    pub queue_depth: Option<f64>,
    /// Requests under way at the moment of the reading.
    pub in_flight: Option<u64>,
    /// Discards completed since boot (Linux ≥ 4.18).
    pub discard_count: Option<u64>,
    /// Bytes discarded since boot.
    pub discard_bytes: Option<u64>,
    /// Discards a second.
    pub discard_count_per_second: Option<f64>,
    /// Bytes discarded a second.
    pub discard_bytes_per_second: Option<f64>,
    /// Flushes completed since boot (Linux ≥ 5.5; 0 for what is not a whole disk).
    pub flush_count: Option<u64>,
    /// Flushes a second.
    pub flush_count_per_second: Option<f64>,
    /// Mean seconds that a flush took; `None` where there was none.
    pub flush_latency_seconds: Option<f64>,
}

/// Every device but the loop, ram and zram devices that nobody has used: a machine has dozens of them.
pub(in crate::rates) fn disk_stats(before: Option<&Timed<RawDisks>>, now: &Timed<RawDisks>) -> Vec<DiskStats> {
    let elapsed_ns = grown_if_known(before.map(|before| before.read_at_ns), Some(now.read_at_ns));
    let is_used =
        |disk: &RawDisk| disk.kind != DiskKind::Virtual || disk.read_sectors > 0 || disk.write_sectors > 0;
    let devices = now.value.devices.iter().enumerate().filter(|(_, disk)| is_used(disk));
    devices
        .map(|(index, disk)| {
            let old = before.and_then(|before| earlier(&before.value, index, disk));
            // Sectors that went back belong to another device, or to this one plugged in again.
            let is_same =
                |old: &&RawDisk| disk.read_sectors >= old.read_sectors && disk.write_sectors >= old.write_sectors;
            one(old.filter(is_same), disk, elapsed_ns)
        })
        .collect()
}

fn one(old: Option<&RawDisk>, disk: &RawDisk, elapsed_ns: Option<u64>) -> DiskStats {
    type Counter = fn(&RawDisk) -> Option<u64>;
    let grown = |counter: Counter| grown_if_known(old.and_then(counter), counter(disk));
    let milliseconds = |counter: Counter| grown_32_bit(old.and_then(counter), counter(disk));
    let rate = |counter: Counter| per_second(grown(counter), elapsed_ns);
    let bytes = |sectors: u64| sectors.saturating_mul(SECTOR_BYTES);
    let bytes_rate = |sectors: Counter| per_second(grown(sectors).map(bytes), elapsed_ns);
    let latency = |time: Counter, count: Counter| ratio(milliseconds(time), grown(count)).map(|mean| mean / 1e3);
    // Milliseconds of something, to the milliseconds that have passed.
    let mean_of = |time: Counter| per_second(milliseconds(time), elapsed_ns).map(|mean| mean / 1e3);
    DiskStats {
        name: disk.name.clone(),
        kind: disk.kind,
        read_bytes: Some(bytes(disk.read_sectors)),
        write_bytes: Some(bytes(disk.write_sectors)),
        read_count: disk.reads,
        write_count: disk.writes,
        read_bytes_per_second: bytes_rate(|disk| Some(disk.read_sectors)),
        write_bytes_per_second: bytes_rate(|disk| Some(disk.write_sectors)),
        read_count_per_second: rate(|disk| disk.reads),
        write_count_per_second: rate(|disk| disk.writes),
        read_latency_seconds: latency(|disk| disk.read_ms, |disk| disk.reads),
        write_latency_seconds: latency(|disk| disk.write_ms, |disk| disk.writes),
        // Time under way cannot exceed the time: what is beyond is rounding of the kernel's ticks (P42).
        utilisation_percent: mean_of(|disk| disk.busy_ms).map(|share| (100.0 * share).min(100.0)),
        queue_depth: mean_of(|disk| disk.weighted_ms),
        in_flight: disk.in_flight,
        discard_count: disk.discards,
        discard_bytes: disk.discard_sectors.map(bytes),
        discard_count_per_second: rate(|disk| disk.discards),
        discard_bytes_per_second: bytes_rate(|disk| disk.discard_sectors),
        flush_count: disk.flushes,
        flush_count_per_second: rate(|disk| disk.flushes),
        flush_latency_seconds: latency(|disk| disk.flush_ms, |disk| disk.flushes),
    }
}
