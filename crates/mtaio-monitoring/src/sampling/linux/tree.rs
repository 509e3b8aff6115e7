//! This process and its descendants, looked at every few seconds.
//!
//! Members are found from the root down by `/proc/PID/task/TID/children`, which costs as much as the tree is large;
//! where the kernel does not have it (`CONFIG_PROC_CHILDREN`), by the parents of all processes of the machine. Who has
//! been a member stays one: a daemon whose parent has ended is found by its number and its start. Each is read after
//! its parent, because the [`Ledger`] goes by that.
//!
//! The tree's processor time is the control group's where that holds nothing but the tree: then it is exact, with
//! every process that came and went between two looks.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::{Controller, OwnCgroups, Version};
use super::cgroup_files::cpu_stat;
use super::cursor::{Cursor, decimal};
use super::file::{KeptFile, Records};
use super::own_process::{DescriptorCount, Highest};
use super::process::{Stat, Units};
use super::processes::{Processes, Seen};
use super::{Failure, Malformed, Origin, process_io};
use crate::clock::Clock;
use crate::sampling::{
    Counters, Ledger, Member, RawProcessIo, RawTree, Section, SectionHealth, Timed, TreeCounters,
};

/// How often the tree is looked at, once it is known.
const EVERY_NS: u64 = 5_000_000_000;
/// The second look is so soon after the first, for until then there is no rate; each pause is four times the one before.
const FIRST_PAUSE_NS: u64 = 100_000_000;
/// Looking takes no more than this part of the time of one processor, however large the tree: 1/1000.
const PART: u64 = 1_000;
/// No service has as many processes: a tree that does is a fault, and must not eat the memory.
const MOST_MEMBERS: usize = 65_536;

/// Looks at the tree of processes below this one.
#[derive(Debug)]
pub(super) struct TreeReader {
    processes: Processes,
    units: Units,
    tally: Origin,
    due_ns: u64,
    pause_ns: u64,
    ledger: Ledger,
    members: Vec<Member>,
    /// The members of the look before, parents first.
    known: Vec<Member>,
    /// Members that have not ended, in order.
    living: Vec<u32>,
    /// Numbers that this look has been at, in order.
    seen: Vec<u32>,
    children: Vec<u32>,
    levels: Levels,
    group: Group,
    written: Highest,
    latest: Option<Timed<RawTree>>,
    earlier: Option<TreeCounters>,
}

/// Sums over the members.
#[derive(Clone, Copy, Debug, Default)]
struct Levels {
    threads: u64,
    rss_pages: Option<u64>,
    open_descriptors: Option<u64>,
    io_is_known: bool,
}

/// The processor time of the tree's control group, and what the tree had used before.
#[derive(Debug, Default)]
struct Group {
    /// The group's own counter, where it held nothing but the tree at the last look.
    usage: Option<(PathBuf, u64)>,
    /// By the ledger, at the last look.
    by_members: u64,
    /// The counter that is published.
    sum: u64,
    text: Vec<u8>,
}

impl TreeReader {
    pub(super) fn new(root: &Path) -> Self {
        let proc = root.join("proc");
        Self {
            processes: Processes::new(&proc),
            units: Units::of_this_machine(),
            tally: Origin::new(KeptFile::new(proc, Records::Many)),
            due_ns: 0,
            pause_ns: FIRST_PAUSE_NS,
            ledger: Ledger::default(),
            members: Vec::with_capacity(64),
            known: Vec::with_capacity(64),
            living: Vec::with_capacity(64),
            seen: Vec::with_capacity(64),
            children: Vec::with_capacity(64),
            levels: Levels::default(),
            group: Group::default(),
            written: Highest::default(),
            latest: None,
            earlier: None,
        }
    }

    /// Gives the newest look, which is a new one if it is time for that.
    pub(super) fn read(
        &mut self,
        clock: &Clock,
        now_ns: u64,
        cgroups: &OwnCgroups,
        descriptors: DescriptorCount,
        slot: &mut Option<Timed<RawTree>>,
    ) {
        if now_ns >= self.due_ns {
            let begun_ns = clock.monotonic_ns();
            let outcome = self.look(clock, cgroups, descriptors);
            self.latest = self.tally.count(outcome).map(|value| {
                self.earlier = Some(value.counters);
                Timed { read_at_ns: value.counters.read_at_ns, value }
            });
            let took_ns = clock.monotonic_ns().saturating_sub(begun_ns);
            // The first few looks are for a rate to be there soon.
            let is_settled = self.pause_ns == EVERY_NS;
            let rest_ns = if is_settled { took_ns.saturating_mul(PART) } else { 0 };
            let pause_ns = rest_ns.max(self.pause_ns);
            self.due_ns = now_ns.saturating_add(pause_ns);
            self.pause_ns = self.pause_ns.saturating_mul(4).min(EVERY_NS);
        }
        slot.clone_from(&self.latest);
    }

