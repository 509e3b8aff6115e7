//! A profile read back from JSON. The bytes may be anybody's: whatever would make later arithmetic wrong, overflow or
//! take memory out of proportion to the file is refused here, with words that say what was found where.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::error::{MonitoringError, Result};
use crate::metrics::{Buckets, FINE_SCALE, SketchSnapshot};
use crate::profiler::{
    Data, Extra, Metadata, NameId, Outer, Plain, Profile, Record, Status, Sum, TaskRecord, ThreadInfo,
};

use super::shape::{Durations, File, Header, NamedSum, Side, Task, Thread, Trace};
use super::{FORMAT, VERSION};

/// Times up to the year 2262, and counts of so many traces: sums of them do not overflow.
const LATEST_NS: u64 = i64::MAX as u64;
const MOST_COUNTED: u64 = 1 << 53;

/// The bucket of the smallest f64 and that of the largest lie within.
const MOST_BUCKET: i32 = 1_120 << FINE_SCALE;

impl Profile {
    /// Reads a profile that was exported as JSON. It is equal to the one that was: the same traces, the same metrics.
    ///
    /// The bytes may come from anywhere: what is no profile is an error, and takes memory in proportion to its size.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Profile`], which says what was found where, and what is accepted.
    ///
    /// ```
    /// use mtaio_monitoring::Profiler;
    /// use mtaio_monitoring::export::Format;
    /// use mtaio_monitoring::profiler::Profile;
    ///
    /// let profiler = Profiler::new();
    /// drop(profiler.enter("parse"));
    /// let profile = profiler.profile();
    ///
    /// let again = Profile::from_json(profile.export(Format::Json).as_bytes())?;
    /// assert_eq!(again.metrics(Some("parse")), profile.metrics(Some("parse")));
    ///
    /// let error = Profile::from_json(b"{\"traceEvents\": []}").unwrap_err().to_string();
    /// assert!(error.starts_with("not a saved profile: "));
    /// # Ok::<(), mtaio_monitoring::MonitoringError>(())
    /// ```
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let file: File<'_> = serde_json::from_slice(bytes).map_err(|error| not_a_profile(bytes, &error))?;
        if file.format != FORMAT || file.version != VERSION {
            return Err(other_kind(&file.format, &file.version.to_string()));
        }
        let (names, extras, outer) = (Names::new(), Vec::new(), HashMap::new());
        Reading { origin: file.origin_ns, outer, names, extras }.profile(file)
    }
}

fn wrong(found: impl fmt::Display) -> MonitoringError {
    MonitoringError::Profile(format!(
        "not a saved profile: {found}; accepted is what the format json of a profile's export gives ({FORMAT}, version \
         {VERSION})"
    ))
}

fn other_kind(format: &str, version: &str) -> MonitoringError {
    wrong(format_args!("it says that it is {:?} of version {version}", shortened(format)))
}

/// A file of another format or version is told as such, and not by the first field that it lacks.
fn not_a_profile(bytes: &[u8], error: &serde_json::Error) -> MonitoringError {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return wrong("it is empty");
    }
    if error.is_data()
        && let Ok(Header { format: Some(format), version }) = serde_json::from_slice(bytes)
    {
        let version = version.unwrap_or_default();
        if format != FORMAT || version != VERSION {
            let format = format.as_str().map_or_else(|| format.to_string(), str::to_owned);
            return other_kind(&format, &shortened(&version.to_string()));
        }
    }
    // It may quote a string of the file.
    wrong(shortened(&error.to_string()))
}

fn shortened(text: &str) -> Cow<'_, str> {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => Cow::Owned(format!("{}…{}", &text[..end], tail_of_place(text))),
        None => Cow::Borrowed(text),
    }
}

/// serde_json ends its messages with the place, which must not be cut off.
fn tail_of_place(text: &str) -> &str {
    text.rfind(" at line ").map_or("", |place| &text[place..])
}

/// Names, each kept once.
struct Names {
    ids: HashMap<Arc<str>, NameId>,
    names: Vec<Arc<str>>,
}

impl Names {
    fn new() -> Self {
        let mut names = Self { ids: HashMap::new(), names: Vec::new() };
        let overflow = names.id("(other names)");
        debug_assert_eq!(overflow, NameId::OVERFLOW, "what stands first");
        names
    }

    fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = NameId(self.names.len() as u32);
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }
}

