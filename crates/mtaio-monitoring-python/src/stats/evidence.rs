//! `Evidence`, and its text.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use mtaio_monitoring::SystemStats;
use mtaio_monitoring::alerts::{Evidence, ProcessEvidence, TraceEvidence};
use mtaio_monitoring::profiler::Status;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The newest evidence as a tuple: of a storm of alerts that share one, all get the same object.
#[derive(Default)]
pub(crate) struct NewestEvidence(ArcSwapOption<(Arc<Evidence>, Py<PyTuple>)>);

impl NewestEvidence {
    /// `(timestamp, sample, slowest_open, slowest_recent, biggest_processes, processes_age_seconds)`.
    pub(super) fn tuple<'py>(&self, py: Python<'py>, evidence: &Arc<Evidence>) -> PyResult<Bound<'py, PyTuple>> {
        if let Some(newest) = &*self.0.load()
            && Arc::ptr_eq(&newest.0, evidence)
        {
            return Ok(newest.1.bind(py).clone());
        }
        let tuple = fields(py, evidence)?;
        self.0.store(Some(Arc::new((Arc::clone(evidence), tuple.clone().unbind()))));
        Ok(tuple)
    }
}

fn fields<'py>(py: Python<'py>, evidence: &Evidence) -> PyResult<Bound<'py, PyTuple>> {
    (
        evidence.timestamp,
        evidence.sample.as_ref().map(|sample| super::stats(py, sample)).transpose()?,
        listed(py, &evidence.slowest_open, trace)?,
        listed(py, &evidence.slowest_recent, trace)?,
        listed(py, &evidence.biggest_processes, process)?,
        evidence.processes_age_seconds,
    )
        .into_pyobject(py)
}

fn listed<'py, T>(
    py: Python<'py>,
    items: &[T],
    one: impl Fn(Python<'py>, &T) -> PyResult<Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, items.iter().map(|item| one(py, item)).collect::<PyResult<Vec<_>>>()?)
}

fn trace<'py>(py: Python<'py>, trace: &TraceEvidence) -> PyResult<Bound<'py, PyTuple>> {
    (
        &*trace.name,
        trace.duration_seconds,
        trace.status.name(),
        trace.start_time,
        trace.trace_id,
        trace.parent_id,
        trace.task_name.as_deref(),
    )
        .into_pyobject(py)
}

fn process<'py>(py: Python<'py>, process: &ProcessEvidence) -> PyResult<Bound<'py, PyTuple>> {
    (
        process.pid,
        &process.name,
        process.is_own,
        process.rss_bytes,
        process.cpu_cores_used,
        process.cpu_window_seconds,
        process.cpu_is_lifetime_mean,
        process.threads,
    )
        .into_pyobject(py)
}

/// What the text needs of an `Evidence`.
#[derive(FromPyObject)]
struct Fields<'py> {
    timestamp: f64,
    sample: Option<Bound<'py, PyAny>>,
    slowest_open: Vec<TraceFields>,
    slowest_recent: Vec<TraceFields>,
    biggest_processes: Vec<ProcessFields>,
    processes_age_seconds: Option<f64>,
}

#[derive(FromPyObject)]
struct TraceFields {
    name: String,
    duration_seconds: f64,
    status: String,
    start_time: f64,
    task_name: Option<String>,
}

#[derive(FromPyObject)]
struct ProcessFields {
    pid: u32,
    name: String,
    is_own: bool,
    rss_bytes: Option<u64>,
    cpu_cores_used: Option<f64>,
    cpu_is_lifetime_mean: bool,
}

impl From<TraceFields> for TraceEvidence {
    fn from(fields: TraceFields) -> Self {
        let status = Status::ALL.into_iter().find(|status| status.name() == fields.status);
        Self {
            name: fields.name.into(),
            duration_seconds: fields.duration_seconds,
            status: status.unwrap_or_default(),
            start_time: fields.start_time,
            trace_id: 0,
            parent_id: None,
            task_name: fields.task_name,
        }
    }
}

impl From<ProcessFields> for ProcessEvidence {
    fn from(fields: ProcessFields) -> Self {
        Self {
            pid: fields.pid,
            name: fields.name,
            is_own: fields.is_own,
            rss_bytes: fields.rss_bytes,
            cpu_cores_used: fields.cpu_cores_used,
            cpu_is_lifetime_mean: fields.cpu_is_lifetime_mean,
            ..Self::default()
        }
    }
}

/// Of a sample, what the text needs.
fn sample(sample: &Bound<'_, PyAny>) -> PyResult<SystemStats> {
    let (cpu, memory, process) = (sample.getattr("cpu")?, sample.getattr("memory")?, sample.getattr("process")?);
    let mut stats = SystemStats { timestamp: sample.getattr("timestamp")?.extract()?, ..SystemStats::default() };
    stats.cpu.usage_percent = cpu.getattr("usage_percent")?.extract()?;
    stats.cpu.load_average =
        cpu.getattr("load_average")?.extract::<Option<Vec<f64>>>()?.and_then(|load| load.try_into().ok());
    stats.cpu.process_cores_used = cpu.getattr("process_cores_used")?.extract()?;
    stats.memory.percent = memory.getattr("percent")?.extract()?;
    stats.memory.used = memory.getattr("used")?.extract()?;
    stats.memory.total = memory.getattr("total")?.extract()?;
    if !process.is_none() {
        stats.process.rss_bytes = process.getattr("rss_bytes")?.extract()?;
    }
    Ok(stats)
}

/// An `Evidence` in a few lines.
#[pyfunction]
pub(crate) fn evidence_text(evidence: &Bound<'_, PyAny>) -> PyResult<String> {
    let fields: Fields<'_> = evidence.extract()?;
    let evidence = Evidence {
        timestamp: fields.timestamp,
        sample: fields.sample.as_ref().map(sample).transpose()?,
        slowest_open: fields.slowest_open.into_iter().map(Into::into).collect(),
        slowest_recent: fields.slowest_recent.into_iter().map(Into::into).collect(),
        biggest_processes: fields.biggest_processes.into_iter().map(Into::into).collect(),
        processes_age_seconds: fields.processes_age_seconds,
    };
    Ok(evidence.to_string())
}
