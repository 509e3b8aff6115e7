//! The disks' traffic as one number.

use crate::sampling::{DiskKind, RawDisk, RawDisks, SECTOR_BYTES};

use super::delta::{grown_32_bit, grown_if_known};

/// Cumulative totals over whole disks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskTotals {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads completed, where they are counted.
    pub reads: Option<u64>,
    /// Writes completed, where they are counted.
    pub writes: Option<u64>,
}

/// What happened on the disks between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskDelta {
    /// Sectors of 512 bytes.
    pub read_sectors: u64,
    /// Sectors of 512 bytes.
    pub write_sectors: u64,
    /// Reads completed.
    pub reads: Option<u64>,
    /// Writes completed.
    pub writes: Option<u64>,
    /// Milliseconds that those reads took together.
    pub read_ms: Option<u64>,
    /// Milliseconds that those writes took together.
    pub write_ms: Option<u64>,
}

/// The devices that are summed: not partitions (P22), not what is stacked on other devices (P23), not ram.
fn whole(disks: &RawDisks) -> impl Iterator<Item = &RawDisk> {
    disks.devices.iter().filter(|disk| disk.kind == DiskKind::Whole)
}

/// A sum of which one unknown part makes the whole unknown.
fn add(sum: &mut Option<u64>, part: Option<u64>) {
    *sum = sum.zip(part).map(|(sum, part)| sum.saturating_add(part));
}

/// The totals since boot.
#[must_use]
pub fn disk_totals(disks: &RawDisks) -> DiskTotals {
    let mut totals = DiskTotals { reads: Some(0), writes: Some(0), ..DiskTotals::default() };
    for disk in whole(disks) {
        totals.read_bytes = totals.read_bytes.saturating_add(disk.read_sectors.saturating_mul(SECTOR_BYTES));
        totals.write_bytes = totals.write_bytes.saturating_add(disk.write_sectors.saturating_mul(SECTOR_BYTES));
        add(&mut totals.reads, disk.reads);
        add(&mut totals.writes, disk.writes);
    }
    totals
}

/// What happened between two readings, summed device by device.
///
/// A device that is new has no baseline and one that has gone has no end: neither counts (P27, P28). A device whose
/// counters went back was unplugged and plugged in again: it too starts anew. `None` where there are disks and not one
/// of them has a baseline: then nothing was measured.
#[must_use]
pub fn disk_delta(before: &RawDisks, now: &RawDisks) -> Option<DiskDelta> {
    let (mut disks, mut measured) = (0, 0);
    let mut sum =
        DiskDelta { reads: Some(0), writes: Some(0), read_ms: Some(0), write_ms: Some(0), ..DiskDelta::default() };
    for (index, disk) in now.devices.iter().enumerate().filter(|(_, disk)| disk.kind == DiskKind::Whole) {
        disks += 1;
        let Some(old) = earlier(before, index, disk) else { continue };
        let sectors =
            (disk.read_sectors.checked_sub(old.read_sectors), disk.write_sectors.checked_sub(old.write_sectors));
        let (Some(read_sectors), Some(write_sectors)) = sectors else { continue };
        measured += 1;
        sum.read_sectors = sum.read_sectors.saturating_add(read_sectors);
        sum.write_sectors = sum.write_sectors.saturating_add(write_sectors);
        add(&mut sum.reads, grown_if_known(old.reads, disk.reads));
        add(&mut sum.writes, grown_if_known(old.writes, disk.writes));
        add(&mut sum.read_ms, grown_32_bit(old.read_ms, disk.read_ms));
        add(&mut sum.write_ms, grown_32_bit(old.write_ms, disk.write_ms));
    }
    (measured > 0 || disks == 0).then_some(sum)
}

/// How much of the time the busiest whole disk had a request under way, in millionths; `None` where no disk tells.
/// What is beyond all of the time is rounding of the kernel's ticks.
pub(super) fn busiest_millionths(before: &RawDisks, now: &RawDisks, elapsed_ns: Option<u64>) -> Option<u32> {
    let elapsed_ns = elapsed_ns.filter(|&elapsed| elapsed > 0)?;
    let share = |(index, disk): (usize, &RawDisk)| {
        let busy_ms = grown_32_bit(earlier(before, index, disk)?.busy_ms, disk.busy_ms)?;
        let millionths = u128::from(busy_ms) * 1_000_000_000_000 / u128::from(elapsed_ns);
        Some(millionths.min(1_000_000) as u32)
    };
    let disks = now.devices.iter().enumerate().filter(|(_, disk)| disk.kind == DiskKind::Whole);
    disks.filter_map(share).max()
}

/// The same device in the earlier reading: almost always at the same place.
pub(super) fn earlier<'a>(before: &'a RawDisks, index: usize, disk: &RawDisk) -> Option<&'a RawDisk> {
    let same = |old: &&RawDisk| old.device == disk.device && old.name == disk.name;
    before.devices.get(index).filter(same).or_else(|| before.devices.iter().find(same))
}
