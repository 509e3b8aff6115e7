//! Linux: `/proc`, through descriptors that stay open.
//!
//! Opening a file of `/proc` costs as much as reading it, so each is opened once and then read from its start with
//! `pread` into one buffer that all of them share. The parsers take those bytes and never a path, so a recorded
//! tree, a fuzzer and the live kernel go through the same lines. Once the buffers have grown to the machine's size,
//! a sample allocates nothing.
//!
//! A file that cannot be read, or whose content cannot be understood, makes its section `None`, is counted, and is
//! opened anew at the next sample.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::costs::Costs;
use super::{Cost, ListProcesses, OpenTriggers, RawActivity, RawSample, Section, SectionHealth, Source, Timed};
use crate::clock::Clock;

pub mod arc;
pub mod cgroup;
pub mod cgroup_files;
mod container;
mod cursor;
mod disk_kinds;
pub mod diskstats;
mod file;
mod filesystems;
pub mod host;
mod interface_kinds;
pub mod loadavg;
pub mod meminfo;
pub mod mounts;
pub mod netdev;
mod network;
mod own_cgroups;
mod own_process;
mod paced;
pub mod pressure;
pub mod process;
pub mod process_io;
mod process_list;
mod processes;
pub mod resident;
pub mod stat;
pub mod surroundings;
mod tree;
pub(super) mod triggers;
pub mod zoneinfo;

use arc::ArcReader;
use container::ContainerReader;
use disk_kinds::DiskKinds;
use file::{KeptFile, Records};
use filesystems::Filesystems;
use host::Host;
use network::Network;
use own_cgroups::CgroupFinder;
use own_process::OwnProcess;
use pressure::PressureFiles;
use process::Units;
use process_list::ProcessLister;
use tree::TreeReader;
use triggers::PressureTriggers;

/// Reads a Linux machine, or a recording of one.
#[derive(Debug)]
pub struct LinuxSource {
    root: PathBuf,
    cpu: Origin,
    load: Origin,
    memory: Origin,
    zones: Origin,
    arc: ArcReader,
    disks: Origin,
    process: Origin,
    network: Network,
    filesystems: Filesystems,
    host: Host,
    disk_kinds: DiskKinds,
    cgroups: CgroupFinder,
    container: ContainerReader,
    own: OwnProcess,
    tree: TreeReader,
    units: Units,
    pressure: PressureFiles,
    container_pressure: PressureFiles,
    /// The generation of `cgroups` that `container_pressure` is of.
    cgroups_seen: u64,
    triggers: Arc<PressureTriggers>,
    buffer: Vec<u8>,
    costs: Costs,
}

/// Large enough for every file of an ordinary machine; a larger one makes the buffer grow, once.
const INITIAL_BUFFER_BYTES: usize = 16 * 1024;

impl LinuxSource {
    /// This machine. Opens nothing yet: each file is opened when it is first read.
    #[must_use]
    pub fn new() -> Self {
        Self::with_root("/")
    }

    /// The machine whose `proc` and `sys` lie below `root`: a recording, or a host's tree that is mounted
    /// elsewhere.
    ///
    /// The processor time of the process still comes from the clock, because no file holds it precisely.
    #[must_use]
    pub fn with_root(root: impl AsRef<Path>) -> Self {
        let root = root.as_ref();
        let origin = |path: &str, records| Origin::new(KeptFile::new(root.join(path), records));
        let page_bytes = rustix::param::page_size() as u64;
        Self {
            root: root.to_owned(),
            cpu: origin("proc/stat", Records::One),
            load: origin("proc/loadavg", Records::One),
            memory: origin("proc/meminfo", Records::One),
            zones: origin("proc/zoneinfo", Records::Many),
            arc: ArcReader::new(root),
            disks: origin("proc/diskstats", Records::Many),
            process: origin("proc/self/stat", Records::One),
            network: Network::new(root),
            filesystems: Filesystems::new(root),
            host: Host::new(root, page_bytes),
            disk_kinds: DiskKinds::new(root.join("sys/class/block")),
            cgroups: CgroupFinder::new(root),
            container: ContainerReader::new(root),
            own: OwnProcess::new(root),
            tree: TreeReader::new(root),
            units: Units::of_this_machine(),
            pressure: PressureFiles::of_host(root),
            container_pressure: PressureFiles::of_cgroup(None, 0),
            cgroups_seen: 0,
            triggers: Arc::new(PressureTriggers::new(root)),
            buffer: vec![0; INITIAL_BUFFER_BYTES],
            costs: Costs::new(),
        }
    }
}

