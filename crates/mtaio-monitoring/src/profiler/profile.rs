//! A profile: what a profiler had recorded when somebody looked. Later traces do not change it.
//!
//! Long because it lists what can be asked of a profile, a trace and a task: most of it is one line each, and its words.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use super::extra::{Extra, Metadata};
use super::metrics::{ProfileMetrics, Sum, metrics_of};
use super::names::NameId;
use super::outer::Outer;
use super::record::{Record, Status};
use super::recorder::{Recorder, ThreadInfo};
use super::tasks::TaskRecord;

/// What a profiler had recorded at one moment. Cloning it is cheap.
///
/// ```
/// use mtaio_monitoring::Profiler;
///
/// let profiler = Profiler::new();
/// drop(profiler.enter("parse"));
/// let profile = profiler.profile();
/// for trace in profile.traces() {
///     println!("{} took {:.6} s", trace.name(), trace.duration());
/// }
/// assert_eq!(profile.traces().len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub(crate) data: Arc<Data>,
}

/// Times are nanoseconds since the epoch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    /// Finished traces, in the order in which they began.
    pub(crate) records: Vec<Record>,
    /// Open ones, in the same order, after their end was set to the moment of the profile.
    pub(crate) open: Vec<Record>,
    /// What [`Record::extra`] says the place of, from 1.
    pub(crate) extras: Vec<Extra>,
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) threads: Vec<ThreadInfo>,
    /// By id. Those that were spawned inside a trace, and those that are named by one.
    pub(crate) tasks: Vec<TaskRecord>,
    pub(crate) let_go: u64,
    pub(crate) dropped: u64,
    /// Where in another profiler those traces began of which that is known, by id.
    pub(crate) outer: HashMap<u64, Outer>,
    /// Of what was let go, by name.
    pub(crate) sums: BTreeMap<Arc<str>, Sum>,
    /// First beginning and last end of everything since the last reset.
    pub(crate) span_ns: Option<(u64, u64)>,
    /// When it was taken.
    pub(crate) taken_ns: u64,
    /// Id → place among the finished traces, then the open ones. Made when first asked for.
    pub(crate) places: OnceLock<HashMap<u64, u32>>,
}

impl Profile {
    pub(crate) fn from_data(data: Data) -> Self {
        Self { data: Arc::new(data) }
    }

