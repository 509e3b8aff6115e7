//! What is read of this process beyond `/proc/self/stat`: some of it at every sample, because it is cheap, and the rest
//! every few seconds.

use std::fs;
use std::io;
use std::path::Path;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rustix::process::{Resource, getrlimit};

use super::file::{KeptFile, Records};
use super::process::Units;
use super::resident::{pss_bytes, shared_pages};
use super::{Failure, Malformed, Origin, process_io};
use crate::clock::Clock;
use crate::sampling::costs::Costs;
use crate::sampling::{
    RawDescriptors, RawProcess, RawProcessIo, RawProcessMemory, RawSample, Section, SectionHealth, Timed,
};

/// How often descriptors and shared memory are read, and a file that was missing is looked for again.
const EVERY_NS: u64 = 5_000_000_000;
/// How often `smaps_rollup` is read at most. It is the dearest of all files: the kernel walks every page.
const ROLLUP_EVERY_NS: u64 = 30_000_000_000;
/// It takes no more than this part of the time of one processor, however large the process: 1/10 000.
const ROLLUP_PART: u64 = 10_000;
/// A process with more resident memory than this is not asked even once: it could take tens of milliseconds, in which
/// its threads cannot map or unmap memory.
const ROLLUP_LARGEST_BYTES: u64 = 1 << 30;

/// Reads this process.
#[derive(Debug)]
pub(super) struct OwnProcess {
    units: Units,
    halves: [Highest; 2],
    io: Origin,
    io_due_ns: u64,
    written: Highest,
    descriptors: Origin,
    count: DescriptorCount,
    memory: Origin,
    rollup: Origin,
    due_ns: u64,
    rollup_due_ns: u64,
    latest_descriptors: Option<Timed<RawDescriptors>>,
    latest_memory: Option<Timed<RawProcessMemory>>,
    latest_pss: Option<Timed<Option<u64>>>,
}

impl OwnProcess {
    pub(super) fn new(root: &Path) -> Self {
        let origin = |path: &str| Origin::new(KeptFile::new(root.join(path), Records::One));
        Self {
            units: Units::of_this_machine(),
            halves: [Highest::default(); 2],
            io: origin("proc/self/io"),
            io_due_ns: 0,
            written: Highest::default(),
            descriptors: origin("proc/self/fd"),
            count: DescriptorCount::default(),
            memory: origin("proc/self/statm"),
            rollup: origin("proc/self/smaps_rollup"),
            due_ns: 0,
            rollup_due_ns: 0,
            latest_descriptors: None,
            latest_memory: None,
            latest_pss: None,
        }
    }

