//! `MonitorStats`.

use mtaio_monitoring::MonitorStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

pub(super) fn monitor<'py>(py: Python<'py>, monitor: &MonitorStats) -> PyResult<Bound<'py, PyTuple>> {
    (monitor.cpu_percent, monitor.late_seconds, monitor.missed_ticks, monitor.failed_reads, monitor.sample_seconds)
        .into_pyobject(py)
}
