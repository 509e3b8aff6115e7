//! A machine that a test drives: its counters move when told to, and it can fail in every way that a real one does.

use std::sync::{Arc, Condvar, Mutex};

use mtaio_monitoring::clock::{Clock, ManualClock};
use mtaio_monitoring::monitor::{Config, Sampler};
use mtaio_monitoring::sampling::{
    CpuTimes, DiskKind, ListProcesses, OpenTriggers, RawContainer, RawCpu, RawDisk, RawDisks, RawListed, RawLoad,
    RawMemory, RawPressures, RawProcess, RawProcessList, RawSample, Resource, Section, SectionHealth, Source,
    Timed,
};

pub(crate) const GIB: u64 = 1 << 30;

/// A handle of the machine. Every source that it opens reads the same one.
#[derive(Clone)]
pub(crate) struct Machine(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    released: Condvar,
}

struct State {
    counters: Counters,
    reads: u64,
    opened: u64,
    closed: u64,
    panics_left: u64,
    hangs: bool,
    triggers: Option<Arc<dyn OpenTriggers>>,
    /// Looks at the processes so far, and whether the next one panics.
    looks: u64,
    look_panics: bool,
}

/// What the next reading finds. A section that is `None` cannot be read.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    pub(crate) cpu: Option<RawCpu>,
    pub(crate) load: Option<RawLoad>,
    pub(crate) memory: Option<RawMemory>,
    pub(crate) disks: Option<RawDisks>,
    pub(crate) process: Option<RawProcess>,
    pub(crate) container: Option<RawContainer>,
    /// The times in it do not count: each reading stamps its own.
    pub(crate) pressure: RawPressures,
    pub(crate) container_pressure: RawPressures,
    /// Empty where none can be seen.
    pub(crate) processes: Vec<RawListed>,
}

impl Machine {
    /// Two processors that have idled for an hour, 8 GiB of which 6 are available, one disk, four threads.
    pub(crate) fn new() -> Self {
        let idle = CpuTimes([0, 0, 0, 360_000, 0, 0, 0, 0, 0, 0]);
        let counters = Counters {
            cpu: Some(RawCpu { total: idle, cores: vec![(0, idle), (1, idle)] }),
            load: Some(RawLoad { hundredths: [50, 40, 30], running_threads: Some(1), total_threads: Some(200) }),
            memory: Some(RawMemory {
                total: Some(8 * GIB),
                free: Some(5 * GIB),
                available: Some(6 * GIB),
                ..RawMemory::default()
            }),
            disks: Some(RawDisks { devices: vec![disk("sda", 0)] }),
            container: None,
            process: Some(RawProcess {
                threads: Some(4),
                cpu_ns: Some(0),
                start_ticks: Some(1),
                ..RawProcess::default()
            }),
            pressure: RawPressures::default(),
            container_pressure: RawPressures::default(),
            processes: Vec::new(),
        };
        let state = State {
            counters,
            reads: 0,
            opened: 0,
            closed: 0,
            panics_left: 0,
            hangs: false,
            triggers: None,
            looks: 0,
            look_panics: false,
        };
        let inner = Inner { state: Mutex::new(state), released: Condvar::new() };
        Self(Arc::new(inner))
    }

    /// Changes what the next reading finds.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.0.state.lock().unwrap().counters);
    }

    /// Sources that are opened from now on can be asked for triggers.
    pub(crate) fn give_triggers(&self, triggers: Arc<dyn OpenTriggers>) {
        self.0.state.lock().unwrap().triggers = Some(triggers);
    }

    /// The processors work for `busy` ticks and idle for `idle` ones.
    pub(crate) fn work(&self, busy: u64, idle: u64) {
        self.change(|counters| {
            if let Some(cpu) = &mut counters.cpu {
                cpu.total.0[0] += busy;
                cpu.total.0[3] += idle;
            }
        });
    }

    /// The next `readings` panic.
    pub(crate) fn panic_next(&self, readings: u64) {
        self.0.state.lock().unwrap().panics_left = readings;
    }

    /// Readings do not come back until [`Self::release`].
    pub(crate) fn hang(&self) {
        self.0.state.lock().unwrap().hangs = true;
    }

    pub(crate) fn release(&self) {
        self.0.state.lock().unwrap().hangs = false;
        self.0.released.notify_all();
    }

    /// Readings begun so far.
    pub(crate) fn reads(&self) -> u64 {
        self.0.state.lock().unwrap().reads
    }

    /// Looks at the processes begun so far.
    pub(crate) fn looks(&self) -> u64 {
        self.0.state.lock().unwrap().looks
    }

    /// The next look at the processes panics.
    pub(crate) fn panic_at_look(&self) {
        self.0.state.lock().unwrap().look_panics = true;
    }

    /// Sources opened so far.
    pub(crate) fn opened(&self) -> u64 {
        self.0.state.lock().unwrap().opened
    }

    /// Sources that are gone again.
    pub(crate) fn closed(&self) -> u64 {
        self.0.state.lock().unwrap().closed
    }

    pub(crate) fn open(&self) -> Box<dyn Source> {
        self.0.state.lock().unwrap().opened += 1;
        Box::new(MachineSource(self.clone()))
    }

    /// Settings of a monitor of this machine, and the hand of its clock.
    pub(crate) fn config(&self) -> (Config, Arc<ManualClock>) {
        let (clock, hand) = Clock::manual();
        let machine = self.clone();
        let config = Config::default().with_clock(clock).with_source(move || machine.open());
        (config, hand)
    }

    /// A sampler of this machine for ticks `interval` seconds apart, and the hand of its clock.
    pub(crate) fn sampler(&self, interval: f64) -> (Sampler, Arc<ManualClock>) {
        let (clock, hand) = Clock::manual();
        (Sampler::new(self.open(), clock, (interval * 1e9) as u64), hand)
    }
}

