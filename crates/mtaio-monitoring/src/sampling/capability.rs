//! What each section gives, what a reading lacks of it, and what can be done about that.
//!
//! **A new section** is a line in each of the three functions here; without them this does not compile.

use super::{CPU_MODES, CpuTimes, RawPressures, RawSample, Resource, Section, SectionHealth, Timed};

/// Whether a section can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It has not been tried.
    #[default]
    Unread,
    /// All of it can.
    Ok,
    /// Some of it can, the rest is named in [`SectionHealth::missing`].
    Partial,
    /// Nothing of it can.
    Missing,
}

impl State {
    /// The state's name, as the faces show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Missing => "missing",
        }
    }
}

impl Section {
    /// What it gives, in a line.
    #[must_use]
    pub fn gives(self) -> &'static str {
        match self {
            Self::Cpu => "processor time by mode, of the machine and of each processor",
            Self::Load => "load averages, threads of the machine",
            Self::Memory => "memory and swap of the machine",
            Self::Disks => "block devices: traffic, latency, utilisation",
            Self::Process => "this process: processor time, threads, start",
            Self::Network => "network interfaces: traffic, errors, drops",
            Self::Filesystems => "file systems: free space, inodes",
            Self::Host => "uptime, context switches, swapping, file handles",
            Self::Container => "the own control group: limits, throttling, working set, OOM kills",
            Self::ProcessIo => "what this process read and wrote",
            Self::Descriptors => "open descriptors of this process, and their limit",
            Self::ProcessMemory => "shared and proportional memory of this process",
            Self::Tree => "this process and its descendants, those that have ended included",
            Self::Pressure => "how long tasks of the machine stood still for processors, memory, disks",
            Self::ContainerPressure => "the same of the own control group",
        }
    }

    /// Whether a monitor without it is none.
    #[must_use]
    pub fn is_core(self) -> bool {
        matches!(self, Self::Cpu | Self::Load | Self::Memory | Self::Process)
    }

    /// What the reading lacks of it, by the names of the raw fields; `None` where it lacks all of it. What a sound
    /// kernel leaves out, or leaves out for a moment, is not counted.
    fn lacking(self, sample: &RawSample) -> Option<Vec<&'static str>> {
        match self {
            Self::Cpu => of(sample.cpu.as_ref(), |cpu| {
                let modes = CPU_MODES.into_iter().zip(cpu.total.0);
                let unknown = modes.filter(|(_, ticks)| *ticks == CpuTimes::UNKNOWN).map(|(mode, _)| mode);
                unknown.chain(cpu.cores.is_empty().then_some("cores")).collect()
            }),
            Self::Load => of(sample.load.as_ref(), |load| {
                none([("running_threads", load.running_threads), ("total_threads", load.total_threads)])
            }),
            Self::Memory => of(sample.memory.as_ref(), |memory| {
                none([
                    ("total", memory.total),
                    ("free", memory.free),
                    ("available", memory.available),
                    ("buffers", memory.buffers),
                    ("cached", memory.cached),
                    ("slab_reclaimable", memory.slab_reclaimable),
                    ("shmem", memory.shmem),
                    ("swap_total", memory.swap_total),
                    ("swap_free", memory.swap_free),
                ])
            }),
            Self::Disks => of(sample.disks.as_ref(), |disks| {
                let counts = disks.devices.iter().all(|disk| disk.reads.is_some());
                if counts { Vec::new() } else { vec!["reads", "writes"] }
            }),
            Self::Process => of(sample.process.as_ref(), |process| {
                none([
                    ("threads", process.threads.map(u64::from)),
                    ("cpu_ns", process.cpu_ns),
                    ("start_ticks", process.start_ticks),
                    ("user_ns", process.user_ns),
                    ("minor_faults", process.minor_faults),
                    ("voluntary_switches", process.voluntary_switches),
                    ("rss_bytes", process.rss_bytes),
                ])
            }),
            Self::Network => of(sample.network.as_ref(), |_| Vec::new()),
            Self::Filesystems => of(sample.filesystems.as_ref(), |filesystems| {
                let all = filesystems.mounts.iter().all(|mount| mount.space.is_some());
                if all { Vec::new() } else { vec!["space of some"] }
            }),
            Self::Host => of(sample.host.as_ref(), |host| {
                none([
                    ("uptime_ns", host.uptime_ns),
                    ("context_switches", host.activity.context_switches),
                    ("boot_seconds", host.activity.boot_seconds),
                    ("processes_created", host.activity.processes_created),
                    ("file_handles", host.file_handles.map(|handles| handles.used)),
                    ("swapping", host.swapping.as_ref().map(|swapping| swapping.value.in_bytes)),
                ])
            }),
            // A limit that is none is no lack, and the group at the root has no files of its own.
            Self::Container => of(sample.container.as_ref(), |container| {
                none([
                    ("cpu_usage_ns", container.cpu_usage_ns.as_ref().map(|usage| usage.value)),
                    ("memory_usage", container.memory_usage),
                    ("inactive_file", container.seldom.inactive_file),
                    ("oom_kills", container.memory_events.oom_kills),
                    ("pids", container.seldom.pids),
                ])
            }),
            Self::ProcessIo => of(sample.process_io.as_ref(), |io| {
                none([("rchar", io.rchar), ("read_bytes", io.read_bytes), ("written_bytes", io.written_bytes)])
            }),
            Self::Descriptors => of(sample.descriptors.as_ref(), |descriptors| none([("open", descriptors.open)])),
            Self::ProcessMemory => of(sample.process_memory.as_ref(), |memory| {
                none([("shared_bytes", memory.shared_bytes), ("pss_bytes", memory.pss_bytes)])
            }),
            Self::Tree => of(sample.tree.as_ref(), |tree| {
                none([
                    ("rss_bytes", tree.rss_bytes),
                    ("open_descriptors", tree.open_descriptors),
                    ("read_bytes", tree.counters.read_bytes),
                ])
            }),
            Self::Pressure => files(&sample.pressure),
            Self::ContainerPressure => files(&sample.container_pressure),
        }
    }
}

