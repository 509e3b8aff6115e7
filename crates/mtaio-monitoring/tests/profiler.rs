//! Traces under concurrency, as readable pictures and as a property over random programs.

mod attribute;
mod interleavings;
mod joined;
#[cfg(feature = "tracing-layer")]
mod layer;
mod metrics;
mod programs;
mod slowest;
mod tree;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mtaio_monitoring::profiler::{Profile, Trace};

/// Everything that a profile holds, as an indented tree: `name status`, children in the order in which they began.
pub(crate) fn picture(profile: &Profile) -> String {
    let mut children: BTreeMap<Option<u64>, Vec<Trace<'_>>> = BTreeMap::new();
    let mut traces: Vec<Trace<'_>> = profile.traces().chain(profile.open_traces()).collect();
    traces.sort_by_key(|trace| (trace.start_ns(), trace.trace_id()));
    for trace in traces {
        children.entry(trace.parent_id()).or_default().push(trace);
    }
    let mut text = String::new();
    draw(&children, None, 0, &mut text);
    text
}

fn draw(children: &BTreeMap<Option<u64>, Vec<Trace<'_>>>, parent: Option<u64>, depth: usize, text: &mut String) {
    for trace in children.get(&parent).into_iter().flatten() {
        writeln!(text, "{}{} {}", "  ".repeat(depth), trace.name(), trace.status().name()).unwrap();
        draw(children, Some(trace.trace_id()), depth + 1, text);
    }
}

/// The profile looks like this.
pub(crate) fn check(profile: &Profile, expected: &str) {
    let expected: String =
        expected.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("{line}\n")).collect();
    assert_eq!(picture(profile), expected);
}