    /// Completes `out.process`, which must have been read, and fills what else there is about this process.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>, clock: &Clock, costs: &mut Costs, out: &mut RawSample) {
        if let Some(process) = &mut out.process {
            self.usage(&mut process.value);
        }
        costs.lap(Section::Process, clock);
        let now_ns = out.clock.monotonic_ns;
        self.read_io(buffer, clock, now_ns, &mut out.process_io);
        costs.lap(Section::ProcessIo, clock);
        let rss_bytes = out.process.as_ref().and_then(|process| process.value.rss_bytes);
        if now_ns >= self.due_ns {
            self.due_ns = now_ns.saturating_add(EVERY_NS);
            self.read_descriptors(clock);
            costs.lap(Section::Descriptors, clock);
            self.read_memory(buffer, clock, now_ns, rss_bytes);
        }
        out.descriptors.clone_from(&self.latest_descriptors);
        out.process_memory.clone_from(&self.latest_memory);
        costs.lap(Section::ProcessMemory, clock);
    }

    /// One call of a microsecond for what would take three files; it is of this process, whatever tree is read.
    fn usage(&mut self, process: &mut RawProcess) {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return };
        let count = |count: std::ffi::c_long| u64::try_from(count).ok();
        let halves = [usage.user_time(), usage.system_time()];
        let microseconds = halves.map(|half| u64::try_from(half.num_microseconds()).ok());
        let [user, system] = &mut self.halves;
        process.user_ns = user.reached(microseconds[0].and_then(|half| half.checked_mul(1_000)));
        process.system_ns = system.reached(microseconds[1].and_then(|half| half.checked_mul(1_000)));
        process.voluntary_switches = count(usage.voluntary_context_switches());
        process.involuntary_switches = count(usage.involuntary_context_switches());
    }

    fn read_io(
        &mut self,
        buffer: &mut Vec<u8>,
        clock: &Clock,
        now_ns: u64,
        slot: &mut Option<Timed<RawProcessIo>>,
    ) {
        if now_ns < self.io_due_ns {
            *slot = None;
            return;
        }
        self.io.read(buffer, clock, slot, process_io::parse);
        match slot {
            Some(io) => io.value.written_bytes = self.written.reached(io.value.written_bytes),
            None => self.io_due_ns = now_ns.saturating_add(EVERY_NS),
        }
    }

    fn read_descriptors(&mut self, clock: &Clock) {
        let open = self.count.of(self.descriptors.file.path());
        let read_at_ns = clock.monotonic_ns();
        let open = self.descriptors.count(open.map_err(Failure::Read));
        let limit = getrlimit(Resource::Nofile).current;
        self.latest_descriptors =
            open.map(|open| Timed { read_at_ns, value: RawDescriptors { open: Some(open), limit } });
    }

    fn read_memory(&mut self, buffer: &mut Vec<u8>, clock: &Clock, now_ns: u64, rss_bytes: Option<u64>) {
        let mut shared: Option<Timed<u64>> = None;
        self.memory.read(buffer, clock, &mut shared, |text, pages| {
            *pages = shared_pages(text).ok_or(Malformed("the third field is missing or no number"))?;
            Ok(())
        });
        let is_small = rss_bytes.is_some_and(|bytes| bytes <= ROLLUP_LARGEST_BYTES);
        if !is_small {
            self.latest_pss = None;
        } else if now_ns >= self.rollup_due_ns {
            let begun_ns = clock.monotonic_ns();
            self.latest_pss = None;
            self.rollup.read(buffer, clock, &mut self.latest_pss, |text, pss| {
                *pss = Some(pss_bytes(text).ok_or(Malformed("it has no line named Pss"))?);
                Ok(())
            });
            let took_ns = clock.monotonic_ns().saturating_sub(begun_ns);
            let pause_ns = took_ns.saturating_mul(ROLLUP_PART).max(ROLLUP_EVERY_NS);
            self.rollup_due_ns = now_ns.saturating_add(pause_ns);
        }
        let pss_bytes = self.latest_pss.as_ref().and_then(|pss| pss.value);
        let shared_bytes = shared.as_ref().and_then(|pages| pages.value.checked_mul(self.units.page_bytes));
        self.latest_memory = shared.map(|shared| Timed {
            read_at_ns: shared.read_at_ns,
            value: RawProcessMemory { shared_bytes, pss_bytes },
        });
    }

    pub(super) fn health(&self, section: Section) -> SectionHealth {
        match section {
            Section::ProcessIo => self.io.health(section),
            Section::Descriptors => {
                SectionHealth { every_seconds: Some(EVERY_NS as f64 / 1e9), ..self.descriptors.health(section) }
            }
            _ => {
                // That the proportional size is not known does not make the section fail.
                let (memory, rollup) = (self.memory.health(section), self.rollup.health(section));
                SectionHealth {
                    origin: format!("{}, {}", memory.origin, rollup.origin),
                    last_error: memory.last_error.or(rollup.last_error),
                    every_seconds: Some(EVERY_NS as f64 / 1e9),
                    reads: memory.reads,
                    failures: memory.failures,
                    ..SectionHealth::unread(section)
                }
            }
        }
    }

    pub(super) fn descriptor_count(&self) -> DescriptorCount {
        self.count
    }

    pub(super) fn failures(&self) -> u64 {
        self.io.failures + self.descriptors.failures + self.memory.failures
    }
}

/// A counter of which the kernel shows an estimate that may go back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Highest(u64);

impl Highest {
    /// The most that the counter has reached.
    pub(super) fn reached(&mut self, value: Option<u64>) -> Option<u64> {
        self.0 = self.0.max(value?);
        Some(self.0)
    }
}

/// How the descriptors of a process are counted.
///
/// Since Linux 6.2 the size of `/proc/PID/fd` is their number (P34). No page documents it, and other systems that
/// imitate `/proc` have sizes of their own there, so it is held against the list once before it is believed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DescriptorCount {
    size_is_count: Option<bool>,
}

impl DescriptorCount {
    /// How many descriptors this process has; `folder` is its `fd`.
    fn of(&mut self, folder: &Path) -> io::Result<u64> {
        let size = fs::metadata(folder)?.len();
        if self.size_is_count == Some(true) && size > 0 {
            return Ok(size);
        }
        // Reading the list takes a descriptor, which is in it.
        let listed = list(folder)?.saturating_sub(1);
        // Other threads open and close some meanwhile.
        let size_is_count = *self.size_is_count.get_or_insert(size > 0 && size.abs_diff(listed) <= 2 + listed / 8);
        Ok(if size_is_count { size } else { listed })
    }

    /// Whether the size is their number: not known before the first count.
    pub(super) fn is_size(self) -> bool {
        self.size_is_count == Some(true)
    }
}

/// The entries of a folder.
fn list(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.try_fold(0, |count, entry| entry.map(|_| count + 1))
}
