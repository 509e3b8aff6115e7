//! Profiles of several profilers of one process as one: those of Rust extensions on the timeline of the Python program
//! that they run in.
//!
//! Each profiler numbers its threads, tasks and traces by itself, and gives its times since the epoch as it saw that when
//! it was made: the wall clock may have been set since. What they share is the processor's counter, so times are taken
//! over by way of that.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::{MonitoringError, Result};
use crate::lock::Mutex;

use super::names::NameId;
use super::outer::Outer;
use super::profile::{Data, Profile};
use super::record::{Record, Status, count_of, thread_of, trace_id};
use super::recorder::{Recorder, ThreadInfo, next_thread};
use super::tasks::TaskRecord;

/// So many ticks that the nanoseconds in them tell the length of one exactly.
const SPAN_TICKS: u32 = 60;

/// How the times of a profile and the ticks of a counter go together: `epoch_ns + ticks * span_ns / 2^60`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// The counter, when this was asked for.
    pub ticks: u64,
    /// Nanoseconds since the epoch at the counter's zero.
    pub epoch_ns: u64,
    /// Nanoseconds in 2^60 ticks.
    pub span_ns: u64,
}

impl Scale {
    fn nanoseconds(&self, ticks: u64) -> u128 {
        (u128::from(ticks) * u128::from(self.span_ns)) >> SPAN_TICKS
    }

    fn time(&self, ticks: u64) -> u128 {
        u128::from(self.epoch_ns) + self.nanoseconds(ticks)
    }
}

impl Recorder {
    /// How its times and its ticks go together.
    #[must_use]
    pub fn scale(&self) -> Scale {
        let span_ns = self.clock.nanoseconds(1 << SPAN_TICKS);
        Scale { ticks: self.clock.ticks(), epoch_ns: self.epoch_ns, span_ns }
    }
}

/// Takes times of one profiler over into those of another.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    theirs: Scale,
    ours: Scale,
    /// Whether both read the same counter.
    is_shared: bool,
}

impl Clocks {
    fn time(&self, time: u64) -> u64 {
        let ours = if self.is_shared {
            let since = u128::from(time.saturating_sub(self.theirs.epoch_ns));
            let ticks = (since << SPAN_TICKS) / u128::from(self.theirs.span_ns);
            self.ours.time(u64::try_from(ticks).unwrap_or(u64::MAX))
        } else {
            // All that is known is that both were asked at the same moment.
            let (theirs, ours) = (self.theirs.time(self.theirs.ticks), self.ours.time(self.ours.ticks));
            ours.saturating_add(time.into()).saturating_sub(theirs)
        };
        u64::try_from(ours).unwrap_or(u64::MAX)
    }