    /// Finished traces, in the order in which they began. The newest ones: see [`Self::let_go`].
    #[must_use]
    pub fn traces(&self) -> Traces<'_> {
        Traces { data: &self.data, records: self.data.records.iter() }
    }

    /// Traces that had not ended, in the order in which they began. They end, here, when the profile was taken.
    #[must_use]
    pub fn open_traces(&self) -> Traces<'_> {
        Traces { data: &self.data, records: self.data.open.iter() }
    }

    /// The trace of this id, finished or open.
    #[must_use]
    pub fn trace(&self, trace_id: u64) -> Option<Trace<'_>> {
        let place = *self.data.places().get(&trace_id)? as usize;
        let finished = self.data.records.len();
        let record = if place < finished { &self.data.records[place] } else { &self.data.open[place - finished] };
        Some(Trace { data: &self.data, record })
    }

    /// The trace of one of this profile's records.
    pub(crate) fn trace_of<'a>(&'a self, record: &'a Record) -> Trace<'a> {
        Trace { data: &self.data, record }
    }

    /// Tasks that were spawned inside a trace, in the order in which they were spawned.
    pub fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let mut spawned: Vec<&TaskRecord> = self.data.tasks.iter().filter(|task| task.is_spawned()).collect();
        // Numbers follow the order only where all are of one profiler.
        spawned.sort_by_key(|task| (task.start, task.id));
        spawned.into_iter().map(|task| Task { data: &self.data, task })
    }

    /// Threads that recorded something since the profiler was made.
    #[must_use]
    pub fn threads(&self) -> &[ThreadInfo] {
        &self.data.threads
    }

    /// Traces that are counted in the metrics and no longer held one by one.
    #[must_use]
    pub fn let_go(&self) -> u64 {
        self.data.let_go
    }

    /// Traces that could not be recorded, because too many were open at once.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.data.dropped
    }

    /// When the first trace began, in seconds since the epoch; `None` without any.
    #[must_use]
    pub fn start_time(&self) -> Option<f64> {
        self.data.span().map(|(start, _)| seconds(start))
    }

    /// When the last trace ended, or when the profile was taken while one was open, in seconds since the epoch.
    #[must_use]
    pub fn end_time(&self) -> Option<f64> {
        self.data.span().map(|(_, end)| seconds(end))
    }

    /// Seconds from the first trace's beginning to the last one's end (or to the moment of the profile, where one is
    /// open); 0 without any.
    #[must_use]
    pub fn total_time(&self) -> f64 {
        self.data.span().map_or(0.0, |(start, end)| seconds(end.saturating_sub(start)))
    }

    /// When the profile was taken, in seconds since the epoch.
    #[must_use]
    pub fn taken_at(&self) -> f64 {
        seconds(self.data.taken_ns)
    }

    /// Every name that has a finished trace, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut is_used = vec![false; self.data.names.len()];
        for record in &self.data.records {
            if let Some(used) = is_used.get_mut(record.name.0 as usize) {
                *used = true;
            }
        }
        let used = self.data.names.iter().zip(is_used).filter(|(_, used)| *used).map(|(name, _)| name);
        let mut names: Vec<Arc<str>> = used.chain(self.data.sums.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The metrics of the finished traces of one name, or of all: count, sum, minimum and maximum are exact.
    #[must_use]
    pub fn metrics(&self, name: Option<&str>) -> ProfileMetrics {
        // `None` for a name that no held trace has.
        let id = name.map(|name| self.data.names.iter().position(|known| **known == *name));
        let is_asked = |record: &&Record| id.is_none_or(|id| id == Some(record.name.0 as usize));
        let mut sum = Sum::default();
        for (_, other) in self.data.sums.iter().filter(|(other, _)| name.is_none_or(|name| name == &***other)) {
            sum.add(other);
        }
        metrics_of(self.data.records.iter().filter(is_asked), sum)
    }

    /// [`Self::metrics`] of every name that has a finished trace, sorted by name: all of them cost one look at each
    /// trace, where asking name by name costs one a name.
    ///
    /// ```
    /// use mtaio_monitoring::Profiler;
    ///
    /// let profiler = Profiler::new();
    /// for name in ["parse", "load", "parse"] {
    ///     drop(profiler.enter(name));
    /// }
    /// let metrics = profiler.profile().metrics_by_name();
    /// let calls: Vec<_> = metrics.iter().map(|(name, metrics)| (&**name, metrics.call_count)).collect();
    /// assert_eq!(calls, [("load", 1), ("parse", 2)]);
    /// ```
    #[must_use]
    pub fn metrics_by_name(&self) -> BTreeMap<Arc<str>, ProfileMetrics> {
        let names = &self.data.names;
        let mut held: Vec<Vec<&Record>> = vec![Vec::new(); names.len()];
        for record in &self.data.records {
            let place = record.name.0 as usize;
            if let Some(records) = held.get_mut(if place < names.len() { place } else { 0 }) {
                records.push(record);
            }
        }
        let mut by_name: BTreeMap<Arc<str>, (Vec<&Record>, Sum)> = BTreeMap::new();
        for (name, records) in names.iter().zip(held).filter(|(_, records)| !records.is_empty()) {
            by_name.entry(name.clone()).or_default().0.extend(records);
        }
        for (name, sum) in &self.data.sums {
            by_name.entry(name.clone()).or_default().1.add(sum);
        }
        let metrics =
            by_name.into_iter().map(|(name, (records, sum))| (name, metrics_of(records.into_iter(), sum)));
        metrics.collect()
    }
}

impl Data {
    pub(crate) fn places(&self) -> &HashMap<u64, u32> {
        self.places.get_or_init(|| {
            let all = self.records.iter().chain(&self.open);
            all.enumerate().map(|(place, record)| (record.id, place as u32)).collect()
        })
    }

    fn span(&self) -> Option<(u64, u64)> {
        let first_open = self.open.first().map(|record| (record.start, self.taken_ns));
        match (self.span_ns, first_open) {
            (Some((start, end)), Some((first, now))) => Some((start.min(first), end.max(now))),
            (span, open) => span.or(open),
        }
    }

    pub(crate) fn name(&self, id: NameId) -> &str {
        self.names.get(id.0 as usize).or_else(|| self.names.first()).map_or("", |name| name)
    }

    pub(crate) fn task(&self, id: u32) -> Option<&TaskRecord> {
        let place = self.tasks.binary_search_by_key(&id, |task| task.id).ok()?;
        self.tasks.get(place)
    }
}

/// Traces of a profile.
#[derive(Clone, Debug)]
pub struct Traces<'a> {
    data: &'a Data,
    records: std::slice::Iter<'a, Record>,
}

