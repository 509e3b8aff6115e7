//! `NativeProfile`: a profile of the core, read by the skin's dataclasses when somebody looks.

use std::path::PathBuf;

use mtaio_monitoring::profiler::{Metadata, Profile, ProfileMetrics, Task, Trace};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::Value;

use super::Attached;
use super::included::Missing;
use crate::errors::exception;

/// What a profiler had recorded at one moment.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct NativeProfile {
    profile: Profile,
    missing: Missing,
}

impl NativeProfile {
    pub(super) fn new(profile: Profile, missing: Missing) -> Self {
        Self { profile, missing }
    }
}

#[pymethods]
impl NativeProfile {
    #[getter]
    fn total_time(&self) -> f64 {
        self.profile.total_time()
    }

    #[getter]
    fn start_time(&self) -> Option<f64> {
        self.profile.start_time()
    }

    #[getter]
    fn end_time(&self) -> Option<f64> {
        self.profile.end_time()
    }

    #[getter]
    fn let_go(&self) -> u64 {
        self.profile.let_go()
    }

    #[getter]
    fn dropped(&self) -> u64 {
        self.profile.dropped()
    }

    /// Included profilers whose part is not in it, each with the reason.
    #[getter]
    fn missing(&self) -> Missing {
        self.missing.clone()
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.profile.names().iter().map(ToString::to_string).collect()
    }

    fn __len__(&self) -> usize {
        self.profile.traces().len()
    }

    /// Finished traces (or open ones), each made by `make` from its fields in the order of the dataclass.
    fn traces<'py>(&self, py: Python<'py>, open: bool, make: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let traces = if open { self.profile.open_traces() } else { self.profile.traces() };
        let list = PyList::empty(py);
        for trace in traces {
            list.append(make.call1(fields_of(py, trace)?)?)?;
        }
        Ok(list)
    }

    /// Tasks that were spawned inside a trace.
    fn tasks<'py>(&self, py: Python<'py>, make: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for task in self.profile.tasks() {
            list.append(make.call1(task_fields(py, task)?)?)?;
        }
        Ok(list)
    }

    /// The fields of the metrics of a name, or of all.
    #[pyo3(signature = (name=None))]
    fn metrics<'py>(&self, py: Python<'py>, name: Option<&str>) -> PyResult<Bound<'py, PyTuple>> {
        let metrics: ProfileMetrics = py.detach(|| self.profile.metrics(name));
        let percentiles = PyDict::new(py);
        for (percentile, seconds) in &metrics.percentiles {
            percentiles.set_item(percentile, seconds)?;
        }
        let run_time = (metrics.run_count > 0).then_some(metrics.run_time);
        let wait_time = (metrics.run_count > 0).then_some(metrics.wait_time);
        let ProfileMetrics { total_time, avg_time, min_time, max_time, call_count, .. } = metrics;
        let ProfileMetrics { memory_total, memory_avg, error_count, .. } = metrics;
        let first = (total_time, avg_time, min_time, max_time, call_count, memory_total, memory_avg, percentiles);
        let (a, b, c, d, e, f, g, h) = first;
        (a, b, c, d, e, f, g, h, run_time, wait_time, error_count).into_pyobject(py)
    }

    /// In one of the formats.
    fn export(&self, py: Python<'_>, format: &str) -> PyResult<String> {
        let profile = self.profile.clone();
        let format = format.to_owned();
        let exported = py.detach(move || Ok(profile.export(format.parse()?)));
        exported.map_err(|error| exception(py, &error))
    }

    /// In the format of that name, or else in the one that the path's suffix names.
    fn save(&self, py: Python<'_>, path: PathBuf, format: Option<String>) -> PyResult<()> {
        let profile = self.profile.clone();
        let saved = py.detach(move || match format {
            Some(format) => profile.save_as(&path, format.parse()?),
            None => profile.save(&path),
        });
        saved.map_err(|error| exception(py, &error))
    }

    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let profile = py.detach(move || Profile::load(&path)).map_err(|error| exception(py, &error))?;
        Ok(Self { profile, missing: Missing::new() })
    }

    fn text(&self, py: Python<'_>) -> String {
        py.detach(|| self.profile.to_string())
    }

    fn notebook(&self, py: Python<'_>) -> String {
        py.detach(|| self.profile.notebook())
    }

    /// What changed from this one to the other: the rows of it, and its text.
    fn diff<'py>(&self, py: Python<'py>, other: &Self) -> PyResult<Bound<'py, PyTuple>> {
        let difference = py.detach(|| self.profile.diff(&other.profile));
        let rows = PyList::empty(py);
        for row in difference.rows() {
            let (before, after) = (row.before.as_ref(), row.after.as_ref());
            let side = |metrics: Option<&ProfileMetrics>| {
                metrics.map(|metrics| {
                    let percentile = |percentile| metrics.percentiles.get(&percentile).copied();
                    (metrics.call_count, metrics.total_time, metrics.avg_time, percentile(50), percentile(99))
                })
            };
            rows.append((&*row.name, side(before), side(after)))?;
        }
        (rows, difference.to_string()).into_pyobject(py)
    }
}

