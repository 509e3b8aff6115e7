//! Any system that the `sysinfo` crate knows: macOS, Windows, the BSDs; on Linux to be held against the native
//! source.
//!
//! `sysinfo` answers with figures, not with counters: "7 % since you asked last". Rates are made in one place from
//! counters, so this source turns the figures back into counters that grow: 7 % over 2 s of 4 processors is 0.56 s
//! more of `user` and 7.44 s more of `idle`. What `sysinfo` does not tell (how many reads, how long they took,
//! buffers, caches, threads elsewhere than on Linux, dropped packets, inodes, swapping, file handles) is `None`; so is
//! every mode of processor time but idle, for it tells busy time only as a whole.
//!
//! Known differences from the native source: the busy share is `sysinfo`'s own, which on Linux contains steal and
//! guest time; a disk without a mounted file system is not seen; the load average of Windows is `sysinfo`'s imitation;
//! what an interface is made of is guessed from its name; and file servers are asked for their room too, because
//! `sysinfo` asks every mounted file system when it lists them.

use std::fmt;

use sysinfo::{
    CpuRefreshKind, Disk, DiskRefreshKind, Disks, MINIMUM_CPU_UPDATE_INTERVAL, MemoryRefreshKind, Networks,
    ProcessRefreshKind, ProcessesToUpdate, System,
};

use super::{
    CpuTimes, DiskKind, RawCpu, RawDisk, RawDisks, RawFilesystems, RawLoad, RawMemory, RawProcess, RawSample,
    SECTOR_BYTES, Section, SectionHealth, Source, Timed,
};
use crate::clock::Clock;

mod devices;

pub use devices::interface_kind;
use devices::{interfaces, room, whole_machine};

/// As the native source: a disk does not fill up within seconds.
const BETWEEN_LOOKS_AT_ROOM_NS: u64 = 30_000_000_000;

/// The machine as `sysinfo` sees it.
#[derive(Default)]
pub struct PortableSource {
    system: Option<System>,
    disks: Option<Disks>,
    volumes: Option<Disks>,
    volumes_due_ns: u64,
    latest_room: Option<Timed<RawFilesystems>>,
    networks: Option<Networks>,
    processors: ProcessorCounters,
    shared_drives: SharedDrives,
    tallies: [Tally; Section::ALL.len()],
}

impl PortableSource {
    /// This machine. Asks nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for PortableSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PortableSource")
            .field("processors", &self.processors)
            .field("tallies", &self.tallies)
            .finish_non_exhaustive()
    }
}

impl Source for PortableSource {
    fn read(&mut self, clock: &Clock, out: &mut RawSample) {
        out.clock = clock.now();
        let [cpu, load, memory, disks, process, network, filesystems, host, ..] = &mut self.tallies;
        let mut system = opened(&mut self.system, System::new);

        let processors = &mut self.processors;
        let reading = with(&mut system, |system| processors.read(system, clock));
        cpu.publish(reading, clock, &mut out.cpu);
        if let Some(cpu) = &mut out.cpu {
            // The counters stand still between two looks of `sysinfo`; so must the time that belongs to them.
            cpu.read_at_ns = processors.counted_until_ns.unwrap_or(cpu.read_at_ns);
        }
        load.publish(load_averages(), clock, &mut out.load);
        memory.publish(with(&mut system, memory_of), clock, &mut out.memory);
        let shared = &mut self.shared_drives;
        let reading = with(&mut opened(&mut self.disks, Disks::new), |disks| traffic(disks, shared));
        disks.publish(reading, clock, &mut out.disks);
        let reading = with(&mut system, |system| process_of(system, clock));
        process.publish(reading, clock, &mut out.process);
        network.publish(with(&mut opened(&mut self.networks, Networks::new), interfaces), clock, &mut out.network);
        // The slot may hold what another sample left there: between two looks the latest one is given again.
        let now_ns = clock.monotonic_ns();
        if now_ns >= self.volumes_due_ns {
            self.volumes_due_ns = now_ns.saturating_add(BETWEEN_LOOKS_AT_ROOM_NS);
            let reading = with(&mut opened(&mut self.volumes, Disks::new), room);
            filesystems.publish(reading, clock, &mut self.latest_room);
        }
        out.filesystems.clone_from(&self.latest_room);
        host.publish(whole_machine(), clock, &mut out.host);
    }

    fn health(&self) -> Vec<SectionHealth> {
        let origin = |section: Section| format!("sysinfo {}", section.name());
        let health = |(section, tally): (Section, &Tally)| SectionHealth {
            origin: origin(section),
            reads: tally.reads,
            failures: tally.failures,
            last_error: tally.last_error.as_ref().map(|error| format!("{}: {error}", origin(section))),
            ..SectionHealth::unread(section)
        };
        Section::ALL.into_iter().zip(&self.tallies).map(health).collect()
    }

