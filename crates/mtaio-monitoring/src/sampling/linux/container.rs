//! The files of the own control groups, kept open.
//!
//! At every sample only what is cheap and moves: processor time, memory in use, and the counter of those that the
//! kernel killed. Limits, `memory.stat` (P17), pids and traffic are read every ten seconds. A file that is missing is
//! looked for again as seldom.
//!
//! Limits of groups further out hold as well, so the tightest of all that can be seen is taken, and throttling is
//! counted where that limit is: a group without a quota of its own counts no periods.
//!
//! The real root of a hierarchy is not a container: it has no limits, and what it has used the machine has used.

use std::io;
use std::path::{Path, PathBuf};

use super::cgroup::{Controller, Hierarchy, OwnCgroups, Version};
use super::cgroup_files::{self as files, MemoryStat};
use super::file::{KeptFile, Records};
use super::own_cgroups::CgroupFinder;
use super::paced::{PACE_NS, Paced};
use super::{Failure, Malformed};
use crate::clock::Clock;
use crate::sampling::{
    CgroupVersion, DiskKind, RawContainer, RawContainerIo, RawContainerSeldom, RawDisk, RawMemoryEvents, RawQuota,
    RawThrottling, Section, SectionHealth, Timed,
};

/// Major numbers of devices that are no disks: ram and loop (`Documentation/admin-guide/devices.txt`). Others are told
/// by the list of disks.
const VIRTUAL_MAJORS: [u32; 2] = [1, 7];

/// Reads the own control groups.
#[derive(Debug)]
pub(super) struct ContainerReader {
    cgroup_path: PathBuf,
    status: GroupFile,
    generation: Option<u64>,
    group: Option<Group>,
    seldom: Paced<Seldom>,
    last_io: Option<Timed<RawContainerIo>>,
    reads: u64,
    failures: u64,
}

/// The files of one set of groups.
#[derive(Debug)]
struct Group {
    version: CgroupVersion,
    /// `cpuacct.usage` of version 1; in version 2 `cpu.stat` has it.
    cpu_usage: Option<GroupFile>,
    /// `cpu.stat` of each level.
    cpu_stat: Vec<GroupFile>,
    quota: Vec<Quota>,
    /// Each is tried until one answers.
    cpuset: Vec<GroupFile>,
    memory_usage: Option<GroupFile>,
    memory_events: Option<GroupFile>,
    memory_failures: Option<GroupFile>,
    memory_stat: Option<GroupFile>,
    memory_limit: Vec<GroupFile>,
    memory_high: Vec<GroupFile>,
    swap_usage: Option<GroupFile>,
    pids: Option<GroupFile>,
    pids_limit: Vec<GroupFile>,
    io: Traffic,
}

/// The quota of one level.
#[derive(Debug)]
enum Quota {
    V1 { quota: GroupFile, period: GroupFile },
    V2(GroupFile),
}

#[derive(Debug)]
enum Traffic {
    None,
    V1 { bytes: GroupFile, operations: GroupFile },
    V2(GroupFile),
}

/// What is read every ten seconds.
#[derive(Clone, Debug, Default)]
struct Seldom {
    raw: RawContainerSeldom,
    /// Where the tightest quota is.
    quota_level: u32,
    memory_failures: Option<u64>,
}