    fn duration(&self, duration: u64) -> u64 {
        if !self.is_shared {
            return duration;
        }
        let scaled = u128::from(duration) * u128::from(self.ours.span_ns) / u128::from(self.theirs.span_ns);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

/// The profile of another profiler of the process, to be joined to one's own.
#[derive(Debug)]
pub struct Part {
    key: u64,
    profile: Profile,
    clocks: Clocks,
}

impl Part {
    /// A profile that another profiler gave just now. `key` is always the same for the same one, and another for each.
    /// `scale` asks that profiler.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Profile`] where it has no clock.
    pub fn new(key: u64, profile: Profile, recorder: &Recorder, scale: impl FnOnce() -> Scale) -> Result<Self> {
        let before = recorder.ticks();
        let theirs = scale();
        let ours = recorder.scale();
        if theirs.span_ns == 0 {
            return Err(MonitoringError::Profile("its clock stands still".to_owned()));
        }
        let is_shared = (before..=ours.ticks).contains(&theirs.ticks);
        Ok(Self { key, profile, clocks: Clocks { theirs, ours, is_shared } })
    }
}

/// Joins profiles, and remembers under which numbers it took over threads and tasks: a trace has the same id in the next
/// profile.
#[derive(Debug, Default)]
pub struct Joints(Mutex<Numbers>);

/// By the part's key and the number there. Of what the last profile held: what is gone from a part does not come back.
#[derive(Debug, Default)]
struct Numbers {
    threads: HashMap<(u64, u32), u32>,
    tasks: HashMap<(u64, u32), u32>,
}

impl Joints {
    /// `own`, a profile of `recorder` that was taken after all parts were, with the parts in it. A trace of theirs that
    /// began in one of its own has that for a parent, and is in the task that ran there.
    #[must_use]
    pub fn join(&self, recorder: &Recorder, own: Profile, parts: Vec<Part>) -> Profile {
        if parts.is_empty() {
            return own;
        }
        // Ids are looked for before there are new ones.
        let _ = own.data.places();
        let mut data = Arc::try_unwrap(own.data).unwrap_or_else(|shared| (*shared).clone());
        let places = data.places.take().unwrap_or_default();
        let names = data.names.iter().enumerate().map(|(id, name)| (Arc::clone(name), NameId(id as u32)));
        let names = names.collect();
        let threads = data.threads.iter().map(|thread| thread.number).collect();
        let mut before = self.0.lock();
        let mut joining =
            Joining { recorder, data, places, names, threads, before: &before, after: Numbers::default() };
        for part in parts {
            joining.take_in(part);
        }
        let Joining { mut data, after, .. } = joining;
        *before = after;
        drop(before);
        for records in [&mut data.records, &mut data.open] {
            records.sort_by_key(|record| (record.start, record.id));
        }
        data.tasks.sort_by_key(|task| task.id);
        Profile::from_data(data)
    }
}

struct Joining<'a> {
    recorder: &'a Recorder,
    data: Data,
    /// Places of the own traces, by id.
    places: HashMap<u64, u32>,
    names: HashMap<Arc<str>, NameId>,
    /// Numbers of threads, those taken over among them.
    threads: HashSet<u32>,
    before: &'a Numbers,
    after: Numbers,
}

impl Joining<'_> {
    fn take_in(&mut self, part: Part) {
        let Part { key, profile, clocks } = part;
        let theirs = &*profile.data;
        let taken = self.data.taken_ns;
        // Nothing of theirs is later than what was asked after them.
        let time = |time: u64| clocks.time(time).min(taken);
        let names: Vec<NameId> = theirs.names.iter().map(|name| self.name(name)).collect();
        let name = |id: NameId| names.get(id.0 as usize).copied().unwrap_or(NameId::OVERFLOW);
        let tasks = theirs.tasks.iter().map(|task| {
            let start = time(task.start);
            TaskRecord {
                id: self.task(key, task.id),
                parent: self.parent(key, task.parent, task.outer),
                outer: self.unresolved(task.outer),
                name: task.name.clone(),
                coroutine: name(task.coroutine),
                created_at: name(task.created_at),
                start,
                end: match task.end {
                    0 => 0,
                    end => start.saturating_add(clocks.duration(end.saturating_sub(task.start))).min(taken),
                },
                run: clocks.duration(task.run),
                ..*task
            }
        });
        let tasks: Vec<TaskRecord> = tasks.collect();
        self.data.tasks.extend(tasks);
        let extras = self.data.extras.len() as u32;
        self.data.extras.extend(theirs.extras.iter().cloned());
        let mut records: Vec<&Record> = theirs.records.iter().chain(&theirs.open).collect();
        // Outer ones first: what is below them is in the same task of ours.
        records.sort_by_key(|record| (record.start, record.id));
        let mut tasks_around: HashMap<u64, u32> = HashMap::new();
        for record in records {
            let outer = theirs.outer.get(&record.id).copied().unwrap_or_default();
            let task = match (record.task, outer.task) {
                (0, 0) => {
                    let is_same_thread = thread_of(record.parent) == record.thread();
                    tasks_around.get(&record.parent).copied().filter(|_| is_same_thread).unwrap_or(0)
                }
                (0, around) => around,
                (task, _) => self.task(key, task),
            };
            if record.task == 0 && task != 0 {
                tasks_around.insert(record.id, task);
            }
            let start = time(record.start);
            let end = start.saturating_add(clocks.duration(record.duration())).min(taken);
            let is_open = record.status == Status::Open;
            let mut joined = Record {
                id: self.id(key, record.id),
                parent: self.parent(key, record.parent, outer.trace),
                start,
                end: if is_open { taken } else { end },
                name: name(record.name),
                task,
                extra: if record.extra == 0 { 0 } else { record.extra.saturating_add(extras) },
                ..*record
            };
            joined.set_run(record.run().map(|run| clocks.duration(run)));
            let unresolved = self.unresolved(outer.trace);
            if unresolved != 0 {
                self.data.outer.insert(joined.id, Outer { trace: unresolved, task: 0 });
            }
            if is_open { &mut self.data.open } else { &mut self.data.records }.push(joined);
        }
        for thread in &theirs.threads {
            let number = self.thread(key, thread.number);
            self.data.threads.push(ThreadInfo { number, ..thread.clone() });
        }
        for (name, sum) in &theirs.sums {
            self.data.sums.entry(Arc::clone(name)).or_default().add(sum);
        }
        self.data.let_go = self.data.let_go.saturating_add(theirs.let_go);
        self.data.dropped = self.data.dropped.saturating_add(theirs.dropped);
        let span = theirs.span_ns.map(|(start, end)| (time(start), time(end)));
        self.data.span_ns = match (self.data.span_ns, span) {
            (Some((start, end)), Some((first, last))) => Some((start.min(first), end.max(last))),
            (own, theirs) => own.or(theirs),
        };
    }

    fn name(&mut self, name: &Arc<str>) -> NameId {
        *self.names.entry(Arc::clone(name)).or_insert_with(|| {
            self.data.names.push(Arc::clone(name));
            NameId(self.data.names.len() as u32 - 1)
        })
    }

    fn thread(&mut self, key: u64, thread: u32) -> u32 {
        let used = &mut self.threads;
        *self.after.threads.entry((key, thread)).or_insert_with(|| {
            let known = self.before.threads.get(&(key, thread)).copied();
            // Numbers come again after millions of threads: such a one gets another.
            let mut numbers = known.into_iter().chain(std::iter::repeat_with(next_thread));
            numbers.find(|number| *number != 0 && used.insert(*number)).unwrap_or(0)
        })
    }

    fn task(&mut self, key: u64, task: u32) -> u32 {
        let number = || self.before.tasks.get(&(key, task)).copied();
        let number = || number().unwrap_or_else(|| self.recorder.tasks.take_number());
        *self.after.tasks.entry((key, task)).or_insert_with(number)
    }

    fn id(&mut self, key: u64, id: u64) -> u64 {
        trace_id(self.thread(key, thread_of(id)), count_of(id))
    }

    /// The parent of what is below that trace of theirs, or else in that one of ours.
    fn parent(&mut self, key: u64, parent: u64, outer: u64) -> u64 {
        match (parent, outer) {
            (0, outer) if self.places.contains_key(&outer) => outer,
            (0, _) => 0,
            (parent, _) => self.id(key, parent),
        }
    }

    /// What is in none that we hold still says in which it was.
    fn unresolved(&self, outer: u64) -> u64 {
        if self.places.contains_key(&outer) { 0 } else { outer }
    }
}
