//! `IOStats`.

use mtaio_monitoring::IoStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{devices, joined};

pub(super) fn io<'py>(py: Python<'py>, io: &IoStats) -> PyResult<Bound<'py, PyTuple>> {
    let reference = PyTuple::new(py, [io.read_bytes, io.write_bytes, io.read_count, io.write_count])?;
    let rates = PyTuple::new(
        py,
        [
            io.read_bytes_per_second,
            io.write_bytes_per_second,
            io.read_count_per_second,
            io.write_count_per_second,
            io.read_latency_seconds,
            io.write_latency_seconds,
            io.utilisation_percent,
        ],
    )?;
    let devices = devices::listed(py, io.devices.as_deref(), devices::disk)?;
    joined(&[reference, rates, (devices,).into_pyobject(py)?])
}
