//! The Trace Event Format, as Perfetto and about:tracing read it.
//!
//! Every trace is one complete event (`X`) on a track where it nests: see [`super::tracks`]. Async events (`b`, `e`) would
//! be two events a trace, and both viewers match them by name and id, so that concurrent calls of one name come out cut.
//! Times are microseconds since the first event: doubles since the epoch lose their nanoseconds.

use std::fmt::Write;

use crate::profiler::{Profile, Record, Status, TaskRecord, Trace};

use super::json_text::{push_metadata, push_microseconds, push_number, push_string};
use super::tracks::{Flow, Item, Slice, Track, Tracks};

/// The process of all events: a profile does not know whose it is.
const PROCESS: &str = "\"pid\":1";

/// The first track's id. That of the process itself would make it a "main thread".
const FIRST_TRACK: u32 = 2;

/// The file.
pub(super) fn write(profile: &Profile) -> String {
    let laid = Tracks::of(profile);
    let origin = laid.slices.first().map_or(profile.data.taken_ns, |slice| slice.start);
    let mut writing = Writing {
        text: String::with_capacity(4_096 + 192 * laid.slices.len() + 128 * laid.tracks.len()),
        profile,
        origin,
        names: profile.data.names.iter().map(|name| quoted(name)).collect(),
    };
    writing.text.push_str("{\"traceEvents\":[\n");
    let _ = write!(
        writing.text,
        "{{\"ph\":\"M\",{PROCESS},\"name\":\"process_name\",\"args\":{{\"name\":\"mtaio\"}}}}"
    );
    for (place, track) in laid.tracks.iter().enumerate() {
        writing.push_track(place as u32, track);
    }
    let mut arrows = arrows(&laid.slices).into_iter().peekable();
    for (place, slice) in laid.slices.iter().enumerate() {
        writing.push_slice(slice);
        if slice.from.is_some() {
            writing.push_arrow("f", place as u32, slice);
        }
        while let Some((_, child)) = arrows.next_if(|(parent, _)| *parent as usize == place) {
            writing.push_arrow("s", child, slice);
        }
    }
    writing.push_memory(&laid.slices);
    let _ = write!(
        writing.text,
        "\n],\n\"displayTimeUnit\":\"ns\",\n\"otherData\":{{\"generator\":\"{} {}\",\"origin_ns\":\"{origin}\",\
         \"let_go\":{},\"dropped\":{}}}}}\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        profile.let_go(),
        profile.dropped(),
    );
    writing.text
}

fn quoted(name: &str) -> String {
    let mut quoted = String::new();
    push_string(&mut quoted, name);
    quoted
}

/// What people call a track.
pub(super) fn track_name(profile: &Profile, track: &Track) -> String {
    let mut name = match track.flow {
        Flow::Task(number) => {
            let task = profile.data.task(number).filter(|task| !task.name.is_empty());
            task.map_or_else(|| format!("task {number}"), |task| task.name.to_string())
        }
        Flow::Thread(number) => {
            let thread = profile.threads().iter().find(|thread| thread.number == number);
            match thread {
                Some(thread) if !thread.name.is_empty() => format!("thread {} ({})", thread.name, thread.id),
                Some(thread) => format!("thread {}", thread.id),
                None => format!("thread no. {number}"),
            }
        }
    };
    if track.lane > 0 {
        let _ = write!(name, " · lane {}", track.lane + 1);
    }
    name
}

struct Writing<'a> {
    text: String,
    profile: &'a Profile,
    origin: u64,
    /// The names as JSON has them, by id.
    names: Vec<String>,
}

