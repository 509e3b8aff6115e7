//! The files of a control group (`Documentation/admin-guide/cgroup-v2.rst`, `Documentation/admin-guide/cgroup-v1/`).

use super::Malformed;
use super::cursor::{Cursor, decimal};
use crate::sampling::{DiskKind, RawContainerIo, RawMemoryEvents, RawQuota, RawThrottling};

/// From here on a limit is none. Version 1 prints the largest number of whole pages (0x7FFFFFFFFFFFF000 where a page
/// has 4 KiB), other kernels and emulations print other numbers near 2^63.
const NO_LIMIT_BYTES: u64 = 1 << 62;

const NANOS_PER_MICRO: u64 = 1_000;

/// `cpu.stat` of either version: the processor time in nanoseconds (version 2 only), and the quota's counters.
///
/// # Errors
///
/// No line of it is known.
pub fn cpu_stat(text: &[u8]) -> Result<(Option<u64>, RawThrottling), Malformed> {
    let [usage, periods, throttled, throttled_us, throttled_ns] =
        keyed(text, [b"usage_usec", b"nr_periods", b"nr_throttled", b"throttled_usec", b"throttled_time"])?;
    let nanos = |micros: u64| micros.checked_mul(NANOS_PER_MICRO);
    let throttling = RawThrottling {
        level: 0,
        periods,
        throttled_periods: throttled,
        throttled_ns: throttled_us.and_then(nanos).or(throttled_ns),
    };
    Ok((usage.and_then(nanos), throttling))
}

/// A file that holds one number.
///
/// # Errors
///
/// It does not.
pub fn number(text: &[u8]) -> Result<u64, Malformed> {
    let mut line = Cursor::new(text);
    let value = line.number().ok_or(Malformed("it is no number"))?;
    if line.is_at_line_end() { Ok(value) } else { Err(Malformed("it is more than a number")) }
}

/// A limit: a number, or `max` for none. Numbers that no limit can mean are none too.
///
/// # Errors
///
/// It is neither.
pub fn limit(text: &[u8]) -> Result<Option<u64>, Malformed> {
    if text == b"max\n" {
        return Ok(None);
    }
    number(text).map(|value| Some(value).filter(|&value| value < NO_LIMIT_BYTES))
}

/// `cpu.max`: `30000 100000` or `max 100000`.
///
/// # Errors
///
/// It is neither.
pub fn cpu_max(text: &[u8]) -> Result<Option<RawQuota>, Malformed> {
    let mut line = Cursor::new(text);
    let quota = line.word().ok_or(Malformed("it has no quota"))?;
    let period_us = line.number().filter(|&period| period > 0).ok_or(Malformed("it has no period"))?;
    if quota == b"max" {
        return Ok(None);
    }
    let quota_us = decimal(quota).ok_or(Malformed("the quota is no number"))?;
    Ok(Some(RawQuota { quota_us, period_us }))
}

/// `cpu.cfs_quota_us` of version 1: a number of microseconds, or -1 for none.
///
/// # Errors
///
/// It is neither.
pub fn cfs_quota(text: &[u8]) -> Result<Option<u64>, Malformed> {
    if text.starts_with(b"-") { Ok(None) } else { number(text).map(Some) }
}

/// How many processors a list such as `0-3,8,10-11` has; 0 for an empty one.
///
/// # Errors
///
/// It is no such list.
pub fn cpu_list(text: &[u8]) -> Result<u32, Malformed> {
    let list = text.strip_suffix(b"\n").ok_or(Malformed("the line is cut"))?.trim_ascii();
    if list.is_empty() {
        return Ok(0);
    }
    let count = |range: &[u8]| {
        let mut ends = range.splitn(2, |&byte| byte == b'-');
        let first = decimal(ends.next()?)?;
        let last = ends.next().map_or(Some(first), decimal)?;
        last.checked_sub(first)?.checked_add(1)
    };
    let counts = list.split(|&byte| byte == b',').map(count);
    let sum = counts.into_iter().try_fold(0_u64, |sum, count| sum.checked_add(count?));
    sum.and_then(|sum| u32::try_from(sum).ok()).ok_or(Malformed("it is no list of processors"))
}

/// The processors that the process may run on, of `/proc/self/status`: those of its main thread.
///
/// # Errors
///
/// The line is missing, or no list.
pub fn allowed_cpus(status: &[u8]) -> Result<u32, Malformed> {
    const LINE: &[u8] = b"Cpus_allowed_list:";

    let mut lines = status.split_inclusive(|&byte| byte == b'\n');
    let list = lines.find_map(|line| line.strip_prefix(LINE)).ok_or(Malformed("it has no list of processors"))?;
    cpu_list(list)
}

/// `memory.events`, or version 1's `memory.oom_control`.
///
/// # Errors
///
/// No line of it is known.
pub fn memory_events(text: &[u8]) -> Result<RawMemoryEvents, Malformed> {
    let [oom_kills, high, max] = keyed(text, [b"oom_kill", b"high", b"max"])?;
    Ok(RawMemoryEvents { oom_kills, high, max })
}