    /// `sysinfo` does not look at the processors more often than this.
    fn minimum_window_seconds(&self) -> f64 {
        MINIMUM_CPU_UPDATE_INTERVAL.as_secs_f64().max(0.1)
    }
}

/// Processor counters in ticks of 1/10 000 s, made from shares.
#[derive(Clone, Debug, Default)]
pub struct ProcessorCounters {
    counted_until_ns: Option<u64>,
    total: BusyAndIdle,
    cores: Vec<BusyAndIdle>,
}

#[derive(Clone, Copy, Debug, Default)]
struct BusyAndIdle {
    busy_ns: u64,
    idle_ns: u64,
}

impl ProcessorCounters {
    /// Counts the time since the last call: `total_percent` of it on all of the processors together, and each
    /// processor's own share of it. The first call begins at 0, for it is not known since when its shares are.
    pub fn count(&mut self, now_ns: u64, total_percent: f32, core_percents: &[f32]) {
        let elapsed_ns = now_ns.saturating_sub(self.counted_until_ns.unwrap_or(now_ns));
        self.counted_until_ns = Some(now_ns);
        self.cores.resize(core_percents.len(), BusyAndIdle::default());
        self.total.count(total_percent, elapsed_ns.saturating_mul(core_percents.len() as u64));
        for (core, &percent) in self.cores.iter_mut().zip(core_percents) {
            core.count(percent, elapsed_ns);
        }
    }

    /// The counters. A processor's number is its place in the list.
    #[must_use]
    pub fn counters(&self) -> RawCpu {
        let cores = self.cores.iter().zip(0..).map(|(core, number)| (number, core.times()));
        RawCpu { total: self.total.times(), cores: cores.collect() }
    }

    fn read(&mut self, system: &mut System, clock: &Clock) -> Result<RawCpu, String> {
        // Before its interval is over `sysinfo` repeats its last answer, which must not be counted twice. Our last
        // look ended after its own, so when our interval is over, its is too.
        let least_ns = MINIMUM_CPU_UPDATE_INTERVAL.as_nanos() as u64;
        let is_due = |last_ns| clock.monotonic_ns().saturating_sub(last_ns) >= least_ns;
        if self.counted_until_ns.is_none_or(is_due) {
            system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
            let core_percents: Vec<f32> = system.cpus().iter().map(sysinfo::Cpu::usage).collect();
            if core_percents.is_empty() {
                return Err("no processor is listed".to_owned());
            }
            self.count(clock.monotonic_ns(), system.global_cpu_usage(), &core_percents);
        }
        Ok(self.counters())
    }
}

impl BusyAndIdle {
    fn count(&mut self, percent: f32, elapsed_ns: u64) {
        let share = f64::from(percent).clamp(0.0, 100.0) / 100.0;
        // A share that is not a number becomes 0 here, for the time itself has passed.
        let busy_ns = (share * elapsed_ns as f64) as u64;
        self.busy_ns = self.busy_ns.saturating_add(busy_ns);
        self.idle_ns = self.idle_ns.saturating_add(elapsed_ns.saturating_sub(busy_ns));
    }

    fn times(self) -> CpuTimes {
        const TICK_NS: u64 = 100_000;
        let mut modes = [CpuTimes::UNKNOWN; 10];
        (modes[0], modes[3]) = (self.busy_ns / TICK_NS, self.idle_ns / TICK_NS);
        CpuTimes(modes)
    }
}

/// Volumes that turned out to lie on one drive.
///
/// macOS knows the traffic of a drive but not of a volume, so each volume of a drive answers with the same numbers.
/// Two volumes that once read and wrote exactly as much as each other are one drive from then on.
#[derive(Clone, Debug, Default)]
pub struct SharedDrives {
    /// A volume, and the volume listed before it that stands for both.
    pairs: Vec<(String, String)>,
}

