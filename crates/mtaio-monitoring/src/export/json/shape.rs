//! What a saved profile looks like, field by field. Strings are borrowed from the file where they hold no escape, and
//! fields that are not known are passed over: a later release may add some.

use std::borrow::Cow;

use serde::Deserialize;

use crate::profiler::Metadata;

#[derive(Deserialize)]
pub(super) struct File<'a> {
    #[serde(borrow)]
    pub(super) format: Cow<'a, str>,
    pub(super) version: u64,
    pub(super) origin_ns: u64,
    pub(super) taken_ns: u64,
    pub(super) first_start_ns: Option<u64>,
    pub(super) last_end_ns: Option<u64>,
    pub(super) let_go: u64,
    pub(super) dropped: u64,
    #[serde(borrow)]
    pub(super) threads: Vec<Thread<'a>>,
    #[serde(borrow)]
    pub(super) tasks: Vec<Task<'a>>,
    #[serde(borrow)]
    pub(super) let_go_sums: Vec<NamedSum<'a>>,
    #[serde(borrow)]
    pub(super) open_traces: Vec<Trace<'a>>,
    #[serde(borrow)]
    pub(super) traces: Vec<Trace<'a>>,
}

/// What tells what a file is, whatever else it holds.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) format: Option<serde_json::Value>,
    pub(super) version: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(super) struct Thread<'a> {
    pub(super) number: u32,
    pub(super) id: u64,
    #[serde(default, borrow)]
    pub(super) name: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Task<'a> {
    pub(super) id: u32,
    #[serde(default)]
    pub(super) parent: u64,
    #[serde(default)]
    pub(super) outer_parent: u64,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) coroutine: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) created_at: Option<Cow<'a, str>>,
    pub(super) start_ns: u64,
    pub(super) duration_ns: Option<u64>,
    #[serde(default)]
    pub(super) run_ns: u64,
    #[serde(default)]
    pub(super) steps: u32,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Trace<'a> {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) parent: u64,
    #[serde(default)]
    pub(super) outer_parent: u64,
    #[serde(default)]
    pub(super) outer_task: u32,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) start_ns: u64,
    pub(super) duration_ns: u64,
    pub(super) run_ns: Option<u64>,
    #[serde(default)]
    pub(super) task: u32,
    #[serde(default)]
    pub(super) memory_start_kib: u32,
    #[serde(default)]
    pub(super) memory_end_kib: u32,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) error: Option<Cow<'a, str>>,
    pub(super) metadata: Option<Box<Metadata>>,
    pub(super) stack_trace: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct NamedSum<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) count: u64,
    pub(super) total_seconds: f64,
    pub(super) min_seconds: f64,
    pub(super) max_seconds: f64,
    pub(super) run_seconds: f64,
    pub(super) run_duration_seconds: f64,
    pub(super) run_count: u64,
    pub(super) memory_bytes: i64,
    pub(super) errors: u64,
    pub(super) durations: Durations,
}

#[derive(Deserialize)]
pub(super) struct Durations {
    pub(super) scale: i32,
    pub(super) zero_count: u64,
    pub(super) sum: f64,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) positive: Option<Side>,
    pub(super) negative: Option<Side>,
}

#[derive(Deserialize)]
pub(super) struct Side {
    pub(super) offset: i32,
    pub(super) counts: Vec<u64>,
}