/// A whole disk whose counters all stand at `count`.
pub(crate) fn disk(name: &str, count: u64) -> RawDisk {
    let minor = name.bytes().map(u32::from).sum();
    RawDisk {
        name: name.to_owned(),
        device: (8, minor),
        kind: DiskKind::Whole,
        reads: Some(count),
        read_sectors: count,
        read_ms: Some(count),
        writes: Some(count),
        write_sectors: count,
        write_ms: Some(count),
        in_flight: Some(0),
        busy_ms: Some(count),
        weighted_ms: Some(count),
        discards: Some(count),
        discard_sectors: Some(count),
        flushes: Some(count),
        flush_ms: Some(count),
    }
}

struct MachineSource(Machine);

impl Drop for MachineSource {
    fn drop(&mut self) {
        self.0.0.state.lock().unwrap().closed += 1;
    }
}

impl Source for MachineSource {
    fn read(&mut self, clock: &Clock, out: &mut RawSample) {
        let Inner { state, released } = &*self.0.0;
        let mut state = state.lock().unwrap();
        state.reads += 1;
        out.clock = clock.now();
        if state.panics_left > 0 {
            state.panics_left -= 1;
            drop(state);
            // Unwinds as a panic does, without a report on standard error.
            std::panic::resume_unwind(Box::new("the machine panics"));
        }
        state = released.wait_while(state, |state| state.hangs).unwrap();

        let counters = &state.counters;
        let read_at_ns = clock.monotonic_ns();
        fn timed<T: Clone>(value: Option<&T>, read_at_ns: u64) -> Option<Timed<T>> {
            value.cloned().map(|value| Timed { read_at_ns, value })
        }
        out.cpu = timed(counters.cpu.as_ref(), read_at_ns);
        out.load = timed(counters.load.as_ref(), read_at_ns);
        out.memory = timed(counters.memory.as_ref(), read_at_ns);
        out.disks = timed(counters.disks.as_ref(), read_at_ns);
        out.process = timed(counters.process.as_ref(), read_at_ns);
        out.container = timed(counters.container.as_ref(), read_at_ns);
        for (out, pressure) in
            [(&mut out.pressure, &counters.pressure), (&mut out.container_pressure, &counters.container_pressure)]
        {
            *out = *pressure;
            for resource in Resource::ALL {
                if let Some(file) = out.slot(resource) {
                    file.read_at_ns = read_at_ns;
                }
            }
        }
        if let Some(process) = &mut out.process {
            process.value.cpu_ns = process.value.cpu_ns.and(clock.process_cpu_ns());
        }
    }

    fn pressure_triggers(&self) -> Option<Arc<dyn OpenTriggers>> {
        self.0.0.state.lock().unwrap().triggers.clone()
    }

    fn process_lister(&self) -> Option<Box<dyn ListProcesses>> {
        Some(Box::new(MachineLister(self.0.clone())))
    }

    fn health(&self) -> Vec<SectionHealth> {
        let reads = self.0.reads();
        let section = |section: Section| SectionHealth {
            origin: "a machine of the tests".to_owned(),
            reads,
            ..SectionHealth::unread(section)
        };
        Section::ALL.into_iter().map(section).collect()
    }
}

struct MachineLister(Machine);

impl ListProcesses for MachineLister {
    fn list(&mut self, clock: &Clock, list: &mut RawProcessList) -> bool {
        let mut state = self.0.0.state.lock().unwrap();
        state.looks += 1;
        if std::mem::take(&mut state.look_panics) {
            drop(state);
            std::panic::resume_unwind(Box::new("the look panics"));
        }
        let now = clock.now();
        (list.read_at_ns, list.boottime_ns) = (now.monotonic_ns, now.boottime_ns);
        list.processes.clone_from(&state.counters.processes);
        !list.processes.is_empty()
    }
}