impl Default for LinuxSource {
    fn default() -> Self {
        Self::new()
    }
}

impl Source for LinuxSource {
    fn read(&mut self, clock: &Clock, out: &mut RawSample) {
        let buffer = &mut self.buffer;
        out.clock = clock.now();
        let costs = &mut self.costs;
        costs.begin(out.clock.monotonic_ns);
        self.cgroups.look(buffer, out.clock.monotonic_ns);
        costs.lap(Section::Container, clock);
        let mut activity = RawActivity::default();
        self.cpu.read(buffer, clock, &mut out.cpu, |text, cpu| {
            host::parse_activity(text, &mut activity);
            stat::parse(text, cpu)
        });
        let activity = out.cpu.as_ref().map(|cpu| Timed { read_at_ns: cpu.read_at_ns, value: activity });
        costs.lap(Section::Cpu, clock);
        self.load.read(buffer, clock, &mut out.load, loadavg::parse);
        costs.lap(Section::Load, clock);
        self.memory.read(buffer, clock, &mut out.memory, meminfo::parse);
        costs.lap(Section::Memory, clock);
        self.disks.read(buffer, clock, &mut out.disks, diskstats::parse);
        costs.lap(Section::Disks, clock);
        let units = self.units;
        self.process.read(buffer, clock, &mut out.process, |text, process| {
            *process = process::parse(text)?.raw(&units);
            Ok(())
        });
        costs.lap(Section::Process, clock);

        let now = out.clock;
        self.network.read(now, buffer, clock, &mut out.network);
        costs.lap(Section::Network, clock);
        self.filesystems.read(now, buffer, clock, &mut out.filesystems);
        costs.lap(Section::Filesystems, clock);
        self.host.read(now, buffer, clock, activity, &mut out.host);
        costs.lap(Section::Host, clock);
        self.pressure.read(buffer, clock, now.monotonic_ns, &mut out.pressure);
        costs.lap(Section::Pressure, clock);
        if self.cgroups_seen != self.cgroups.generation() {
            self.cgroups_seen = self.cgroups.generation();
            let own = pressure::own_cgroup(self.cgroups.own());
            self.container_pressure = PressureFiles::of_cgroup(own, self.cgroups_seen);
        }
        self.container_pressure.read(buffer, clock, now.monotonic_ns, &mut out.container_pressure);
        costs.lap(Section::ContainerPressure, clock);

        if let Some(memory) = &mut out.memory
            && memory.value.available.unwrap_or(0) == 0
        {
            // Only a kernel before 3.14, or one that misreports (P12), costs this file: it is long.
            let mut low_pages: Option<Timed<u64>> = None;
            self.zones.read(buffer, clock, &mut low_pages, zoneinfo::parse);
            memory.value.low_watermark = low_pages.and_then(|pages| pages.value.checked_mul(units.page_bytes));
            costs.lap(Section::Memory, clock);
        }
        if let Some(memory) = &mut out.memory {
            memory.value.arc_shrinkable = self.arc.read(now.monotonic_ns, buffer, clock);
            costs.lap(Section::Memory, clock);
        }
        if let Some(disks) = &mut out.disks {
            self.disk_kinds.assign(&mut disks.value.devices);
            costs.lap(Section::Disks, clock);
        }
        // The process's own clock is finer than its file, and answers even where the file does not (P6).
        if let Some(cpu_ns) = clock.process_cpu_ns() {
            let process = out.process.get_or_insert_default();
            process.value.cpu_ns = Some(cpu_ns);
            process.read_at_ns = clock.monotonic_ns();
        }
        costs.lap(Section::Process, clock);
        let disks = out.disks.as_ref().map_or(&[][..], |disks| &disks.value.devices);
        out.container = self.container.read(&self.cgroups, disks, buffer, clock);
        costs.lap(Section::Container, clock);
        self.own.read(buffer, clock, costs, out);
        let now_ns = out.clock.monotonic_ns;
        self.tree.read(clock, now_ns, self.cgroups.own(), self.own.descriptor_count(), &mut out.tree);
        costs.lap(Section::Tree, clock);
        costs.end();
    }

