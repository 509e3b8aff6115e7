//! Gathering what was going on when an alert fired.
//!
//! It is gathered where the alert is found, which may be on somebody's event loop: so the traces are looked at once a
//! second at most and only some of them, and the processes never there, but by the sampling thread, before it takes the
//! lock that a record may wait for. Alerts that fire together share what was gathered.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;

use crate::alerts::Evidence;
use crate::clock::{Clock, NANOS_PER_SECOND};
use crate::lock::Mutex;
use crate::profiler::{Recorder, Slowest};
use crate::rates::{Interval, ProcessEvidence, SystemStats, biggest};
use crate::sampling::{ListProcesses, RawProcessList};

/// The traces and the processes are looked at once in so much time, at most.
const EVERY_NS: u64 = NANOS_PER_SECOND;

/// Looking at processes takes no more than this part of the time of one processor, however many there are: 1/100.
const PART: u64 = 100;

/// Processes that were looked at longer ago say nothing of now.
const OLDEST_PROCESSES_NS: u64 = 10 * NANOS_PER_SECOND;

/// Gathers evidence for the alerts of one monitor.
pub(super) struct Gatherer {
    clock: Clock,
    profiler: ArcSwapOption<Attached>,
    /// The sampling thread's own, so that nobody waits for a look at thousands of processes.
    processes: Mutex<Processes>,
    gathered: Mutex<Gathered>,
}

/// A profiler whose traces are looked at.
#[derive(Clone, Debug)]
struct Attached {
    recorder: Weak<Recorder>,
    /// In the child of a fork: its locks may be held for ever, and only what goes on in its place can be asked.
    is_parents: bool,
}

struct Processes {
    lister: Option<Box<dyn ListProcesses>>,
    before: Option<RawProcessList>,
}

/// What there is, each with what it takes to tell whether it is new.
#[derive(Default)]
struct Gathered {
    /// The newest sample, and how many there have been.
    sample: Option<Interval>,
    samples: u64,
    traces: Option<(u64, Slowest)>,
    processes: Option<(u64, Vec<ProcessEvidence>)>,
    /// When processes may be looked at again.
    processes_due_ns: u64,
    has_lister: bool,
    newest: Option<(Key, Arc<Evidence>)>,
}

/// Which sample, traces and processes some evidence is made of.
type Key = (u64, Option<u64>, Option<u64>);

impl Gatherer {
    pub(super) fn new(clock: Clock, lister: Option<Box<dyn ListProcesses>>) -> Self {
        let gathered = Gathered { has_lister: lister.is_some(), ..Gathered::default() };
        Self {
            clock,
            profiler: ArcSwapOption::empty(),
            processes: Mutex::new(Processes { lister, before: None }),
            gathered: Mutex::new(gathered),
        }
    }

    /// Has the traces of this recorder looked at, in place of another's; of none.
    pub(super) fn attach(&self, recorder: Option<&Arc<Recorder>>) {
        let attached =
            recorder.map(|recorder| Arc::new(Attached { recorder: Arc::downgrade(recorder), is_parents: false }));
        self.profiler.store(attached);
        self.gathered.lock().traces = None;
    }

    /// In the child of a fork: what goes on in the place of the parent's profiler.
    pub(super) fn inherit(&self, parent: &Self) {
        let attached = parent.profiler.load_full();
        self.profiler
            .store(attached.map(|attached| Arc::new(Attached { is_parents: true, ..(*attached).clone() })));
    }

    /// A sample, before the thresholds look at it.
    pub(super) fn see_sample(&self, sample: &Interval) {
        let mut gathered = self.gathered.lock();
        gathered.sample = Some(*sample);
        gathered.samples += 1;
    }

    /// Sampling begins or ends: what was before is not how it is.
    pub(super) fn forget_sample(&self) {
        let mut gathered = self.gathered.lock();
        gathered.sample = None;
        gathered.samples += 1;
    }

    /// Whether an alert that fires now would have the processes of another moment.
    pub(super) fn wants_processes(&self) -> bool {
        let gathered = self.gathered.lock();
        gathered.has_lister && self.clock.monotonic_ns() >= gathered.processes_due_ns
    }

    /// Looks at the processes. For the sampling thread, while it holds no lock.
    pub(super) fn look_at_processes(&self) {
        let begun_ns = self.clock.monotonic_ns();
        // First: if this panics, it is not tried again at once.
        self.gathered.lock().processes_due_ns = begun_ns.saturating_add(EVERY_NS);
        let mut processes = self.processes.lock();
        let Processes { lister, before } = &mut *processes;
        let Some(lister) = lister else { return };
        let mut list = RawProcessList::default();
        if !lister.list(&self.clock, &mut list) {
            return;
        }
        let found = biggest(before.as_ref(), &list);
        *before = Some(list);
        drop(processes);
        let now_ns = self.clock.monotonic_ns();
        let mut gathered = self.gathered.lock();
        gathered.processes = Some((begun_ns, found));
        let rest_ns = now_ns.saturating_sub(begun_ns).saturating_mul(PART);
        gathered.processes_due_ns = begun_ns.saturating_add(EVERY_NS.max(rest_ns));
    }

    /// What is going on. The same again where there is nothing newer.
    pub(super) fn gather(&self) -> Arc<Evidence> {
        let now = self.clock.now();
        let now_ns = now.monotonic_ns;
        let mut gathered = self.gathered.lock();
        let gathered = &mut *gathered;
        let is_old = |at_ns: u64, oldest_ns: u64| now_ns.saturating_sub(at_ns) >= oldest_ns;
        if gathered.traces.as_ref().is_none_or(|(at_ns, _)| is_old(*at_ns, EVERY_NS)) {
            gathered.traces = self.recorder().and_then(|recorder| Some((now_ns, recorder.slowest()?)));
        }
        let processes = gathered
            .processes
            .as_ref()
            .filter(|(at_ns, _)| !is_old(*at_ns, OLDEST_PROCESSES_NS.saturating_add(1)));
        let traces = gathered.traces.as_ref();
        let key = (gathered.samples, traces.map(|(at_ns, _)| *at_ns), processes.map(|(at_ns, _)| *at_ns));
        if let Some((of, newest)) = &gathered.newest
            && *of == key
        {
            return Arc::clone(newest);
        }
        let (slowest_open, slowest_recent) = traces.map(|(_, traces)| traces.clone()).unwrap_or_default();
        let newest = Arc::new(Evidence {
            timestamp: now.realtime_ns as f64 / 1e9,
            sample: gathered.sample.as_ref().map(SystemStats::from),
            slowest_open,
            slowest_recent,
            biggest_processes: processes.map(|(_, processes)| processes.clone()).unwrap_or_default(),
            processes_age_seconds: processes.map(|(at_ns, _)| now_ns.saturating_sub(*at_ns) as f64 / 1e9),
        });
        gathered.newest = Some((key, Arc::clone(&newest)));
        newest
    }

    /// The recorder that holds the traces now.
    fn recorder(&self) -> Option<Arc<Recorder>> {
        let attached = self.profiler.load_full()?;
        let mut recorder = attached.recorder.upgrade()?;
        let mut is_parents = attached.is_parents;
        while let Some(successor) = recorder.successor() {
            recorder = successor?;
            is_parents = false;
        }
        (!is_parents).then_some(recorder)
    }
}

impl std::fmt::Debug for Gatherer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gatherer").field("profiler", &self.profiler.load()).finish_non_exhaustive()
    }
}