impl ContainerReader {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            cgroup_path: root.join("proc/self/cgroup"),
            status: GroupFile::new(root.join("proc/self/status")),
            generation: None,
            group: None,
            seldom: Paced::new(PACE_NS),
            last_io: None,
            reads: 0,
            failures: 0,
        }
    }

    /// A reading; `None` where the process is in no group that can be seen.
    pub(super) fn read(
        &mut self,
        finder: &CgroupFinder,
        disks: &[RawDisk],
        buffer: &mut Vec<u8>,
        clock: &Clock,
    ) -> Option<Timed<RawContainer>> {
        self.reads += 1;
        if self.generation != Some(finder.generation()) {
            self.generation = Some(finder.generation());
            self.group = Group::open(finder.own());
            self.seldom.expire();
            self.last_io = None;
        }
        let Some(group) = &mut self.group else {
            self.failures += 1;
            return None;
        };
        let now_ns = clock.monotonic_ns();
        let mut reading = Reading { buffer, clock, now_ns };
        let (status, last_io) = (&mut self.status, &mut self.last_io);
        let seldom = self.seldom.get(now_ns, || {
            let mut value = group.read_seldom(&mut reading, disks);
            value.raw.affinity_cpus = status.read(&mut reading, files::allowed_cpus).filter(|&cpus| cpus > 0);
            value.raw.io_before = std::mem::replace(last_io, value.raw.io);
            Some(Timed { read_at_ns: now_ns, value })
        });
        let seldom = seldom.map(|seldom| seldom.value.clone()).unwrap_or_default();
        let value = group.read(&mut reading, seldom, finder.generation());
        Some(Timed { read_at_ns: clock.monotonic_ns(), value })
    }

    pub(super) fn health(&self, finder: &CgroupFinder) -> SectionHealth {
        let shown = self.group.as_ref().and_then(|group| {
            let own = finder.own();
            let hierarchy =
                [Controller::Memory, Controller::Cpuacct].into_iter().find_map(|which| own.hierarchy(which))?;
            Some((hierarchy.directory().display().to_string(), group.last_error()))
        });
        let (origin, last_error) =
            shown.unwrap_or_else(|| (self.cgroup_path.display().to_string(), finder.last_error()));
        SectionHealth {
            origin,
            reads: self.reads,
            failures: self.failures,
            last_error,
            every_seconds: Some(PACE_NS as f64 / 1e9),
            ..SectionHealth::unread(Section::Container)
        }
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures
    }
}

impl Group {
    fn open(own: &OwnCgroups) -> Option<Self> {
        let version = own.version()?;
        let of = |controller| own.hierarchy(controller).filter(|hierarchy| !is_real_root(hierarchy));
        let one =
            |controller, v1: &str, v2: &str| of(controller).map(|group| file(group, v1, v2)).into_iter().next();
        let levels = |controller, v1: &str, v2: &str| -> Vec<GroupFile> {
            let group = of(controller);
            let name =
                |group: &Hierarchy| if group.version == Version::V1 { v1.to_owned() } else { v2.to_owned() };
            group
                .into_iter()
                .filter(|group| !name(group).is_empty())
                .flat_map(|group| group.levels().map(move |level| GroupFile::new(level.join(name(group)))))
                .collect()
        };
        let is_v1 = |controller| of(controller).is_some_and(|group| group.version == Version::V1);
        let quota = if is_v1(Controller::Cpu) {
            let quotas = levels(Controller::Cpu, "cpu.cfs_quota_us", "");
            let periods = levels(Controller::Cpu, "cpu.cfs_period_us", "");
            quotas.into_iter().zip(periods).map(|(quota, period)| Quota::V1 { quota, period }).collect()
        } else {
            levels(Controller::Cpu, "", "cpu.max").into_iter().map(Quota::V2).collect()
        };
        let cpuset = [("cpuset.effective_cpus", "cpuset.cpus.effective"), ("cpuset.cpus", "cpuset.cpus")];
        let io = of(Controller::Blkio).map_or(Traffic::None, |group| match group.version {
            Version::V1 => Traffic::V1 {
                bytes: GroupFile::new(group.directory().join("blkio.throttle.io_service_bytes_recursive")),
                operations: GroupFile::new(group.directory().join("blkio.throttle.io_serviced_recursive")),
            },
            Version::V2 => Traffic::V2(GroupFile::new(group.directory().join("io.stat"))),
        });
        Some(Self {
            version,
            cpu_usage: one(Controller::Cpuacct, "cpuacct.usage", "cpu.stat"),
            cpu_stat: levels(Controller::Cpu, "cpu.stat", "cpu.stat"),
            quota,
            cpuset: cpuset.into_iter().filter_map(|(v1, v2)| one(Controller::Cpuset, v1, v2)).collect(),
            memory_usage: one(Controller::Memory, "memory.usage_in_bytes", "memory.current"),
            memory_events: one(Controller::Memory, "memory.oom_control", "memory.events"),
            memory_failures: one(Controller::Memory, "memory.failcnt", "memory.events")
                .filter(|_| is_v1(Controller::Memory)),
            memory_stat: one(Controller::Memory, "memory.stat", "memory.stat"),
            memory_limit: levels(Controller::Memory, "memory.limit_in_bytes", "memory.max"),
            memory_high: levels(Controller::Memory, "", "memory.high"),
            swap_usage: one(Controller::Memory, "", "memory.swap.current").filter(|_| !is_v1(Controller::Memory)),
            pids: one(Controller::Pids, "pids.current", "pids.current"),
            pids_limit: levels(Controller::Pids, "pids.max", "pids.max"),
            io,
        })
    }

