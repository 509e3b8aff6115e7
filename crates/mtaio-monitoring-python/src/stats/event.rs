//! What a monitor tells, and `Alert`.

use mtaio_monitoring::Alert;
use mtaio_monitoring::monitor::Event;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{NewestEvidence, joined, pressure};

/// `(kind, payload)`: the kind is `exceeded`, `cleared`, `raised` (payload: the fields of `Alert`, in its order),
/// `pressure` (payload: the number of the rule, and the fields of `PressureEvent`), or `log` (payload: one sentence).
pub(crate) fn event<'py>(
    py: Python<'py>,
    event: &Event,
    newest: &NewestEvidence,
) -> PyResult<Bound<'py, PyTuple>> {
    match event {
        Event::Exceeded(of) => ("exceeded", alert(py, of, newest)?).into_pyobject(py),
        Event::Cleared(of) => ("cleared", alert(py, of, newest)?).into_pyobject(py),
        Event::Raised(of) => ("raised", alert(py, of, newest)?).into_pyobject(py),
        Event::Pressure { rule, event } => ("pressure", (*rule, pressure::event(py, event)?)).into_pyobject(py),
        Event::NoData(message) | Event::Notice(message) | Event::Fault(message) => {
            ("log", message).into_pyobject(py)
        }
    }
}

fn alert<'py>(py: Python<'py>, alert: &Alert, newest: &NewestEvidence) -> PyResult<Bound<'py, PyTuple>> {
    let texts = PyDict::new(py);
    for (name, text) in &*alert.annotations {
        texts.set_item(&**name, &**text)?;
    }
    let labels = PyDict::new(py);
    for (label, value) in alert.labels.iter() {
        labels.set_item(label, value)?;
    }
    let evidence = alert.evidence.as_ref().map(|evidence| newest.tuple(py, evidence)).transpose()?;
    let fields = (
        alert.metric.as_deref(),
        alert.value,
        alert.threshold,
        &alert.message,
        alert.state.name(),
        alert.level.name(),
        alert.timestamp,
        alert.since,
        alert.peak,
        labels,
        alert.window_seconds,
        texts,
    )
        .into_pyobject(py)?;
    // Beyond the twelve that PyO3 makes a tuple of.
    joined(&[fields, (evidence,).into_pyobject(py)?])
}