/// In the order of `ProfileTrace`'s fields.
fn fields_of<'py>(py: Python<'py>, trace: Trace<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let attached = trace.attachment().and_then(|attachment| attachment.as_any().downcast_ref::<Attached>());
    let metadata = match attached {
        Some(Attached { metadata: Some(metadata), .. }) => metadata.bind(py).call_method0("copy")?,
        _ => as_dict(py, &trace.metadata())?,
    };
    let task = trace.task();
    let fields: [Bound<'py, PyAny>; 16] = [
        PyString::new(py, trace.name()).into_any(),
        PyFloat::new(py, trace.start_time()).into_any(),
        PyFloat::new(py, trace.end_time()).into_any(),
        metadata,
        trace.stack_trace().into_pyobject(py)?,
        trace.memory_start().into_pyobject(py)?.into_any(),
        trace.memory_end().into_pyobject(py)?.into_any(),
        trace.trace_id().into_pyobject(py)?.into_any(),
        trace.parent_id().into_pyobject(py)?,
        trace.task_id().into_pyobject(py)?,
        task.map(|task| task.name()).into_pyobject(py)?,
        trace.thread().map(|thread| thread.id).into_pyobject(py)?,
        PyString::intern(py, trace.status().name()).into_any(),
        trace.error().into_pyobject(py)?,
        trace.run_time().into_pyobject(py)?,
        trace.wait_time().into_pyobject(py)?,
    ];
    PyTuple::new(py, fields)
}

/// In the order of `ProfileTask`'s fields.
fn task_fields<'py>(py: Python<'py>, task: Task<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
    let (start, end) = (task.start_ns(), task.end_ns());
    let lifetime = end.saturating_sub(start);
    (
        task.task_id(),
        task.name(),
        task.coroutine(),
        task.created_at(),
        task.parent_id(),
        seconds(start),
        seconds(start) + seconds(lifetime),
        task.status().name(),
        seconds(task.run_ns()),
        seconds(lifetime.saturating_sub(task.run_ns())),
        task.steps(),
    )
        .into_pyobject(py)
}

fn as_dict<'py>(py: Python<'py>, metadata: &Metadata) -> PyResult<Bound<'py, PyAny>> {
    let dict = PyDict::new(py);
    for (name, value) in metadata {
        dict.set_item(name, as_object(py, value)?)?;
    }
    Ok(dict.into_any())
}

fn as_object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any(),
            (None, None) => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(values) => {
            let list = PyList::empty(py);
            for value in values {
                list.append(as_object(py, value)?)?;
            }
            list.into_any()
        }
        Value::Object(fields) => as_dict(py, fields)?,
    })
}

/// How deep values may lie in each other; what is deeper is shown as text.
const DEEPEST: usize = 16;

/// A dict as JSON: whatever JSON does not have is shown as its `repr`.
pub(super) fn as_json_object(dict: &Bound<'_, PyAny>) -> Metadata {
    match as_json(dict, DEEPEST) {
        Value::Object(fields) => fields,
        _ => Metadata::new(),
    }
}

fn as_json(object: &Bound<'_, PyAny>, depth: usize) -> Value {
    if object.is_none() {
        return Value::Null;
    }
    if let Ok(value) = object.cast_exact::<PyBool>() {
        return Value::Bool(value.is_true());
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Value::String(text.to_string_lossy().into_owned());
    }
    if object.is_instance_of::<PyInt>() {
        if let Ok(number) = object.extract::<i64>() {
            return number.into();
        }
        if let Ok(number) = object.extract::<u64>() {
            return number.into();
        }
    }
    if let Ok(number) = object.cast::<PyFloat>()
        && let Some(number) = serde_json::Number::from_f64(number.value())
    {
        return Value::Number(number);
    }
    if depth > 0 {
        if let Ok(dict) = object.cast::<PyDict>() {
            // A copy: a `repr` below may change the dict.
            let items = dict.items();
            let item = |item: Bound<'_, PyAny>| {
                let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract().ok()?;
                Some((text_of(&name), as_json(&value, depth - 1)))
            };
            return Value::Object(items.iter().filter_map(item).collect());
        }
        if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
            let values = object.try_iter().map(|values| values.flatten().collect::<Vec<_>>());
            return Value::Array(
                values.unwrap_or_default().iter().map(|value| as_json(value, depth - 1)).collect(),
            );
        }
    }
    Value::String(match object.repr() {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => "?".to_owned(),
    })
}

fn text_of(object: &Bound<'_, PyAny>) -> String {
    object.str().map_or_else(|_| "?".to_owned(), |text| text.to_string_lossy().into_owned())
}