impl SharedDrives {
    /// Makes every volume but the first of a drive a [`DiskKind::Partition`].
    pub fn mark(&mut self, volumes: &mut [RawDisk]) {
        for index in 1..volumes.len() {
            let (before, rest) = volumes.split_at_mut(index);
            let volume = &mut rest[0];
            for first in before.iter().filter(|first| first.kind == DiskKind::Whole) {
                let is_pair = |(a, b): &(String, String)| *a == volume.name && *b == first.name;
                let is_known = self.pairs.iter().any(is_pair);
                let is_same =
                    (first.read_sectors, first.write_sectors) == (volume.read_sectors, volume.write_sectors);
                if is_same && !is_known {
                    self.pairs.push((volume.name.clone(), first.name.clone()));
                }
                if is_same || is_known {
                    volume.kind = DiskKind::Partition;
                    break;
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    reads: u64,
    failures: u64,
    last_error: Option<String>,
}

impl Tally {
    fn publish<T>(&mut self, reading: Result<T, String>, clock: &Clock, slot: &mut Option<Timed<T>>) {
        self.reads += 1;
        *slot = match reading {
            Ok(value) => Some(Timed { read_at_ns: clock.monotonic_ns(), value }),
            Err(error) => {
                self.failures += 1;
                self.last_error = Some(error);
                None
            }
        };
    }
}

/// What is in `slot`, made first if need be.
fn opened<T>(slot: &mut Option<T>, make: impl FnOnce() -> Result<T, sysinfo::Error>) -> Result<&mut T, String> {
    match slot {
        Some(made) => Ok(made),
        None => Ok(slot.insert(make().map_err(|error| error.to_string())?)),
    }
}

fn with<T, R>(
    opened: &mut Result<&mut T, String>,
    ask: impl FnOnce(&mut T) -> Result<R, String>,
) -> Result<R, String> {
    match opened {
        Ok(opened) => ask(opened),
        Err(error) => Err(error.clone()),
    }
}

fn load_averages() -> Result<RawLoad, String> {
    let load = System::load_average().map_err(|error| error.to_string())?;
    let averages = [load.one, load.five, load.fifteen];
    if averages.iter().any(|average| !average.is_finite() || *average < 0.0) {
        return Err(format!("{averages:?} are no load averages"));
    }
    let hundredths = averages.map(|average| (average * 100.0).round() as u32);
    Ok(RawLoad { hundredths, running_threads: None, total_threads: None })
}

fn memory_of(system: &mut System) -> Result<RawMemory, String> {
    system.refresh_memory_specifics(MemoryRefreshKind::everything());
    let total = Some(system.total_memory()).filter(|&bytes| bytes > 0);
    if total.is_none() {
        return Err("the total is 0".to_owned());
    }
    Ok(RawMemory {
        total,
        free: Some(system.free_memory()),
        // A machine that runs has some; 0 is the answer of systems that do not know.
        available: Some(system.available_memory()).filter(|&bytes| bytes > 0),
        swap_total: Some(system.total_swap()),
        swap_free: Some(system.free_swap()),
        ..RawMemory::default()
    })
}

fn traffic(disks: &mut Disks, shared: &mut SharedDrives) -> Result<RawDisks, String> {
    disks.refresh_specifics(true, DiskRefreshKind::nothing().with_io_usage());
    let mut devices: Vec<RawDisk> = Vec::new();
    for disk in disks.iter() {
        let name = identity(disk);
        let usage = disk.usage();
        let (read, written) = (usage.total_read_bytes, usage.total_written_bytes);
        // `sysinfo` leaves at 0 what it cannot know (a network share, a FUSE mount); and a device mounted in two
        // places is listed twice.
        if (read, written) == (0, 0) || devices.iter().any(|device| device.name == name) {
            continue;
        }
        devices.push(RawDisk {
            name,
            read_sectors: read / SECTOR_BYTES,
            write_sectors: written / SECTOR_BYTES,
            ..RawDisk::default()
        });
    }
    if devices.is_empty() {
        return Err("no mounted disk tells its traffic".to_owned());
    }
    if cfg!(target_os = "macos") {
        shared.mark(&mut devices);
    }
    Ok(RawDisks { devices })
}

/// What tells a disk from another: the device on Unix; where the name is only a label, the place it is mounted at.
fn identity(disk: &Disk) -> String {
    if cfg!(any(target_os = "macos", windows)) {
        disk.mount_point().display().to_string()
    } else {
        disk.name().to_string_lossy().into_owned()
    }
}

fn process_of(system: &mut System, clock: &Clock) -> Result<RawProcess, String> {
    let mut process = RawProcess { cpu_ns: clock.process_cpu_ns(), ..RawProcess::default() };
    let lists_threads = cfg!(target_os = "linux");
    // Looking a process up is expensive, so it is done only for something that comes of it.
    if lists_threads || process.cpu_ns.is_none() {
        let pid = sysinfo::get_current_pid().map_err(|error| error.to_string())?;
        let what = ProcessRefreshKind::nothing().with_cpu();
        let what = if lists_threads { what.with_tasks() } else { what };
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        let found = system.process(pid).ok_or("this process is not listed")?;
        // The list leaves out the thread that gives the process its number.
        process.threads = found.tasks().map(|others| others.len() as u32 + 1);
        let cpu_ns = || found.accumulated_cpu_time().checked_mul(1_000_000);
        process.cpu_ns = process.cpu_ns.or_else(cpu_ns);
    }
    Ok(process)
}