/// Few kernels have `irq`.
fn files(pressures: &RawPressures) -> Option<Vec<&'static str>> {
    let known = [Resource::Cpu, Resource::Memory, Resource::Io];
    let missing = none(known.map(|resource| (resource.name(), pressures.get(resource))));
    (missing.len() < known.len()).then_some(missing)
}

fn of<T>(section: Option<&Timed<T>>, lacking: impl FnOnce(&T) -> Vec<&'static str>) -> Option<Vec<&'static str>> {
    section.map(|timed| lacking(&timed.value))
}

fn none<T, const N: usize>(fields: [(&'static str, Option<T>); N]) -> Vec<&'static str> {
    fields.into_iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect()
}

impl SectionHealth {
    /// What is known of a section of which nothing is known.
    #[must_use]
    pub fn unread(section: Section) -> Self {
        Self {
            section,
            origin: String::new(),
            reads: 0,
            failures: 0,
            last_error: None,
            every_seconds: None,
            cost: None,
            state: State::Unread,
            missing: Vec::new(),
            hint: None,
        }
    }

    /// Fills in what `newest`, the newest reading, lacks, and what can be done about it.
    pub fn complete(&mut self, newest: &RawSample) {
        let lacking = self.section.lacking(newest);
        self.state = match &lacking {
            None => State::Missing,
            Some(fields) if fields.is_empty() => State::Ok,
            Some(_) => State::Partial,
        };
        self.missing = lacking.unwrap_or_default();
        self.hint = match self.state {
            State::Missing | State::Partial => hint(self.section, self.last_error.as_deref(), &self.missing),
            State::Ok | State::Unread => None,
        };
    }
}

/// What there is to be done, by what the kernel answered.
fn hint(section: Section, error: Option<&str>, missing: &[&str]) -> Option<&'static str> {
    let Some(error) = error else {
        return missing_field(section, missing);
    };
    // What it means may be told behind it.
    let number = error.rsplit_once("(os error ").and_then(|(_, rest)| Some(rest.split_once(')')?.0));
    let (path, _) = error.split_once(": ").unwrap_or((error, ""));
    match number {
        // ENOTSUP, as errno.h numbers it on most architectures.
        Some("95") if path.contains("pressure") => {
            Some("boot with psi=1: PSI is built into the kernel but disabled")
        }
        Some("95") => Some("the kernel has it built in but disabled"),
        // EPERM, EACCES
        Some("1" | "13") => Some(
            "no permission: run as the same user as the files' owner or as root; a security module, hidepid= or a \
             sandbox may refuse even then",
        ),
        // ENOENT
        Some("2") => Some(missing_file(section, path)),
        // EMFILE, ENFILE
        Some("24" | "23") => Some("no descriptor was left to open it with: raise `ulimit -n`"),
        Some(_) => None,
        None if section == Section::ContainerPressure && !path.starts_with('/') => Some(
            "in a container with control groups of version 2 it is the container's; elsewhere the machine's is all \
             there is",
        ),
        None if error.contains("pswpin") => Some("the kernel has no swap: needs CONFIG_SWAP"),
        None => {
            Some("the file is not as the kernel writes it: an imitation (lxcfs, a sandbox) may leave parts out")
        }
    }
}

fn missing_file(section: Section, path: &str) -> &'static str {
    let known = [
        (
            ".pressure",
            "needs CONFIG_PSI, psi=1 where the kernel leaves it off, and 1 in the group's cgroup.pressure",
        ),
        ("pressure", "needs CONFIG_PSI (Linux 4.20 or newer), and psi=1 at boot where the kernel leaves it off"),
        ("diskstats", "needs CONFIG_BLOCK; sandboxes like gVisor show no block devices"),
        ("net/dev", "needs CONFIG_NET, and /proc of this network namespace"),
        ("vmstat", "needs CONFIG_VM_EVENT_COUNTERS"),
        ("file-nr", "needs CONFIG_SYSCTL, and /proc/sys in the container"),
        ("smaps_rollup", "needs CONFIG_PROC_PAGE_MONITOR (Linux 4.14 or newer)"),
        ("self/io", "needs CONFIG_TASK_IO_ACCOUNTING"),
        ("zoneinfo", "the kernel prints no MemAvailable and no watermarks: available memory is a guess"),
        ("cgroup", "needs the cgroup file system in this mount namespace"),
    ];
    match known.iter().find(|(part, _)| path.contains(part)) {
        Some((_, hint)) => hint,
        None if section.is_core() => "mount /proc in this mount namespace: mount -t proc proc /proc",
        None => "this kernel, or this sandbox, does not have it",
    }
}

fn missing_field(section: Section, missing: &[&str]) -> Option<&'static str> {
    let is_missing = |field| missing.contains(&field);
    if section == Section::Container {
        Some("a controller of which the own group is the root, or which is off, has no such files")
    } else if is_missing("available") {
        Some("Linux 3.14 or newer prints MemAvailable; without it, it is estimated as the kernel would")
    } else if is_missing("space of some") {
        Some("some mounts may not be looked at: no permission, or a server that does not answer")
    } else if missing.is_empty() {
        None
    } else {
        Some("this kernel, or what imitates it (lxcfs, a sandbox), does not print them")
    }
}