/// What is needed of `memory.stat`, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStat {
    /// `total_inactive_file` of version 1, which covers the groups below as version 2's `inactive_file` does.
    pub inactive_file: Option<u64>,
    /// `hierarchical_memory_limit` of version 1: the least of all groups around, of those too that cannot be seen.
    pub limit: Option<u64>,
    /// `total_swap` of version 1.
    pub swap: Option<u64>,
}

/// `memory.stat` of either version.
///
/// # Errors
///
/// No line of it is known.
pub fn memory_stat(text: &[u8]) -> Result<MemoryStat, Malformed> {
    let [total, own, limit, swap] =
        keyed(text, [b"total_inactive_file", b"inactive_file", b"hierarchical_memory_limit", b"total_swap"])?;
    let limit = limit.filter(|&limit| limit < NO_LIMIT_BYTES);
    Ok(MemoryStat { inactive_file: total.or(own), limit, swap })
}

/// `io.stat` of version 2: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`, a line a device.
///
/// `kind` tells what the device of a number is. A stacked device passes its requests on to others, which count them
/// too, so only whole ones are summed; where the kernel has counted nothing but stacked ones (it need not know whose
/// request it is below them), those.
///
/// # Errors
///
/// There are lines, and none could be read.
pub fn io_stat(text: &[u8], kind: impl Fn(u32, u32) -> DiskKind) -> Result<RawContainerIo, Malformed> {
    let mut sums = Sums::default();
    for line in whole_lines(text) {
        let mut of = None;
        for word in line.split(|&byte| byte == b' ') {
            // In the middle of a line too: some kernels leave out the newline after a device that has counted nothing.
            if let Some((major, minor)) = device(word) {
                of = Some(kind(major, minor));
                sums.known = true;
            }
            let Some(equals) = word.iter().position(|&byte| byte == b'=') else { continue };
            let (Some(sum), Some(count)) = (of.and_then(|kind| sums.of(kind)), decimal(&word[equals + 1..]))
            else {
                continue;
            };
            match &word[..equals] {
                b"rbytes" => sum.read_bytes = sum.read_bytes.saturating_add(count),
                b"wbytes" => sum.write_bytes = sum.write_bytes.saturating_add(count),
                b"rios" => sum.reads = sum.reads.saturating_add(count),
                b"wios" => sum.writes = sum.writes.saturating_add(count),
                _ => {}
            }
        }
    }
    sums.finish(text)
}

/// Version 1's `blkio.throttle.io_service_bytes` or `io_serviced`: lines `8:0 Read 123`; reads and writes, summed as
/// in [`io_stat`].
///
/// # Errors
///
/// There are lines, and none could be read.
pub fn blkio(text: &[u8], kind: impl Fn(u32, u32) -> DiskKind) -> Result<(u64, u64), Malformed> {
    let mut sums = Sums::default();
    for line in whole_lines(text) {
        let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let Some(first) = words.next() else { continue };
        // The last line sums up all devices, stacked ones included.
        sums.known |= first == b"Total";
        let (Some((major, minor)), Some(operation)) = (device(first), words.next()) else { continue };
        let Some(count) = words.next().and_then(decimal) else { continue };
        sums.known = true;
        let Some(sum) = sums.of(kind(major, minor)) else { continue };
        match operation {
            b"Read" => sum.reads = sum.reads.saturating_add(count),
            b"Write" => sum.writes = sum.writes.saturating_add(count),
            _ => {}
        }
    }
    sums.finish(text).map(|sum| (sum.reads, sum.writes))
}

#[derive(Default)]
struct Sums {
    /// A line has been understood.
    known: bool,
    has_whole: bool,
    whole: RawContainerIo,
    stacked: RawContainerIo,
}

impl Sums {
    fn of(&mut self, kind: DiskKind) -> Option<&mut RawContainerIo> {
        match kind {
            DiskKind::Whole => {
                self.has_whole = true;
                Some(&mut self.whole)
            }
            DiskKind::Stacked => Some(&mut self.stacked),
            DiskKind::Partition | DiskKind::Virtual => None,
        }
    }

    fn finish(self, text: &[u8]) -> Result<RawContainerIo, Malformed> {
        match (self.known || text.is_empty(), self.has_whole) {
            (false, _) => Err(Malformed("no line of it describes a device")),
            (true, true) => Ok(self.whole),
            (true, false) => Ok(self.stacked),
        }
    }
}

/// `major:minor`.
fn device(word: &[u8]) -> Option<(u32, u32)> {
    let colon = word.iter().position(|&byte| byte == b':')?;
    let number = |digits| u32::try_from(decimal(digits)?).ok();
    Some((number(&word[..colon])?, number(&word[colon + 1..])?))
}

/// The numbers of the lines that begin with these names.
fn keyed<const N: usize>(text: &[u8], names: [&[u8]; N]) -> Result<[Option<u64>; N], Malformed> {
    let mut values = [None; N];
    let mut text = Cursor::new(text);
    while !text.is_at_end() {
        if let Some(name) = text.word()
            && let Some(index) = names.iter().position(|&known| known == name)
            && let Some(value) = text.number()
            && text.is_at_line_end()
        {
            values[index] = Some(value);
        }
        text.skip_line();
    }
    if values.iter().all(Option::is_none) { Err(Malformed("no line of it is known")) } else { Ok(values) }
}

/// A line that is cut may hold a cut number.
fn whole_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}