impl Writing<'_> {
    fn push_track(&mut self, place: u32, track: &Track) {
        for (what, field) in [("thread_name", "name"), ("thread_sort_index", "sort_index")] {
            self.begin_event("M", place);
            let _ = write!(self.text, ",\"name\":\"{what}\",\"args\":{{\"{field}\":");
            if field == "name" {
                push_string(&mut self.text, &track_name(self.profile, track));
            } else {
                push_number(&mut self.text, place);
            }
            self.text.push_str("}}");
        }
    }

    fn begin_event(&mut self, phase: &str, track: u32) {
        self.text.push_str(",\n{\"ph\":\"");
        self.text.push_str(phase);
        self.text.push_str("\",");
        self.text.push_str(PROCESS);
        self.push_count(",\"tid\":", u64::from(track + FIRST_TRACK));
    }

    fn push_count(&mut self, field: &str, number: u64) {
        self.text.push_str(field);
        push_number(&mut self.text, number);
    }

    fn push_time(&mut self, field: &str, nanoseconds: u64) {
        self.text.push_str(field);
        push_microseconds(&mut self.text, nanoseconds);
    }

    fn push_slice(&mut self, slice: &Slice<'_>) {
        self.begin_event("X", slice.track);
        self.push_time(",\"ts\":", slice.start - self.origin);
        self.push_time(",\"dur\":", slice.end - slice.start);
        match slice.item {
            Item::Trace(record) => self.push_trace(record),
            Item::Task(task) => self.push_task(task),
        }
        self.text.push_str("}}");
    }

    fn push_trace(&mut self, record: &Record) {
        self.text.push_str(",\"cat\":\"trace\",\"name\":");
        let name = self.names.get(record.name.0 as usize).or_else(|| self.names.first());
        self.text.push_str(name.map_or("\"\"", |name| name));
        self.push_count(",\"args\":{\"trace_id\":", record.id);
        if record.parent != 0 {
            self.push_count(",\"parent_id\":", record.parent);
        }
        self.push_status(record.status);
        if let Some(run) = record.run() {
            self.push_time(",\"run_us\":", run);
            self.push_time(",\"wait_us\":", record.duration().saturating_sub(run));
        }
        if record.memory_start_kib != 0 {
            self.push_count(",\"memory_start_kib\":", u64::from(record.memory_start_kib));
        }
        if record.memory_end_kib != record.memory_start_kib {
            self.text.push_str(",\"memory_delta_kib\":");
            push_number(&mut self.text, record.memory_delta_kib());
        }
        if record.extra != 0 {
            self.push_extra(self.profile.trace_of(record));
        }
    }

    fn push_extra(&mut self, trace: Trace<'_>) {
        if let Some(error) = trace.error() {
            self.text.push_str(",\"error\":");
            push_string(&mut self.text, error);
        }
        let metadata = trace.metadata();
        if !metadata.is_empty() {
            self.text.push_str(",\"metadata\":");
            push_metadata(&mut self.text, &metadata);
        }
        if let Some(stack) = trace.stack_trace() {
            self.text.push_str(",\"stack_trace\":");
            push_string(&mut self.text, &stack);
        }
    }

    fn push_task(&mut self, task: &TaskRecord) {
        self.text.push_str(",\"cat\":\"task\",\"name\":");
        push_string(&mut self.text, &task.name);
        self.push_count(",\"args\":{\"task_id\":", u64::from(task.id));
        self.push_count(",\"parent_id\":", task.parent);
        self.text.push_str(",\"coroutine\":");
        push_string(&mut self.text, self.profile.data.name(task.coroutine));
        if task.created_at != crate::profiler::NameId::OVERFLOW {
            self.text.push_str(",\"created_at\":");
            push_string(&mut self.text, self.profile.data.name(task.created_at));
        }
        self.push_status(task.status);
        if task.end != 0 {
            self.push_time(",\"run_us\":", task.run);
            let life = task.end.saturating_sub(task.start);
            self.push_time(",\"wait_us\":", life.saturating_sub(task.run));
            self.push_count(",\"steps\":", u64::from(task.steps));
        }
    }

    fn push_status(&mut self, status: Status) {
        self.text.push_str(",\"status\":\"");
        self.text.push_str(status.name());
        self.text.push('"');
    }

    /// The resident memory as a counter, wherever a trace saw another figure than the one before.
    fn push_memory(&mut self, slices: &[Slice<'_>]) {
        let mut last_kib = 0;
        for slice in slices {
            let Item::Trace(record) = slice.item else { continue };
            if record.memory_start_kib != 0 && record.memory_start_kib != last_kib {
                last_kib = record.memory_start_kib;
                self.text.push_str(",\n{\"ph\":\"C\",");
                self.text.push_str(PROCESS);
                self.push_time(",\"ts\":", slice.start - self.origin);
                self.push_count(",\"name\":\"resident memory\",\"args\":{\"bytes\":", u64::from(last_kib) * 1_024);
                self.text.push_str("}}");
            }
        }
    }

    /// One end of the arrow from a slice's parent to the slice, right behind the event that it belongs to: Perfetto
    /// binds it to whatever began last on the track, also if that has ended meanwhile.
    fn push_arrow(&mut self, phase: &str, child: u32, slice: &Slice<'_>) {
        self.begin_event(phase, slice.track);
        if phase == "f" {
            self.text.push_str(",\"bp\":\"e\"");
        }
        self.push_time(",\"ts\":", slice.start - self.origin);
        self.push_count(",\"id\":", u64::from(child));
        self.text.push_str(",\"cat\":\"spawn\",\"name\":\"spawn\"}");
    }
}

/// Each slice that is drawn elsewhere than below its parent, behind that parent, in the order of the parents.
fn arrows(slices: &[Slice<'_>]) -> Vec<(u32, u32)> {
    let children = slices.iter().enumerate();
    let mut arrows: Vec<(u32, u32)> =
        children.filter_map(|(child, slice)| Some((slice.from?, child as u32))).collect();
    arrows.sort_unstable();
    arrows
}
