//! Statistics, health and alerts as tuples, in the order of the package's dataclasses.

use mtaio_monitoring::SystemStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

mod cpu;
mod event;
mod health;
mod io;
mod memory;
mod pressure;

pub(crate) use event::event;
pub(crate) use health::health;

/// `(timestamp, cpu, memory, io, elapsed_seconds, sequence, gap, pressure, container_pressure)`.
pub(crate) fn stats<'py>(py: Python<'py>, stats: &SystemStats) -> PyResult<Bound<'py, PyTuple>> {
    (
        stats.timestamp,
        cpu::cpu(py, &stats.cpu)?,
        memory::memory(py, &stats.memory)?,
        io::io(py, &stats.io)?,
        stats.elapsed_seconds,
        stats.sequence,
        stats.gap,
        pressure::pressure(py, &stats.pressure)?,
        pressure::pressure(py, &stats.container_pressure)?,
    )
        .into_pyobject(py)
}

fn joined<'py>(parts: &[Bound<'py, PyTuple>]) -> PyResult<Bound<'py, PyTuple>> {
    let py = parts[0].py();
    PyTuple::new(py, parts.iter().flat_map(PyTupleMethods::iter).collect::<Vec<_>>())
}