struct Reading {
    origin: u64,
    outer: HashMap<u64, Outer>,
    names: Names,
    extras: Vec<Extra>,
}

impl Reading {
    fn profile(mut self, file: File<'_>) -> Result<Profile> {
        let taken = self.time("taken_ns", file.taken_ns)?;
        let span = match (file.first_start_ns, file.last_end_ns) {
            (Some(start), Some(end)) => {
                Some((self.time("first_start_ns", start)?, self.time("last_end_ns", end)?))
            }
            (None, None) => None,
            _ => return Err(wrong("one of first_start_ns and last_end_ns is there without the other")),
        };
        let count = |what: &str, count: u64| {
            if count <= MOST_COUNTED { Ok(count) } else { Err(wrong(format_args!("{what} is {count}"))) }
        };
        let let_go = count("let_go", file.let_go)?;
        let dropped = count("dropped", file.dropped)?;
        let sums = sums(file.let_go_sums)?;
        let mut seen = HashSet::with_capacity(file.traces.len());
        let mut records = self.records(file.traces, false, &mut seen)?;
        let mut open = self.records(file.open_traces, true, &mut seen)?;
        // As the recorder has them: the order of a file may be anything.
        records.sort_by_key(|record| (record.start, record.id));
        open.sort_by_key(|record| (record.start, record.id));
        let mut tasks = file.tasks.into_iter().map(|task| self.task(task)).collect::<Result<Vec<_>>>()?;
        tasks.sort_by_key(|task| task.id);
        if let Some(pair) = tasks.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(wrong(format_args!("there are two tasks of the id {}", pair[0].id)));
        }
        let thread = |thread: Thread<'_>| ThreadInfo {
            number: thread.number,
            id: thread.id,
            name: thread.name.into_owned(),
        };
        Ok(Profile::from_data(Data {
            records,
            open,
            extras: self.extras,
            names: self.names.names,
            threads: file.threads.into_iter().map(thread).collect(),
            tasks,
            let_go,
            dropped,
            outer: self.outer,
            sums,
            span_ns: span,
            taken_ns: taken,
            ..Data::default()
        }))
    }

    fn records(&mut self, traces: Vec<Trace<'_>>, open: bool, seen: &mut HashSet<u64>) -> Result<Vec<Record>> {
        traces.into_iter().map(|trace| self.record(trace, open, seen)).collect()
    }

    fn record(&mut self, trace: Trace<'_>, open: bool, seen: &mut HashSet<u64>) -> Result<Record> {
        let id = trace.id;
        let place = |found: &dyn fmt::Display| wrong(format_args!("trace {id}: {found}"));
        if id == 0 || !seen.insert(id) {
            return Err(place(&if id == 0 { "0 is no id" } else { "there are two of this id" }));
        }
        let status = status(&trace.status).map_err(|found| place(&found))?;
        if open != (status == Status::Open) {
            return Err(place(&format_args!("its status is {}", status.name())));
        }
        let start = self.time("start_ns", trace.start_ns).map_err(|found| place(&found))?;
        let end = later(start, trace.duration_ns).ok_or_else(|| place(&"its duration_ns is too large"))?;
        let mut record =
            Record::open(id, trace.parent, start, self.names.id(&trace.name), trace.task, trace.memory_start_kib);
        record.end = end;
        record.memory_end_kib = trace.memory_end_kib;
        record.status = status;
        if let Some(run) = trace.run_ns {
            record.set_run(Some(later(0, run).ok_or_else(|| place(&"its run_ns is too large"))?));
        }
        // What has a parent, or a task, is not asked for another profiler's.
        let outer = Outer {
            trace: if trace.parent == 0 { trace.outer_parent } else { 0 },
            task: if trace.task == 0 { trace.outer_task } else { 0 },
        };
        if outer != Outer::default() {
            self.outer.insert(id, outer);
        }
        let metadata = trace.metadata.map_or_else(Metadata::default, |metadata| *metadata);
        let attachment = (!metadata.is_empty() || trace.stack_trace.is_some())
            .then(|| Arc::new(Plain { metadata, stack_trace: trace.stack_trace }) as Arc<_>);
        if trace.error.is_some() || attachment.is_some() {
            let error = trace.error.map(|error| error.into_owned().into_boxed_str());
            self.extras.push(Extra { error, attachment });
            record.extra = self.extras.len() as u32;
        }
        Ok(record)
    }

    fn task(&mut self, task: Task<'_>) -> Result<TaskRecord> {
        let id = task.id;
        let place = |found: &dyn fmt::Display| wrong(format_args!("task {id}: {found}"));
        if id == 0 {
            return Err(place(&"0 is no id"));
        }
        let start = self.time("start_ns", task.start_ns).map_err(|found| place(&found))?;
        let end = match task.duration_ns {
            Some(duration) => later(start, duration).ok_or_else(|| place(&"its duration_ns is too large"))?,
            None => 0,
        };
        Ok(TaskRecord {
            id,
            parent: task.parent,
            outer: if task.parent == 0 { task.outer_parent } else { 0 },
            name: task.name.into(),
            coroutine: self.names.id(&task.coroutine),
            created_at: task.created_at.map_or(NameId::OVERFLOW, |created_at| self.names.id(&created_at)),
            start,
            end,
            run: later(0, task.run_ns).ok_or_else(|| place(&"its run_ns is too large"))?,
            steps: task.steps,
            status: status(&task.status).map_err(|found| place(&found))?,
        })
    }

    /// A time of the file, since the epoch.
    fn time(&self, field: &str, offset: u64) -> Result<u64> {
        later(self.origin, offset)
            .ok_or_else(|| wrong(format_args!("{field} is too late: {} + {offset}", self.origin)))
    }
}