impl<'a> Iterator for Traces<'a> {
    type Item = Trace<'a>;

    fn next(&mut self) -> Option<Trace<'a>> {
        self.records.next().map(|record| Trace { data: self.data, record })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<Trace<'a>> {
        self.records.nth(n).map(|record| Trace { data: self.data, record })
    }
}

impl DoubleEndedIterator for Traces<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.records.next_back().map(|record| Trace { data: self.data, record })
    }
}

impl ExactSizeIterator for Traces<'_> {}

/// One trace of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    data: &'a Data,
    record: &'a Record,
}

impl<'a> Trace<'a> {
    pub(crate) fn record(&self) -> &'a Record {
        self.record
    }

    /// What was traced.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.data.name(self.record.name)
    }

    /// Unique in the process.
    #[must_use]
    pub fn trace_id(&self) -> u64 {
        self.record.id
    }

    /// The innermost trace of the same flow that was open when this one began.
    #[must_use]
    pub fn parent_id(&self) -> Option<u64> {
        (self.record.parent != 0).then_some(self.record.parent)
    }

    /// The trace of another profiler in which it began: in a Rust extension, the Python trace that called. `None` where
    /// none was, where a trace of its own profiler is its parent, and where the two profiles were joined.
    #[must_use]
    pub fn outer_parent_id(&self) -> Option<u64> {
        self.outer().map(|outer| outer.trace).filter(|outer| *outer != 0)
    }

    pub(crate) fn outer(&self) -> Option<Outer> {
        self.data.outer.get(&self.record.id).copied()
    }

    /// When it began, in nanoseconds since the epoch, from one monotonic clock: it never jumps with the wall clock.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        self.record.start
    }

    /// When it ended; for an open trace, when the profile was taken. As [`Self::start_ns`].
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        self.record.end
    }

    /// When it began, in seconds since the epoch.
    #[must_use]
    pub fn start_time(&self) -> f64 {
        seconds(self.record.start)
    }

    /// When it ended, in seconds since the epoch; for an open trace, when the profile was taken.
    #[must_use]
    pub fn end_time(&self) -> f64 {
        seconds(self.record.end)
    }

    /// Seconds from its beginning to its end, to the nanosecond: not the difference of two large numbers.
    #[must_use]
    pub fn duration(&self) -> f64 {
        seconds(self.record.duration())
    }

    /// Seconds that it ran; `None` where that is not known. A future runs while it is polled.
    #[must_use]
    pub fn run_time(&self) -> Option<f64> {
        self.record.run().map(seconds)
    }

    /// Seconds that it waited: its duration less its run time.
    #[must_use]
    pub fn wait_time(&self) -> Option<f64> {
        self.record.run().map(|run| seconds(self.record.duration().saturating_sub(run)))
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> Status {
        self.record.status
    }

    /// What it failed with, where somebody said so.
    #[must_use]
    pub fn error(&self) -> Option<&'a str> {
        self.extra()?.error.as_deref()
    }

    /// The task that it began in.
    #[must_use]
    pub fn task(&self) -> Option<Task<'a>> {
        self.data.task(self.record.task).map(|task| Task { data: self.data, task })
    }

    /// The number of the task that it began in, also where nothing else is known of that any more.
    #[must_use]
    pub fn task_id(&self) -> Option<u32> {
        (self.record.task != 0).then_some(self.record.task)
    }

    /// The thread that began it.
    #[must_use]
    pub fn thread(&self) -> Option<&'a ThreadInfo> {
        let number = self.record.thread();
        self.data.threads.iter().find(|thread| thread.number == number)
    }

    /// The number of the thread that began it.
    #[must_use]
    pub fn thread_number(&self) -> u32 {
        self.record.thread()
    }

    /// Resident bytes of the process when it began, at most 10 ms old; 0 where they were not read.
    #[must_use]
    pub fn memory_start(&self) -> u64 {
        u64::from(self.record.memory_start_kib) * 1024
    }

    /// The same when it ended.
    #[must_use]
    pub fn memory_end(&self) -> u64 {
        u64::from(self.record.memory_end_kib) * 1024
    }

    /// Names and values that were attached to it.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        self.attachment().map(super::Attachment::metadata).unwrap_or_default()
    }

    /// Where it began, where that was collected.
    #[must_use]
    pub fn stack_trace(&self) -> Option<String> {
        self.attachment()?.stack_trace()
    }

    /// What its face attached to it.
    #[must_use]
    pub fn attachment(&self) -> Option<&'a dyn super::Attachment> {
        self.extra()?.attachment.as_deref()
    }

    fn extra(&self) -> Option<&'a Extra> {
        self.data.extras.get((self.record.extra as usize).checked_sub(1)?)
    }
}