    pub(super) fn health(&self) -> SectionHealth {
        SectionHealth { every_seconds: Some(EVERY_NS as f64 / 1e9), ..self.tally.health(Section::Tree) }
    }

    pub(super) fn failures(&self) -> u64 {
        self.tally.failures
    }

    fn look(
        &mut self,
        clock: &Clock,
        cgroups: &OwnCgroups,
        descriptors: DescriptorCount,
    ) -> Result<RawTree, Failure> {
        let root = match self.processes.root() {
            Seen::Alive(root) => root,
            Seen::Malformed(malformed) => return Err(Failure::Content(malformed)),
            Seen::Unreadable(error) => return Err(Failure::Read(error.into())),
            Seen::Gone => return Err(Failure::Content(Malformed("this process is not there"))),
        };
        let own_ns = clock.process_cpu_ns();
        let read_at_ns = clock.monotonic_ns();
        self.known.clear();
        self.known.extend(self.ledger.members());
        self.members.clear();
        self.living.clear();
        self.seen.clear();
        self.levels =
            Levels { rss_pages: Some(0), open_descriptors: Some(0), io_is_known: true, ..Levels::default() };
        self.add(&root, descriptors);
        if let Some(own_ns) = own_ns {
            // Finer than ticks, and of the same moment (P6).
            self.members[0].own[0] = own_ns;
        }
        self.processes.prepare();
        self.find_descendants(descriptors);

        let [cpu_ns, read_bytes, write_bytes, cancelled] = self.ledger.enter(&self.members);
        let usage = self.group_usage(cgroups);
        let (cpu_ns, by_cgroup) = self.group.enter(cpu_ns, usage);
        let io = self.levels.io_is_known;
        let counters = TreeCounters {
            read_at_ns,
            cpu_ns,
            read_bytes: io.then_some(read_bytes),
            written_bytes: self.written.reached(io.then(|| write_bytes.saturating_sub(cancelled))),
        };
        Ok(RawTree {
            processes: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
            threads: u32::try_from(self.levels.threads).unwrap_or(u32::MAX),
            rss_bytes: self.levels.rss_pages.and_then(|pages| pages.checked_mul(self.units.page_bytes)),
            open_descriptors: self.levels.open_descriptors,
            by_cgroup,
            counters,
            earlier: self.earlier,
        })
    }

    fn find_descendants(&mut self, descriptors: DescriptorCount) {
        let (mut next, mut orphan) = (0, 0);
        loop {
            while next < self.members.len() && self.members.len() < MOST_MEMBERS {
                let parent = self.members[next].pid;
                let mut children = std::mem::take(&mut self.children);
                children.clear();
                self.processes.children(parent, &mut children);
                for &pid in &children {
                    // A number that has gone to another process meanwhile has another parent.
                    self.consider(pid, descriptors, |stat| stat.parent == Some(parent));
                }
                self.children = children;
                next += 1;
            }
            // Members that no member has for a child any more: their parents have ended.
            let Some(member) = self.known.get(orphan).copied() else { return };
            orphan += 1;
            self.consider(member.pid, descriptors, |_| false);
        }
    }

    /// Adds a process if it is one that the look before found, or if `is_child` says so.
    fn consider(&mut self, pid: u32, descriptors: DescriptorCount, is_child: impl FnOnce(&Stat) -> bool) {
        if self.seen.binary_search(&pid).is_ok() {
            return;
        }
        let known = self.ledger.member(pid).copied();
        match self.processes.stat(pid) {
            Seen::Alive(stat) => {
                if is_child(&stat) || known.is_some_and(|known| known.start_ticks == stat.start_ticks) {
                    self.add(&stat, descriptors);
                }
            }
            // It has gone since it was listed: its parent inherits.
            Seen::Gone => {}
            Seen::Unreadable(error) => {
                self.tally.note(Failure::Read(error.into()));
                // A member that may not be read any more has not ended for that. Its counters stand where they were.
                if let Some(known) = known {
                    self.enlist(known);
                    self.levels = Levels { threads: self.levels.threads, ..Levels::default() };
                }
            }
            Seen::Malformed(malformed) => self.tally.note(Failure::Content(malformed)),
        }
    }

