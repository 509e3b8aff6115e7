//! What a monitor tells, and `Alert`.

use mtaio_monitoring::Alert;
use mtaio_monitoring::monitor::Event;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::pressure;

/// `(kind, payload)`: the kind is `exceeded`, `cleared`, `raised` (payload: the fields of `Alert`, in its order),
/// `pressure` (payload: the number of the rule, and the fields of `PressureEvent`), or `log` (payload: one sentence).
pub(crate) fn event<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyTuple>> {
    match event {
        Event::Exceeded(of) => ("exceeded", alert(py, of)?).into_pyobject(py),
        Event::Cleared(of) => ("cleared", alert(py, of)?).into_pyobject(py),
        Event::Raised(of) => ("raised", alert(py, of)?).into_pyobject(py),
        Event::Pressure { rule, event } => ("pressure", (*rule, pressure::event(py, event)?)).into_pyobject(py),
        Event::NoData(message) | Event::Notice(message) | Event::Fault(message) => {
            ("log", message).into_pyobject(py)
        }
    }
}

fn alert<'py>(py: Python<'py>, alert: &Alert) -> PyResult<Bound<'py, PyTuple>> {
    let texts = PyDict::new(py);
    for (name, text) in &*alert.annotations {
        texts.set_item(&**name, &**text)?;
    }
    let labels = PyDict::new(py);
    for (label, value) in alert.labels.iter() {
        labels.set_item(label, value)?;
    }
    (
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
        .into_pyobject(py)
}
