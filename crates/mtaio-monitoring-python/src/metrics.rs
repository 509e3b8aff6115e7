//! Declared metrics: the handles that a program records through, and labels and windows as Python gives them.

use mtaio_monitoring::metrics::catalogue::Kind;
use mtaio_monitoring::metrics::{Declaration, Labels, Summary};
use mtaio_monitoring::monitor::Bound;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyMapping, PyString, PyTuple};

use crate::arguments::{finite_or_infinite, metric_name};
use crate::errors::{exception, wrong_type};
use crate::monitor::MonitorBase;

/// What a caller gives.
type Given<'py> = pyo3::Bound<'py, PyAny>;

/// A metric, labels, and the monitor that is told when a threshold is crossed.
struct Handle {
    monitor: Py<MonitorBase>,
    bound: Bound,
}

impl Handle {
    fn record(&self, py: Python<'_>, value: &Given<'_>) -> PyResult<()> {
        let value = number(value)?;
        let monitor = self.monitor.bind(py);
        if monitor.get().core(py)?.record_bound(&self.bound, value) {
            monitor.call_method0("_mtaio_deliver")?;
        }
        Ok(())
    }

    fn move_by(&self, py: Python<'_>, difference: &Given<'_>) -> PyResult<()> {
        let difference = number(difference)?;
        let monitor = self.monitor.bind(py);
        if monitor.get().core(py)?.add_bound(&self.bound, difference) {
            monitor.call_method0("_mtaio_deliver")?;
        }
        Ok(())
    }

    fn labels(
        &self,
        py: Python<'_>,
        mapping: Option<&Given<'_>>,
        named: Option<&pyo3::Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut labels = labels(mapping)?;
        if let Some(named) = named {
            labels = labels.and(&self::labels(Some(named.as_any()))?);
        }
        let bound = self.bound.with_labels(&labels).map_err(|error| exception(py, &error))?;
        Ok(Self { monitor: self.monitor.clone_ref(py), bound })
    }

    fn text(&self, class: &str) -> String {
        format!("<{class} {}{}>", self.bound.name(), self.bound.labels())
    }
}

fn number(value: &Given<'_>) -> PyResult<f64> {
    value.cast_exact::<PyFloat>().map_or_else(|_| finite_or_infinite(value), |float| Ok(float.value()))
}

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident { $($methods:tt)* }) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "mtaio.monitoring")]
        pub(crate) struct $name(Handle);

        #[pymethods]
        impl $name {
            $($methods)*

            /// A handle of the series that has these labels beside its own: labels(route="/x").
            ///
            /// Make it once where the values are few and known: recording through it looks nothing up, and its series
            /// does not expire while it is held.
            ///
            /// Args:
            ///     mapping: Labels whose names are no identifiers of Python's: {"http.route": "/x"}.
            ///     labels: Labels by name. Values are strings, whole numbers or truth values.
            ///
            /// Raises:
            ///     TypeError: A value of another type.
            ///     ConfigurationError: A label without a name.
            #[pyo3(signature = (mapping = None, /, **labels))]
            fn labels(
                &self,
                py: Python<'_>,
                mapping: Option<&Given<'_>>,
                labels: Option<&pyo3::Bound<'_, PyDict>>,
            ) -> PyResult<Self> {
                Ok(Self(self.0.labels(py, mapping, labels)?))
            }

            /// The metric's name.
            #[getter]
            fn name(&self) -> &str {
                self.0.bound.name()
            }

            fn __repr__(&self) -> String {
                self.0.text(stringify!($name))
            }

            // A monitor whose attribute it is would else never be freed.
            #[allow(clippy::needless_pass_by_value, reason = "the signature that the slot has")]
            fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                visit.call(&self.0.monitor)
            }
        }
    };
}

handle! {
    /// A total that only grows, of one set of labels: what ``ResourceMonitor.counter`` gives.
    Counter {
        /// Adds to the total.
        ///
        /// Args:
        ///     value: The step, of the metric's unit. Below zero, NaN and infinities are dropped and counted
        ///         (``health().dropped_values``).
        ///
        /// Raises:
        ///     TypeError: It is no number.
        fn add(&self, py: Python<'_>, value: &Given<'_>) -> PyResult<()> {
            self.0.record(py, value)
        }
    }
}

handle! {
    /// A value that goes up and down, of one set of labels: what ``ResourceMonitor.gauge`` gives.
    Gauge {
        /// Sets the value.
        ///
        /// Args:
        ///     value: Of the metric's unit. NaN and infinities are dropped and counted (``health().dropped_values``).
        ///
        /// Raises:
        ///     TypeError: It is no number.
        fn set(&self, py: Python<'_>, value: &Given<'_>) -> PyResult<()> {
            self.0.record(py, value)
        }

        /// Moves the value, which is 0 at first, by so much.
        ///
        /// Args:
        ///     value: Up; or down, below zero. What is or would become no finite number is dropped and counted.
        ///
        /// Raises:
        ///     TypeError: It is no number.
        fn add(&self, py: Python<'_>, value: &Given<'_>) -> PyResult<()> {
            self.0.move_by(py, value)
        }
    }
}

