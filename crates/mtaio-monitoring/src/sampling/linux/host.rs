//! The machine as a whole: swapping, file handles, and what stands at the end of `/proc/stat`.

use std::path::Path;

use super::cursor::Cursor;
use super::file::{KeptFile, Records};
use super::paced::{PACE_NS, Paced};
use super::{Malformed, Origin};
use crate::clock::{Clock, Instant3};
use crate::sampling::{RawActivity, RawFileHandles, RawHost, RawSwapping, Section, SectionHealth, Timed};

/// `/proc/vmstat` has some two hundred lines, of which two are wanted: it is as dear as all that every sample reads.
#[derive(Debug)]
pub(super) struct Host {
    vmstat: Origin,
    swapping: Paced<RawSwapping>,
    swapping_newest: Option<Timed<RawSwapping>>,
    swapping_before: Option<Timed<RawSwapping>>,
    file_nr: Origin,
    file_handles: Paced<RawFileHandles>,
    page_bytes: u64,
}

impl Host {
    pub(super) fn new(root: &Path, page_bytes: u64) -> Self {
        let origin = |path: &str, records| Origin::new(KeptFile::new(root.join(path), records));
        Self {
            vmstat: origin("proc/vmstat", Records::Many),
            swapping: Paced::new(PACE_NS),
            swapping_newest: None,
            swapping_before: None,
            file_nr: origin("proc/sys/fs/file-nr", Records::One),
            file_handles: Paced::new(PACE_NS),
            page_bytes,
        }
    }

    /// Takes what `/proc/stat` said and adds what is looked at from time to time.
    pub(super) fn read(
        &mut self,
        now: Instant3,
        buffer: &mut Vec<u8>,
        clock: &Clock,
        activity: Option<Timed<RawActivity>>,
        slot: &mut Option<Timed<RawHost>>,
    ) {
        let Self { vmstat, swapping, swapping_newest, swapping_before, file_nr, file_handles, page_bytes } = self;
        let swapping = swapping.get(now.monotonic_ns, || {
            let mut latest = None;
            vmstat.read(buffer, clock, &mut latest, |text, out| parse_vmstat(text, *page_bytes, out));
            *swapping_before = std::mem::replace(swapping_newest, latest);
            latest
        });
        let file_handles = file_handles.get(now.monotonic_ns, || {
            let mut latest = None;
            file_nr.read(buffer, clock, &mut latest, parse_file_nr);
            latest
        });
        *slot = Some(Timed {
            read_at_ns: activity.as_ref().map_or(now.monotonic_ns, |activity| activity.read_at_ns),
            value: RawHost {
                uptime_ns: Some(now.boottime_ns),
                activity: activity.map(|activity| activity.value).unwrap_or_default(),
                file_handles: file_handles.map(|timed| timed.value),
                swapping: swapping.copied(),
                swapping_before: *swapping_before,
            },
        });
    }

    pub(super) fn health(&self, section: Section) -> SectionHealth {
        let (swapping, file_handles) = (self.vmstat.health(section), self.file_nr.health(section));
        SectionHealth {
            origin: format!("{}, {}", swapping.origin, file_handles.origin),
            reads: swapping.reads + file_handles.reads,
            failures: swapping.failures + file_handles.failures,
            last_error: swapping.last_error.or(file_handles.last_error),
            every_seconds: Some(PACE_NS as f64 / 1e9),
            ..SectionHealth::unread(section)
        }
    }

    pub(super) fn failures(&self) -> u64 {
        self.vmstat.failures + self.file_nr.failures
    }
}

/// Parses the last lines of `/proc/stat`, from the end, for the line of interrupts before them is the longest of all. A
/// line that is missing, damaged or cut leaves its field `None`.
pub fn parse_activity(text: &[u8], out: &mut RawActivity) {
    /// Lines after that of the interrupts, and room for those that a kernel may add.
    const LAST_LINES: usize = 12;

    *out = RawActivity::default();
    let Some(mut text) = text.iter().rposition(|&byte| byte == b'\n').map(|end| &text[..=end]) else { return };
    for _ in 0..LAST_LINES {
        let Some(before_newline) = text.len().checked_sub(1) else { break };
        let begin = text[..before_newline].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut line = Cursor::new(&text[begin..]);
        let field = match line.word() {
            Some(b"ctxt") => &mut out.context_switches,
            Some(b"btime") => &mut out.boot_seconds,
            Some(b"processes") => &mut out.processes_created,
            Some(b"procs_blocked") => &mut out.processes_blocked,
            Some(b"intr" | b"cpu") => break,
            _ => {
                text = &text[..begin];
                continue;
            }
        };
        *field = line.number().filter(|_| line.is_at_line_end());
        // The first of the four in the file: what is before it need not be looked at.
        if out.context_switches.is_some() {
            break;
        }
        text = &text[..begin];
    }
    // The kernel adds up counters of processors that change meanwhile: the sum may be -1 for a moment (P39).
    out.processes_blocked = out.processes_blocked.filter(|&blocked| blocked <= u64::from(u32::MAX));
}

/// Parses `pswpin` and `pswpout` of `/proc/vmstat`, which count pages.
///
/// # Errors
///
/// One of them is missing: the kernel has no swap.
pub fn parse_vmstat(text: &[u8], page_bytes: u64, out: &mut RawSwapping) -> Result<(), Malformed> {
    let (mut in_bytes, mut out_bytes) = (None, None);
    let mut text = Cursor::new(text);
    while !text.is_at_end() && (in_bytes.is_none() || out_bytes.is_none()) {
        if text.eat(b"pswp") {
            let bytes = |text: &mut Cursor<'_>| text.number()?.checked_mul(page_bytes);
            match text.word() {
                Some(b"in") => in_bytes = bytes(&mut text),
                Some(b"out") => out_bytes = bytes(&mut text),
                _ => {}
            }
        }
        text.skip_line();
    }
    let missing = Malformed("it has no pswpin and pswpout");
    *out = RawSwapping { in_bytes: in_bytes.ok_or(missing)?, out_bytes: out_bytes.ok_or(missing)? };
    Ok(())
}

/// Parses `1056 0 9223372036854775807`: handles that are allocated, those of them that are free (always 0 since Linux
/// 2.6), and how many there may be.
///
/// # Errors
///
/// The line is cut, or has not three numbers.
pub fn parse_file_nr(text: &[u8], out: &mut RawFileHandles) -> Result<(), Malformed> {
    let mut line = Cursor::new(text);
    let (Some(allocated), Some(free), Some(max)) = (line.number(), line.number(), line.number()) else {
        return Err(Malformed("it has not three numbers"));
    };
    // The kernel's default is as many as memory allows; its largest number is none to run into.
    let max = Some(max).filter(|&max| max < i64::MAX.unsigned_abs());
    *out = RawFileHandles { used: allocated.saturating_sub(free), max };
    Ok(())
}
