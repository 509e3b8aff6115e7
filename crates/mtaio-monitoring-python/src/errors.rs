//! The core's errors as the package's exceptions: one total match.

use mtaio_monitoring::MonitoringError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The package's exceptions are Python classes, since Rust cannot make one with two bases.
struct Exceptions {
    monitoring: Py<PyType>,
    configuration: Py<PyType>,
    configuration_type: Py<PyType>,
    unknown_metric: Py<PyType>,
    profiler: Py<PyType>,
}

static EXCEPTIONS: PyOnceLock<Exceptions> = PyOnceLock::new();

fn exceptions(py: Python<'_>) -> PyResult<&Exceptions> {
    EXCEPTIONS.get_or_try_init(py, || {
        let module = py.import("mtaio.monitoring._errors")?;
        let class = |name| -> PyResult<Py<PyType>> { Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind()) };
        Ok(Exceptions {
            monitoring: class("MonitoringError")?,
            configuration: class("ConfigurationError")?,
            configuration_type: class("ConfigurationTypeError")?,
            unknown_metric: class("UnknownMetricError")?,
            profiler: class("ProfilerError")?,
        })
    })
}

/// The exception for an error of the core.
pub(crate) fn exception(py: Python<'_>, error: &MonitoringError) -> PyErr {
    let message = error.to_string();
    match exceptions(py) {
        Err(import) => import,
        Ok(classes) => {
            let class = match error {
                MonitoringError::Configuration(_) => &classes.configuration,
                MonitoringError::UnknownMetric(_) => &classes.unknown_metric,
                MonitoringError::Profile(_) => &classes.profiler,
                _ => &classes.monitoring,
            };
            PyErr::from_type(class.bind(py).clone(), message)
        }
    }
}

/// The exception for an argument of a type that cannot be used.
pub(crate) fn wrong_type(argument: &str, accepted: &str, given: &Bound<'_, PyAny>) -> PyErr {
    let py = given.py();
    let type_name = given.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let text = given.repr().map_or_else(|_| String::new(), |repr| format!(" {repr}"));
    let short: String = text.chars().take(100).collect();
    let message = format!("{argument} must be {accepted}, got {type_name}{short}");
    match exceptions(py) {
        Err(import) => import,
        Ok(classes) => PyErr::from_type(classes.configuration_type.bind(py).clone(), message),
    }
}

/// The exception for what a profiler was asked for and cannot do.
pub(crate) fn profiler_error(py: Python<'_>, message: &str) -> PyErr {
    match exceptions(py) {
        Err(import) => import,
        Ok(classes) => PyErr::from_type(classes.profiler.bind(py).clone(), message.to_owned()),
    }
}

/// The exception for a monitor whose subclass never called `super().__init__()`.
pub(crate) fn not_initialised(py: Python<'_>) -> PyErr {
    let message = "this monitor was not initialised: its __init__ must call super().__init__() first";
    match exceptions(py) {
        Err(import) => import,
        Ok(classes) => PyErr::from_type(classes.monitoring.bind(py).clone(), message),
    }
}