handle! {
    /// Values of which the distribution is asked for, of one set of labels: what ``ResourceMonitor.histogram`` gives.
    Histogram {
        /// Counts a value in the distribution.
        ///
        /// Args:
        ///     value: Of the metric's unit. NaN and infinities are dropped and counted (``health().dropped_values``).
        ///
        /// Raises:
        ///     TypeError: It is no number.
        fn record(&self, py: Python<'_>, value: &Given<'_>) -> PyResult<()> {
            self.0.record(py, value)
        }
    }
}

fn numbers(given: &Given<'_>) -> PyResult<Vec<f64>> {
    let accepted = "a sequence of numbers";
    let items = given.try_iter().map_err(|_| wrong_type("bounds", accepted, given))?;
    // One that never ends is too long soon.
    items.take(1000).map(|item| number(&item?).map_err(|_| wrong_type("bounds", accepted, given))).collect()
}

/// Declares a metric of the monitor, and gives its handle.
pub(crate) fn declare<'py>(
    monitor: &pyo3::Bound<'py, MonitorBase>,
    kind: &str,
    (name, unit, help): (&Given<'py>, &Given<'py>, &Given<'py>),
    bounds: Option<&Given<'py>>,
) -> PyResult<Given<'py>> {
    let py = monitor.py();
    let kind = match kind {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        _ => Kind::Histogram,
    };
    let (name, unit, help) = (metric_name("name", name)?, metric_name("unit", unit)?, metric_name("help", help)?);
    let bounds = bounds.map(numbers).transpose()?;
    let declared = Declaration::new(kind, &unit, &help).and_then(|declaration| match &bounds {
        Some(bounds) => declaration.with_bounds(bounds),
        None => Ok(declaration),
    });
    let core = monitor.get().core(py)?;
    let bound =
        declared.and_then(|declared| core.declare_as(&name, declared)).map_err(|error| exception(py, &error))?;
    let handle = Handle { monitor: monitor.clone().unbind(), bound };
    Ok(match kind {
        Kind::Counter => pyo3::Bound::new(py, Counter(handle))?.into_any(),
        Kind::Gauge => pyo3::Bound::new(py, Gauge(handle))?.into_any(),
        _ => pyo3::Bound::new(py, Histogram(handle))?.into_any(),
    })
}

/// Labels of a mapping; none of None.
pub(crate) fn labels(mapping: Option<&Given<'_>>) -> PyResult<Labels> {
    let Some(given) = mapping else { return Ok(Labels::default()) };
    let accepted = "a mapping of names to values, such as {\"route\": \"/x\"}, or None";
    let mapping = given.cast::<PyMapping>().map_err(|_| wrong_type("labels", accepted, given))?;
    let mut pairs = Vec::new();
    for pair in mapping.items()?.iter() {
        let (name, value) = (pair.get_item(0)?, pair.get_item(1)?);
        let name = metric_name("the name of a label", &name)?;
        pairs.push((name, label_value(&value)?));
    }
    Ok(Labels::new(pairs))
}

fn label_value(value: &Given<'_>) -> PyResult<String> {
    const WHAT: &str = "the value of a label";
    if value.is_instance_of::<PyString>() {
        metric_name(WHAT, value)
    } else if let Ok(truth) = value.cast::<PyBool>() {
        // As OpenTelemetry writes it.
        Ok(if truth.is_true() { "true" } else { "false" }.to_owned())
    } else if value.is_instance_of::<PyInt>() {
        Ok(value.str()?.to_string())
    } else {
        Err(wrong_type(WHAT, "a string, a whole number or a truth value", value))
    }
}

/// The fields of MetricSummary.
pub(crate) fn summary<'py>(py: Python<'py>, summary: &Summary) -> PyResult<pyo3::Bound<'py, PyTuple>> {
    let quantile = |share| summary.sketch.quantile(share);
    let values = (
        summary.last,
        summary.count(),
        summary.sum(),
        summary.rate(),
        summary.mean(),
        summary.sketch.min,
        summary.sketch.max,
    )
        .into_pyobject(py)?;
    let shares = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999].map(quantile);
    let rest = PyTuple::new(py, shares)?;
    let seconds = (summary.seconds,).into_pyobject(py)?;
    let parts = [values, rest, seconds];
    PyTuple::new(py, parts.iter().flat_map(PyTupleMethods::iter).collect::<Vec<_>>())
}
