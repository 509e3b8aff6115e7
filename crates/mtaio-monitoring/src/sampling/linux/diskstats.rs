//! `/proc/diskstats` (`Documentation/admin-guide/iostats.rst`, `Documentation/ABI/testing/procfs-diskstats`).

use super::Malformed;
use super::cursor::Cursor;
use crate::sampling::{DiskKind, RawDisk, RawDisks};

/// Of the counters after the name, how many are read. There are 11 since 2.6; since 4.18 there are 15 (discards), since
/// 5.5 there are 17 (flushes); a kernel may add more (P24).
const USED_COUNTERS: usize = 17;

/// A line that has less than the first counters of reads and writes is damaged.
const FEWEST_COUNTERS: usize = 8;

/// Kernels before 2.6.25 counted less for a partition: reads, sectors read, writes, sectors written.
const OLD_PARTITION_COUNTERS: usize = 4;

/// Parses every device, in the kernel's order, into the entries that `out` already has.
///
/// Which devices are parts of others is not in this file: every kind is [`DiskKind::Whole`], but for the short lines
/// that only partitions of old kernels have. An empty text is a machine without block devices. A line that is
/// damaged or cut is left out.
///
/// # Errors
///
/// There are lines, and none could be read.
pub fn parse(text: &[u8], out: &mut RawDisks) -> Result<(), Malformed> {
    let no_lines = text.is_empty();
    let mut text = Cursor::new(text);
    let mut found = 0;
    while !text.is_at_end() {
        let Some(line) = Line::parse(&mut text) else {
            text.skip_line();
            continue;
        };
        if found == out.devices.len() {
            out.devices.push(RawDisk::default());
        }
        line.store(&mut out.devices[found]);
        found += 1;
    }
    out.devices.truncate(found);
    if found == 0 && !no_lines {
        return Err(Malformed("no line of it describes a device"));
    }
    Ok(())
}

struct Line<'a> {
    device: (u32, u32),
    name: &'a str,
    counters: [u64; USED_COUNTERS],
    /// How many of them the kernel prints.
    count: usize,
}

impl<'a> Line<'a> {
    /// Moves past the line and its newline; where it is not a device's line, to somewhere within it.
    fn parse(text: &mut Cursor<'a>) -> Option<Self> {
        let major = u32::try_from(text.number()?).ok()?;
        let minor = u32::try_from(text.number()?).ok()?;
        let name = std::str::from_utf8(text.word()?).ok()?;
        let mut counters = [0; USED_COUNTERS];
        let mut count = 0;
        while count < USED_COUNTERS && !text.is_at_line_end() {
            let Some(counter) = text.number() else {
                // What is wrong after the counters that every kernel prints costs only what it hides.
                if count < FEWEST_COUNTERS {
                    return None;
                }
                break;
            };
            counters[count] = counter;
            count += 1;
        }
        if count < FEWEST_COUNTERS && count != OLD_PARTITION_COUNTERS {
            return None;
        }
        text.skip_line().then_some(Self { device: (major, minor), name, counters, count })
    }

    fn store(&self, disk: &mut RawDisk) {
        if disk.name != self.name {
            disk.name.clear();
            disk.name.push_str(self.name);
        }
        disk.device = self.device;
        let counter = |index: usize| (index < self.count).then(|| self.counters[index]);
        if self.count == OLD_PARTITION_COUNTERS {
            let [reads, read_sectors, writes, write_sectors, ..] = self.counters;
            disk.kind = DiskKind::Partition;
            (disk.reads, disk.read_sectors, disk.read_ms) = (Some(reads), read_sectors, None);
            (disk.writes, disk.write_sectors, disk.write_ms) = (Some(writes), write_sectors, None);
        } else {
            let [reads, _, read_sectors, read_ms, writes, _, write_sectors, write_ms, ..] = self.counters;
            disk.kind = DiskKind::Whole;
            (disk.reads, disk.read_sectors, disk.read_ms) = (Some(reads), read_sectors, Some(read_ms));
            (disk.writes, disk.write_sectors, disk.write_ms) = (Some(writes), write_sectors, Some(write_ms));
        }
        (disk.in_flight, disk.busy_ms, disk.weighted_ms) = (counter(8), counter(9), counter(10));
        (disk.discards, disk.discard_sectors) = (counter(11), counter(13));
        (disk.flushes, disk.flush_ms) = (counter(15), counter(16));
    }
}
