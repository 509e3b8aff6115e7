//! The processes that `/proc` shows: one file of each, `/proc/PID/stat`, which has all that is asked for.

use std::path::Path;

use super::process::{self, Stat, Units};
use super::processes::{Processes, Seen};
use crate::clock::Clock;
use crate::sampling::{ListProcesses, MOST_PROCESSES, RawListed, RawProcessList};

/// The kernel gives a program 15 bytes for its name, and a thread of its own up to 63.
const MOST_NAME_BYTES: usize = 64;

/// Looks at the processes of `/proc`.
#[derive(Debug)]
pub(super) struct ProcessLister {
    processes: Processes,
    units: Units,
}

impl ProcessLister {
    pub(super) fn new(root: &Path) -> Self {
        Self { processes: Processes::new(&root.join("proc")), units: Units::of_this_machine() }
    }

    fn listed(&self, stat: &Stat, is_own: bool) -> RawListed {
        RawListed {
            pid: stat.pid,
            name: name(self.processes.text()),
            is_own,
            started_ns: stat.start_ticks.checked_mul(self.units.tick_ns),
            cpu_ns: stat.own_ticks.map(|ticks| self.units.time_ns(ticks)),
            rss_bytes: stat.rss_pages.and_then(|pages| pages.checked_mul(self.units.page_bytes)),
            threads: Some(stat.threads).filter(|&threads| threads > 0),
        }
    }
}

impl ListProcesses for ProcessLister {
    fn list(&mut self, clock: &Clock, list: &mut RawProcessList) -> bool {
        let now = clock.now();
        (list.read_at_ns, list.boottime_ns) = (now.monotonic_ns, now.boottime_ns);
        list.processes.clear();
        let own = match self.processes.root() {
            Seen::Alive(stat) => Some(self.listed(&stat, true)),
            _ => None,
        };
        let own_pid = own.as_ref().map(|own| own.pid);
        for pid in self.processes.all(MOST_PROCESSES) {
            // Whoever has ended and waits to be buried holds nothing.
            if Some(pid) != own_pid
                && let Seen::Alive(stat) = self.processes.stat(pid)
                && !stat.is_zombie
            {
                let listed = self.listed(&stat, false);
                list.processes.push(listed);
            }
        }
        if let Some(own) = own {
            let place = list.processes.partition_point(|other| other.pid < own.pid);
            list.processes.insert(place, own);
        }
        !list.processes.is_empty()
    }
}

/// The name in the text of the file: foreign bytes, as readable as they are.
fn name(text: &[u8]) -> Box<str> {
    let name = process::name(text).unwrap_or_default();
    let text = String::from_utf8_lossy(name);
    let mut end = text.len().min(MOST_NAME_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}
