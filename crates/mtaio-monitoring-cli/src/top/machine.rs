//! This machine, as a source of the screen.

use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};
use mtaio_monitoring::monitor::MonitorCore;
use mtaio_monitoring::rates::{Details, ProcessEvidence, SystemStats, processes};
use mtaio_monitoring::sampling::{ListProcesses, RawProcessList, host_name, native};

use crate::view::View;

use super::observation::{Lists, Observation, Source};

/// Processes are listed at most so often,
const EVERY_NS: u64 = NANOS_PER_SECOND;
/// and in no more than this part of the time of one processor, however many there are: 1/20.
const PART: u64 = 20;
/// How long a reading that is under way may hold up the screen.
const BUDGET: Duration = Duration::from_millis(100);

/// This machine, watched by a monitor that runs.
pub(crate) struct Machine {
    monitor: Arc<MonitorCore>,
    clock: Clock,
    lister: Option<Box<dyn ListProcesses>>,
    before: Option<RawProcessList>,
    due_ns: u64,
}

impl Machine {
    pub(crate) fn new(monitor: Arc<MonitorCore>) -> Self {
        Self { monitor, clock: Clock::system(), lister: native().process_lister(), before: None, due_ns: 0 }
    }

    fn lists(&mut self) -> Lists {
        let stats = self.monitor.current_stats_within(BUDGET).ok().and_then(Result::ok);
        let SystemStats { cpu, io, network, filesystems, .. } = stats.unwrap_or_default();
        let details = Details { cores: cpu.cores, disks: io.devices, interfaces: network.interfaces, filesystems };
        Lists { details, processes: self.processes() }
    }

    fn processes(&mut self) -> Option<Vec<ProcessEvidence>> {
        let begun_ns = self.clock.monotonic_ns();
        if begun_ns < self.due_ns {
            return None;
        }
        let mut list = RawProcessList::default();
        if !self.lister.as_mut()?.list(&self.clock, &mut list) {
            return None;
        }
        let found = processes(self.before.as_ref(), &list);
        self.before = Some(list);
        let took_ns = self.clock.monotonic_ns().saturating_sub(begun_ns);
        // A tenth of it less, since a sample that comes a little early is not to go without.
        self.due_ns = begun_ns.saturating_add((EVERY_NS - EVERY_NS / 10).max(took_ns.saturating_mul(PART)));
        Some(found)
    }
}

impl Source for Machine {
    fn observe(&mut self, newest: Option<f64>) -> Observation {
        // Nobody else takes the events, and the screen shows alerts and health by itself.
        drop(self.monitor.drain_events());
        let mut view = View::now(&self.monitor, "mtaio top");
        let is_new = |stats: &SystemStats| newest.is_none_or(|newest| stats.timestamp > newest);
        if view.snapshot.stats.as_ref().is_none_or(|stats| !is_new(stats)) {
            return Observation { host_name: host_name(), view, lists: None, remote: None };
        }
        // A time that is not a number cannot come of a sample; no history is then the honest answer.
        view.history = self.monitor.history(newest.map(f64::next_up), None).unwrap_or_default();
        Observation { host_name: host_name(), view, lists: Some(self.lists()), remote: None }
    }
}