/// One task of a runtime.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    data: &'a Data,
    task: &'a TaskRecord,
}

impl<'a> Task<'a> {
    /// Unique in the profiler.
    #[must_use]
    pub fn task_id(&self) -> u32 {
        self.task.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.task.name
    }

    /// What it runs: a coroutine's qualified name.
    #[must_use]
    pub fn coroutine(&self) -> &'a str {
        self.data.name(self.task.coroutine)
    }

    /// Where it was made: `file:line in function`.
    #[must_use]
    pub fn created_at(&self) -> Option<&'a str> {
        (self.task.created_at != NameId::OVERFLOW).then(|| self.data.name(self.task.created_at))
    }

    /// The trace that it was spawned in.
    #[must_use]
    pub fn parent_id(&self) -> Option<u64> {
        (self.task.parent != 0).then_some(self.task.parent)
    }

    /// When it was spawned, in nanoseconds since the epoch.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        self.task.start
    }

    /// When it ended; while it lives, when the profile was taken.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        if self.task.end == 0 { self.data.taken_ns } else { self.task.end }
    }

    /// Nanoseconds that it ran; 0 while that is not known yet.
    #[must_use]
    pub fn run_ns(&self) -> u64 {
        self.task.run
    }

    /// How often it was resumed.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.task.steps
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> Status {
        self.task.status
    }
}

pub(super) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

impl Recorder {
    /// The profile of this moment.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile_with(&HashMap::new())
    }

    /// The profile of this moment, with what open traces carry, by id: an ended one's is in its record.
    #[must_use]
    pub fn profile_with(&self, carried: &HashMap<u64, Extra>) -> Profile {
        let sums = |finished: &super::finished::Finished| -> Vec<(NameId, Sum)> {
            finished.let_go().map(|(name, sum)| (name, Sum::of(sum, &self.clock))).collect()
        };
        let (sums, held, open, now) = self.look(sums);
        let tasks = self.tasks.all();
        let names = self.names.all();
        let epoch_ns = |ticks: u64| self.epoch_ns + self.clock.nanoseconds(ticks);
        let mut extras = Vec::new();
        let readable = |record: &Record| {
            let mut readable = Record { start: epoch_ns(record.start), end: epoch_ns(record.end), ..*record };
            // Not the difference of two rounded times.
            readable.end = readable.start + self.clock.nanoseconds(record.duration());
            readable.set_run(record.run().map(|run| self.clock.nanoseconds(run)));
            readable
        };
        let mut records: Vec<Record> = held
            .records()
            .map(|(record, extra)| {
                let mut readable = readable(&record);
                readable.extra = extra.map_or(0, |extra| {
                    extras.push(extra.clone());
                    extras.len() as u32
                });
                readable
            })
            .collect();
        let with_carried = |record: &Record| {
            let mut readable = readable(record);
            if let Some(extra) = carried.get(&record.id) {
                extras.push(extra.clone());
                readable.extra = extras.len() as u32;
            }
            readable
        };
        let mut open: Vec<Record> = open.iter().map(with_carried).collect();
        let mut outer = HashMap::new();
        for record in records.iter_mut().chain(&mut open) {
            outer.extend(record.take_outer().map(|outer| (record.id, outer)));
        }
        for records in [&mut records, &mut open] {
            records.sort_by_key(|record| (record.start, record.id));
        }
        let tasks = tasks.into_iter().map(|task| TaskRecord {
            start: epoch_ns(task.start),
            end: if task.end == 0 { 0 } else { epoch_ns(task.end) },
            run: self.clock.nanoseconds(task.run),
            ..task
        });
        let sum_name = |(name, sum): (NameId, Sum)| {
            let name = names.get(name.0 as usize).or_else(|| names.first()).cloned();
            (name.unwrap_or_else(|| "".into()), sum)
        };
        Profile::from_data(Data {
            records,
            open,
            extras,
            threads: self.threads(),
            tasks: tasks.collect(),
            let_go: held.let_go_count,
            dropped: self.dropped(),
            outer,
            sums: sums.into_iter().map(sum_name).collect(),
            span_ns: held.span.map(|(first, last)| (epoch_ns(first), epoch_ns(last))),
            taken_ns: epoch_ns(now),
            names,
            places: OnceLock::new(),
        })
    }
}