    fn health(&self) -> Vec<SectionHealth> {
        Section::ALL
            .into_iter()
            .map(|section| match section {
                Section::Cpu => self.cpu.health(section),
                Section::Load => self.load.health(section),
                Section::Memory => {
                    // Neither makes the section fail, and each is worth a line in the report.
                    let mut health = self.memory.health(section);
                    health.last_error =
                        health.last_error.or_else(|| self.zones.last_error()).or_else(|| self.arc.last_error());
                    health
                }
                Section::Disks => self.disks.health(section),
                Section::Process => self.process.health(section),
                Section::Network => self.network.health(section),
                Section::Filesystems => self.filesystems.health(section),
                Section::Host => self.host.health(section),
                Section::Container => self.container.health(&self.cgroups),
                Section::ProcessIo | Section::Descriptors | Section::ProcessMemory => self.own.health(section),
                Section::Tree => self.tree.health(),
                Section::Pressure => self.pressure.health(),
                Section::ContainerPressure => self.container_pressure.health(),
            })
            .map(|health| SectionHealth { cost: self.costs.of(health.section), ..health })
            .collect()
    }

    fn cost(&self) -> Option<Cost> {
        self.costs.of_sample()
    }

    fn failures(&self) -> u64 {
        let files = [&self.cpu, &self.load, &self.memory, &self.disks, &self.process];
        let sections = [
            self.arc.failures(),
            self.network.failures(),
            self.filesystems.failures(),
            self.host.failures(),
            self.container.failures(),
            self.own.failures(),
            self.tree.failures(),
            self.pressure.failures(),
            self.container_pressure.failures(),
        ];
        files.into_iter().map(|file| file.failures).chain(sections).sum()
    }

    fn pressure_triggers(&self) -> Option<Arc<dyn OpenTriggers>> {
        Some(Arc::clone(&self.triggers) as Arc<dyn OpenTriggers>)
    }

    fn process_lister(&self) -> Option<Box<dyn ListProcesses>> {
        Some(Box::new(ProcessLister::new(&self.root)))
    }
}

/// Why the content of a file gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// A file and how its readings have gone.
#[derive(Debug)]
struct Origin {
    file: KeptFile,
    reads: u64,
    failures: u64,
    last_failure: Option<Failure>,
}

/// Kept as it came and made into words only when asked: a section that fails at every sample must not allocate.
#[derive(Debug)]
enum Failure {
    Read(io::Error),
    Content(Malformed),
}

impl Failure {
    fn of(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Read(error) => format!("{path}: {error}"),
            Self::Content(malformed) => format!("{path}: {malformed}"),
        }
    }
}

impl Origin {
    fn new(file: KeptFile) -> Self {
        Self { file, reads: 0, failures: 0, last_failure: None }
    }

    /// Reads the file and lets `parse` fill what `slot` held before, so that its vectors are used again.
    fn read<T: Default>(
        &mut self,
        buffer: &mut Vec<u8>,
        clock: &Clock,
        slot: &mut Option<Timed<T>>,
        parse: impl FnOnce(&[u8], &mut T) -> Result<(), Malformed>,
    ) {
        self.reads += 1;
        let outcome = match self.file.read(buffer) {
            Ok(bytes) => {
                let read_at_ns = clock.monotonic_ns();
                let timed = slot.get_or_insert_default();
                timed.read_at_ns = read_at_ns;
                parse(bytes, &mut timed.value).map_err(Failure::Content)
            }
            Err(error) => Err(Failure::Read(error)),
        };
        if let Err(failure) = outcome {
            *slot = None;
            self.failures += 1;
            self.last_failure = Some(failure);
            self.file.close();
        }
    }

    /// Counts a reading of something that is no file of which [`Self::read`] knows how.
    fn count<T>(&mut self, outcome: Result<T, Failure>) -> Option<T> {
        self.reads += 1;
        outcome.map_err(|failure| self.note(failure)).ok()
    }

    /// Counts a part of a reading that gave nothing, or the whole of it.
    fn note(&mut self, failure: Failure) {
        self.failures += 1;
        self.last_failure = Some(failure);
    }

    fn last_error(&self) -> Option<String> {
        self.last_failure.as_ref().map(|failure| failure.of(self.file.path()))
    }

    fn health(&self, section: Section) -> SectionHealth {
        SectionHealth {
            origin: self.file.path().display().to_string(),
            reads: self.reads,
            failures: self.failures,
            last_error: self.last_error(),
            ..SectionHealth::unread(section)
        }
    }
}
