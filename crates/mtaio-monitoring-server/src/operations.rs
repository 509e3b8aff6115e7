//! What a profiler knows of each operation, and the slowest traces: a few kilobytes, where a profile is megabytes.

use mtaio_monitoring::profiler::{Profile, Trace};
use serde_json::{Value, json};

/// Operations in one answer, those of the most time, and traces.
const MOST_OPERATIONS: usize = 200;
const MOST_TRACES: usize = 20;

/// Bytes of a name: longer ones are cut.
const MOST_NAME: usize = 256;

pub(crate) fn operations_json(profile: &Profile) -> Value {
    let mut operations: Vec<_> = profile.metrics_by_name().into_iter().collect();
    let all = operations.len();
    operations.sort_by(|(_, one), (_, other)| other.total_time.total_cmp(&one.total_time));
    operations.truncate(MOST_OPERATIONS);
    let shown = operations.into_iter().map(|(name, metrics)| {
        json!({
            "name": cut(&name), "count": metrics.call_count, "total": metrics.total_time, "mean": metrics.avg_time,
            "min": metrics.min_time, "max": metrics.max_time, "errors": metrics.error_count,
            "p50": metrics.percentiles.get(&50), "p90": metrics.percentiles.get(&90),
            "p99": metrics.percentiles.get(&99),
        })
    });
    json!({
        "operations": shown.collect::<Vec<_>>(), "operations_total": all,
        "slowest": slowest(profile).iter().map(trace_json).collect::<Vec<_>>(),
    })
}

/// Open ones among them: what hangs is the slowest of all.
fn slowest(profile: &Profile) -> Vec<Trace<'_>> {
    let mut slowest: Vec<Trace<'_>> = Vec::with_capacity(2 * MOST_TRACES);
    for trace in profile.traces().chain(profile.open_traces()) {
        slowest.push(trace);
        if slowest.len() == 2 * MOST_TRACES {
            longest_first(&mut slowest);
        }
    }
    longest_first(&mut slowest);
    slowest
}

fn longest_first(traces: &mut Vec<Trace<'_>>) {
    traces.sort_by(|one, other| other.duration().total_cmp(&one.duration()));
    traces.truncate(MOST_TRACES);
}

fn trace_json(trace: &Trace<'_>) -> Value {
    json!({
        "name": cut(trace.name()), "trace_id": trace.trace_id(), "started": trace.start_time(),
        "duration": trace.duration(), "run": trace.run_time(), "status": trace.status().name(),
    })
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(MOST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