    fn add(&mut self, stat: &Stat, descriptors: DescriptorCount) {
        let time_ns = |ticks: Option<[u64; 2]>| ticks.map_or(0, |ticks| self.units.time_ns(ticks));
        let mut inherited: Counters = [time_ns(stat.inherited_ticks), 0, 0, 0];
        let mut io = RawProcessIo::default();
        let text = self.processes.io(stat.pid);
        let is_read = text.is_some_and(|text| process_io::parse(text, &mut io).is_ok());
        if let (true, Some(read), Some(written), Some(cancelled)) =
            (is_read, io.read_bytes, io.write_bytes, io.cancelled_write_bytes)
        {
            inherited[1..].copy_from_slice(&[read, written, cancelled]);
        } else if !stat.is_zombie {
            self.levels.io_is_known = false;
        }
        self.levels.threads = self.levels.threads.saturating_add(stat.threads);
        if !stat.is_zombie {
            let sum =
                |sum: Option<u64>, part: Option<u64>| sum.zip(part).map(|(sum, part)| sum.saturating_add(part));
            self.levels.rss_pages = sum(self.levels.rss_pages, stat.rss_pages);
            let open = self.processes.descriptors(stat.pid, descriptors.is_size());
            self.levels.open_descriptors = sum(self.levels.open_descriptors, open);
            if let Err(place) = self.living.binary_search(&stat.pid) {
                self.living.insert(place, stat.pid);
            }
        }
        self.enlist(Member {
            pid: stat.pid,
            start_ticks: stat.start_ticks,
            own: [time_ns(stat.own_ticks), 0, 0, 0],
            inherited,
        });
    }

    fn enlist(&mut self, member: Member) {
        if let Err(place) = self.seen.binary_search(&member.pid) {
            self.seen.insert(place, member.pid);
            self.members.push(member);
        }
    }

    /// The processor time of the own control group, if it holds this tree and nothing else.
    fn group_usage(&mut self, cgroups: &OwnCgroups) -> Option<(PathBuf, u64)> {
        let hierarchy = cgroups.hierarchy(Controller::Cpuacct)?;
        let directory = hierarchy.directory();
        self.group.text = fs::read(directory.join("cgroup.procs")).ok()?;
        let mut pids = Cursor::new(&self.group.text);
        let mut listed = 0;
        while !pids.is_at_end() {
            let pid = pids.number().and_then(|pid| u32::try_from(pid).ok())?;
            pids.skip_line();
            if self.living.binary_search(&pid).is_ok() {
                listed += 1;
            } else if let Seen::Alive(stat) = self.processes.stat(pid) {
                // Not a stranger if it was born since.
                self.seen.binary_search(&stat.parent?).ok()?;
            }
        }
        // A member elsewhere, or a group within the group, would make it another number.
        let ended = self.living.len() - listed;
        if ended > 0 && !self.have_ended(ended) || has_groups_within(directory) {
            return None;
        }
        let usage = match hierarchy.version {
            Version::V1 => decimal(fs::read(directory.join("cpuacct.usage")).ok()?.trim_ascii_end()),
            Version::V2 => cpu_stat(&fs::read(directory.join("cpu.stat")).ok()?).ok()?.0,
        };
        Some((directory.to_owned(), usage?))
    }

    /// Whether as many members have ended since they were read: then they are no more in the group.
    fn have_ended(&mut self, count: usize) -> bool {
        let has_ended = |pid: &&u32| !matches!(self.processes.stat(**pid), Seen::Alive(stat) if !stat.is_zombie);
        self.living.iter().filter(has_ended).count() >= count
    }
}

impl Group {
    /// Joins what the members and the group's counter say; says whether it was the group's.
    ///
    /// Only the growth between two looks that both found the group to be the tree's alone is taken from the group:
    /// before them it may have held others.
    fn enter(&mut self, by_members: u64, usage: Option<(PathBuf, u64)>) -> (u64, bool) {
        let by_group = match (&self.usage, &usage) {
            (Some((old, before)), Some((new, now))) if old == new => now.checked_sub(*before),
            _ => None,
        };
        let grown = by_group.unwrap_or(by_members.saturating_sub(self.by_members));
        self.sum = self.sum.saturating_add(grown);
        self.by_members = by_members;
        self.usage = usage;
        (self.sum, by_group.is_some())
    }
}

/// A directory's links are itself, its name and one for each directory in it.
fn has_groups_within(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(directory).is_ok_and(|metadata| metadata.nlink() > 2)
}