fn later(start: u64, duration: u64) -> Option<u64> {
    start.checked_add(duration).filter(|end| *end <= LATEST_NS)
}

fn status(name: &str) -> std::result::Result<Status, String> {
    Status::ALL.into_iter().find(|status| status.name() == name).ok_or_else(|| {
        let known = Status::ALL.map(Status::name).join(", ");
        format!("there is no status {:?} among {known}", shortened(name))
    })
}

fn sums(named: Vec<NamedSum<'_>>) -> Result<BTreeMap<Arc<str>, Sum>> {
    let mut sums = BTreeMap::new();
    let mut counted = 0_u64;
    for sum in named {
        let name: Arc<str> = sum.name.as_ref().into();
        let shown = shortened(&sum.name).into_owned();
        let place = |found: &dyn fmt::Display| wrong(format_args!("the sum of {shown:?}: {found}"));
        let sketch = sketch(sum.durations).map_err(|found| place(&found))?;
        counted = counted.saturating_add(sum.count);
        if sketch.count != sum.count || counted > MOST_COUNTED || sum.count == 0 {
            return Err(place(&format_args!("its count is {}, its durations are {}", sum.count, sketch.count)));
        }
        if sum.run_count > sum.count || sum.errors > sum.count {
            return Err(place(&"it counts more run times or errors than traces"));
        }
        let known = Sum {
            count: sum.count,
            total: sum.total_seconds,
            min: sum.min_seconds,
            max: sum.max_seconds,
            run: sum.run_seconds,
            run_count: sum.run_count,
            run_duration: sum.run_duration_seconds,
            memory: sum.memory_bytes,
            errors: sum.errors,
            sketch,
        };
        if sums.insert(name, known).is_some() {
            return Err(place(&"it is there twice"));
        }
    }
    Ok(sums)
}

fn sketch(durations: Durations) -> std::result::Result<SketchSnapshot, String> {
    if durations.scale != FINE_SCALE {
        return Err(format!("the scale of its durations is {}, accepted is {FINE_SCALE}", durations.scale));
    }
    let positive = side(durations.positive)?;
    let negative = side(durations.negative)?;
    let counts = positive.counts.iter().chain(&negative.counts);
    let count = counts.fold(durations.zero_count, |sum, count| sum.saturating_add(*count));
    if count > MOST_COUNTED {
        return Err("its durations are too many".to_owned());
    }
    if durations.min.is_some() != (count > 0) || durations.max.is_some() != (count > 0) {
        return Err("its durations have no min or no max".to_owned());
    }
    Ok(SketchSnapshot {
        scale: FINE_SCALE,
        zero_count: durations.zero_count,
        positive,
        negative,
        count,
        sum: durations.sum,
        min: durations.min,
        max: durations.max,
    })
}

fn side(side: Option<Side>) -> std::result::Result<Buckets, String> {
    let Some(Side { offset, counts }) = side else { return Ok(Buckets::default()) };
    let last = i64::from(offset) + counts.len() as i64;
    if offset < -MOST_BUCKET || last > i64::from(MOST_BUCKET) {
        return Err(format!("its durations have buckets from {offset} to {last}"));
    }
    Ok(Buckets { offset, counts })
}