    fn read(&mut self, reading: &mut Reading<'_>, seldom: Seldom, generation: u64) -> RawContainer {
        let level = seldom.quota_level;
        let has_quota = seldom.raw.cpu_quota.is_some();
        let mut throttling = None;
        let cpu_usage_ns = match &mut self.cpu_usage {
            Some(file) if file.is_named("cpu.stat") => {
                let stat = file.read(reading, files::cpu_stat);
                let read_at_ns = reading.clock.monotonic_ns();
                if has_quota && level == 0 {
                    throttling = stat.map(|(_, value)| Timed { read_at_ns, value });
                }
                stat.and_then(|(usage, _)| usage).map(|value| Timed { read_at_ns, value })
            }
            Some(file) => {
                let usage = file.read(reading, files::number);
                usage.map(|value| Timed { read_at_ns: reading.clock.monotonic_ns(), value })
            }
            None => None,
        };
        if has_quota
            && throttling.is_none()
            && let Some(file) = self.cpu_stat.get_mut(level as usize)
            && let Some((_, stat)) = file.read(reading, files::cpu_stat)
        {
            let value = RawThrottling { level, ..stat };
            throttling = Some(Timed { read_at_ns: reading.clock.monotonic_ns(), value });
        }
        let memory_usage = self.memory_usage.as_mut().and_then(|file| file.read(reading, files::number));
        let events = self.memory_events.as_mut().and_then(|file| file.read(reading, files::memory_events));
        let events = events.unwrap_or_default();
        RawContainer {
            generation,
            version: Some(self.version),
            cpu_usage_ns,
            throttling,
            memory_usage,
            memory_events: RawMemoryEvents { max: events.max.or(seldom.memory_failures), ..events },
            seldom: seldom.raw,
        }
    }

    fn read_seldom(&mut self, reading: &mut Reading<'_>, disks: &[RawDisk]) -> Seldom {
        let mut value = Seldom::default();
        for (level, quota) in (0..).zip(&mut self.quota) {
            let Some(quota) = quota.read(reading) else { continue };
            if value.raw.cpu_quota.is_none_or(|tightest| is_tighter(quota, tightest)) {
                value.raw.cpu_quota = Some(quota);
                value.quota_level = level;
            }
        }
        let counts = self.cpuset.iter_mut().filter_map(|file| file.read(reading, files::cpu_list));
        value.raw.cpuset_cpus = counts.into_iter().find(|&cpus| cpus > 0);
        let stat: Option<MemoryStat> =
            self.memory_stat.as_mut().and_then(|file| file.read(reading, files::memory_stat));
        let stat = stat.unwrap_or_default();
        value.raw.inactive_file = stat.inactive_file;
        let swap = self.swap_usage.as_mut().and_then(|file| file.read(reading, files::number));
        value.raw.swap_usage = swap.or(stat.swap);
        value.raw.memory_limit = least(&mut self.memory_limit, reading).into_iter().chain(stat.limit).min();
        value.raw.memory_high = least(&mut self.memory_high, reading);
        value.memory_failures = self.memory_failures.as_mut().and_then(|file| file.read(reading, files::number));
        value.raw.pids = self.pids.as_mut().and_then(|file| file.read(reading, files::number));
        value.raw.pids_limit = least(&mut self.pids_limit, reading);
        let io = self.io.read(reading, disks);
        value.raw.io = io.map(|value| Timed { read_at_ns: reading.clock.monotonic_ns(), value });
        value
    }

