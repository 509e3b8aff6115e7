//! The whole profile as JSON: one line a trace, and every name written out, so that `grep`, `jq` and a data frame read it
//! without knowing us. What is 0, unknown or empty is left out.
//!
//! Times are nanoseconds since `origin_ns`, which itself is one since the epoch: numbers above 2^53 lose their last
//! digits in every reader whose numbers are doubles. [`reading`] reads it back.

mod reading;
mod shape;

use crate::metrics::{Buckets, SketchSnapshot};
use crate::profiler::{NameId, Profile, Record, Status, Sum, TaskRecord, Trace};

use super::json_text::{push_float, push_metadata, push_number, push_string};

/// What the file calls itself.
const FORMAT: &str = "mtaio-profile";

/// The version of the file that this writes, and the only one that it reads.
const VERSION: u64 = 1;

/// The profile.
pub(super) fn write(profile: &Profile) -> String {
    let data = &*profile.data;
    let origin = origin(profile);
    let mut text = String::with_capacity(1_024 + 160 * (data.records.len() + data.open.len()));
    text.push_str("{\"format\":");
    push_string(&mut text, FORMAT);
    push_field(&mut text, ",\n\"version\":", VERSION);
    text.push_str(",\n\"generator\":");
    push_string(&mut text, concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")));
    push_field(&mut text, ",\n\"origin_ns\":", origin);
    push_field(&mut text, ",\n\"taken_ns\":", data.taken_ns - origin);
    if let Some((start, end)) = data.span_ns {
        push_field(&mut text, ",\n\"first_start_ns\":", start - origin);
        push_field(&mut text, ",\n\"last_end_ns\":", end - origin);
    }
    push_field(&mut text, ",\n\"let_go\":", data.let_go);
    push_field(&mut text, ",\n\"dropped\":", data.dropped);
    push_lines(&mut text, "threads", &data.threads, |text, thread| {
        push_field(text, "{\"number\":", thread.number);
        push_field(text, ",\"id\":", thread.id);
        push_optional_string(text, ",\"name\":", &thread.name);
        text.push('}');
    });
    push_lines(&mut text, "tasks", &data.tasks, |text, task| push_task(text, profile, task, origin));
    push_lines(&mut text, "let_go_sums", &data.sums, |text, (name, sum)| push_sum(text, name, sum));
    let names = Names::of(profile);
    push_lines(&mut text, "open_traces", profile.open_traces(), |text, trace| {
        push_trace(text, &names, trace, origin);
    });
    push_lines(&mut text, "traces", profile.traces(), |text, trace| push_trace(text, &names, trace, origin));
    text.push_str("}\n");
    text
}

/// The earliest time that the profile names.
fn origin(profile: &Profile) -> u64 {
    let data = &*profile.data;
    let starts = data.records.iter().chain(&data.open).map(|record| record.start);
    let tasks = data.tasks.iter().map(|task| task.start);
    let span = data.span_ns.into_iter().flat_map(|(start, end)| [start, end]);
    starts.chain(tasks).chain(span).chain([data.taken_ns]).min().unwrap_or_default()
}

/// Every name of the table, as JSON has it.
struct Names(Vec<String>);

impl Names {
    fn of(profile: &Profile) -> Self {
        let quoted = |name: &std::sync::Arc<str>| {
            let mut quoted = String::new();
            push_string(&mut quoted, name);
            quoted
        };
        Self(profile.data.names.iter().map(quoted).collect())
    }

    fn get(&self, name: NameId) -> &str {
        self.0.get(name.0 as usize).or_else(|| self.0.first()).map_or("\"\"", |name| name)
    }
}

/// A field that holds a list, one item a line.
fn push_lines<T>(
    text: &mut String,
    field: &str,
    items: impl IntoIterator<Item = T>,
    push: impl Fn(&mut String, T),
) {
    text.push_str(",\n\"");
    text.push_str(field);
    text.push_str("\":[");
    let mut is_first = true;
    for item in items {
        text.push_str(if is_first { "\n" } else { ",\n" });
        is_first = false;
        push(text, item);
    }
    text.push(']');
}

fn push_field(text: &mut String, field: &str, number: impl itoa::Integer) {
    text.push_str(field);
    push_number(text, number);
}

/// A field that is left out where it is 0.
fn push_count(text: &mut String, field: &str, number: u64) {
    if number > 0 {
        push_field(text, field, number);
    }
}

/// A field that is left out where it is empty.
fn push_optional_string(text: &mut String, field: &str, string: &str) {
    if !string.is_empty() {
        text.push_str(field);
        push_string(text, string);
    }
}

fn push_trace(text: &mut String, names: &Names, trace: Trace<'_>, origin: u64) {
    let record: &Record = trace.record();
    push_field(text, "{\"id\":", record.id);
    push_count(text, ",\"parent\":", record.parent);
    if let Some(outer) = trace.outer() {
        push_count(text, ",\"outer_parent\":", outer.trace);
        push_count(text, ",\"outer_task\":", u64::from(outer.task));
    }
    text.push_str(",\"name\":");
    text.push_str(names.get(record.name));
    push_field(text, ",\"start_ns\":", record.start - origin);
    push_field(text, ",\"duration_ns\":", record.duration());
    if let Some(run) = record.run() {
        push_field(text, ",\"run_ns\":", run);
    }
    push_count(text, ",\"task\":", u64::from(record.task));
    push_count(text, ",\"memory_start_kib\":", u64::from(record.memory_start_kib));
    push_count(text, ",\"memory_end_kib\":", u64::from(record.memory_end_kib));
    push_status(text, record.status);
    if record.extra != 0 {
        if let Some(error) = trace.error() {
            text.push_str(",\"error\":");
            push_string(text, error);
        }
        let metadata = trace.metadata();
        if !metadata.is_empty() {
            text.push_str(",\"metadata\":");
            push_metadata(text, &metadata);
        }
        if let Some(stack) = trace.stack_trace() {
            text.push_str(",\"stack_trace\":");
            push_string(text, &stack);
        }
    }
    text.push('}');
}

fn push_status(text: &mut String, status: Status) {
    text.push_str(",\"status\":\"");
    text.push_str(status.name());
    text.push('"');
}

fn push_task(text: &mut String, profile: &Profile, task: &TaskRecord, origin: u64) {
    let name = |name: NameId| profile.data.name(name);
    push_field(text, "{\"id\":", task.id);
    push_count(text, ",\"parent\":", task.parent);
    push_count(text, ",\"outer_parent\":", task.outer);
    text.push_str(",\"name\":");
    push_string(text, &task.name);
    text.push_str(",\"coroutine\":");
    push_string(text, name(task.coroutine));
    if task.created_at != NameId::OVERFLOW {
        text.push_str(",\"created_at\":");
        push_string(text, name(task.created_at));
    }
    push_field(text, ",\"start_ns\":", task.start - origin);
    if task.end != 0 {
        push_field(text, ",\"duration_ns\":", task.end.saturating_sub(task.start));
    }
    push_count(text, ",\"run_ns\":", task.run);
    push_count(text, ",\"steps\":", u64::from(task.steps));
    push_status(text, task.status);
    text.push('}');
}

fn push_sum(text: &mut String, name: &str, sum: &Sum) {
    text.push_str("{\"name\":");
    push_string(text, name);
    push_field(text, ",\"count\":", sum.count);
    let seconds = [
        (",\"total_seconds\":", sum.total),
        (",\"min_seconds\":", sum.min),
        (",\"max_seconds\":", sum.max),
        (",\"run_seconds\":", sum.run),
        (",\"run_duration_seconds\":", sum.run_duration),
    ];
    for (field, value) in seconds {
        text.push_str(field);
        push_float(text, value);
    }
    push_field(text, ",\"run_count\":", sum.run_count);
    push_field(text, ",\"memory_bytes\":", sum.memory);
    push_field(text, ",\"errors\":", sum.errors);
    text.push_str(",\"durations\":");
    push_sketch(text, &sum.sketch);
    text.push('}');
}

fn push_sketch(text: &mut String, sketch: &SketchSnapshot) {
    push_field(text, "{\"scale\":", sketch.scale);
    push_field(text, ",\"zero_count\":", sketch.zero_count);
    text.push_str(",\"sum\":");
    push_float(text, sketch.sum);
    for (field, extreme) in [(",\"min\":", sketch.min), (",\"max\":", sketch.max)] {
        if let Some(extreme) = extreme {
            text.push_str(field);
            push_float(text, extreme);
        }
    }
    // No duration is negative, but a sketch may hold such values, and a file of ours tells all that it was given.
    let sides = [("positive", &sketch.positive), ("negative", &sketch.negative)];
    for (field, buckets) in sides.into_iter().filter(|(_, buckets)| !buckets.counts.is_empty()) {
        text.push_str(",\"");
        text.push_str(field);
        push_buckets(text, buckets);
    }
    text.push('}');
}

fn push_buckets(text: &mut String, buckets: &Buckets) {
    push_field(text, "\":{\"offset\":", buckets.offset);
    text.push_str(",\"counts\":[");
    for (place, count) in buckets.counts.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        push_number(text, *count);
    }
    text.push_str("]}");
}