    /// Why the first of the files that every group has could not be read.
    fn last_error(&self) -> Option<String> {
        [&self.cpu_usage, &self.memory_usage, &self.memory_events, &self.memory_stat, &self.pids]
            .into_iter()
            .flatten()
            .find_map(GroupFile::last_error)
    }
}

impl Quota {
    fn read(&mut self, reading: &mut Reading<'_>) -> Option<RawQuota> {
        match self {
            Self::V1 { quota, period } => {
                let quota_us = quota.read(reading, files::cfs_quota)??;
                let period_us = period.read(reading, files::number).filter(|&period_us| period_us > 0)?;
                Some(RawQuota { quota_us, period_us })
            }
            Self::V2(file) => file.read(reading, files::cpu_max)?,
        }
    }
}

impl Traffic {
    fn read(&mut self, reading: &mut Reading<'_>, disks: &[RawDisk]) -> Option<RawContainerIo> {
        let kind = |major, minor| {
            let known = disks.iter().find(|disk| disk.device == (major, minor)).map(|disk| disk.kind);
            let is_virtual = VIRTUAL_MAJORS.contains(&major);
            known.unwrap_or(if is_virtual { DiskKind::Virtual } else { DiskKind::Whole })
        };
        match self {
            Self::None => None,
            Self::V1 { bytes, operations } => {
                let (read_bytes, write_bytes) = bytes.read(reading, |text| files::blkio(text, kind))?;
                let (reads, writes) = operations.read(reading, |text| files::blkio(text, kind))?;
                Some(RawContainerIo { read_bytes, write_bytes, reads, writes })
            }
            Self::V2(file) => file.read(reading, |text| files::io_stat(text, kind)),
        }
    }
}

/// Fewer processors' worth of time: quotas of different periods compare as fractions.
fn is_tighter(quota: RawQuota, than: RawQuota) -> bool {
    u128::from(quota.quota_us) * u128::from(than.period_us)
        < u128::from(than.quota_us) * u128::from(quota.period_us)
}

fn least(limits: &mut [GroupFile], reading: &mut Reading<'_>) -> Option<u64> {
    limits.iter_mut().filter_map(|file| file.read(reading, files::limit).flatten()).min()
}

fn file(group: &Hierarchy, v1: &str, v2: &str) -> GroupFile {
    GroupFile::new(group.directory().join(if group.version == Version::V1 { v1 } else { v2 }))
}

/// Whether the group is the hierarchy's own root, rather than one that only looks so from inside a container: each
/// version has files that only the root has, or lacks.
fn is_real_root(group: &Hierarchy) -> bool {
    let has = |name: &str| group.directory().join(name).exists();
    match group.version {
        Version::V1 => has("release_agent") || has("cgroup.sane_behavior"),
        Version::V2 => !has("cgroup.events"),
    }
}

/// What a reading needs at hand.
struct Reading<'a> {
    buffer: &'a mut Vec<u8>,
    clock: &'a Clock,
    now_ns: u64,
}

/// A file of a group, which may be missing: the kernel is older, or the controller is not enabled there.
#[derive(Debug)]
struct GroupFile {
    file: KeptFile,
    /// It has failed, and is not tried before.
    retry_ns: u64,
    failure: Option<Failure>,
}

impl GroupFile {
    fn new(path: PathBuf) -> Self {
        Self { file: KeptFile::new(path, Records::One), retry_ns: 0, failure: None }
    }

    fn is_named(&self, name: &str) -> bool {
        self.file.path().file_name().is_some_and(|own| own == name)
    }

    fn read<T>(
        &mut self,
        reading: &mut Reading<'_>,
        parse: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Option<T> {
        if reading.now_ns < self.retry_ns {
            return None;
        }
        let text: io::Result<&[u8]> = self.file.read(reading.buffer);
        match text.map_err(Failure::Read).and_then(|text| parse(text).map_err(Failure::Content)) {
            Ok(value) => {
                self.failure = None;
                Some(value)
            }
            Err(failure) => {
                self.failure = Some(failure);
                self.retry_ns = reading.now_ns.saturating_add(PACE_NS);
                self.file.close();
                None
            }
        }
    }

    fn last_error(&self) -> Option<String> {
        self.failure.as_ref().map(|failure| failure.of(self.file.path()))
    }
}
