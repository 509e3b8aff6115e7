//! Statistics, health and alerts as tuples, in the order of the package's dataclasses.

use mtaio_monitoring::SystemStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

mod container;
mod cpu;
mod devices;
mod event;
mod evidence;
mod health;
mod host;
mod io;
mod memory;
mod monitor;
mod pressure;
mod process;
mod tree;

pub(crate) use event::event;
pub(crate) use evidence::{NewestEvidence, evidence_text};
pub(crate) use health::health;

/// `(timestamp, cpu, memory, io, elapsed_seconds, sequence, gap, network, space, filesystems, host, container,
/// process, tree, monitor, pressure, container_pressure)`.
pub(crate) fn stats<'py>(py: Python<'py>, stats: &SystemStats) -> PyResult<Bound<'py, PyTuple>> {
    let reference = (
        stats.timestamp,
        cpu::cpu(py, &stats.cpu)?,
        memory::memory(py, &stats.memory)?,
        io::io(py, &stats.io)?,
        stats.elapsed_seconds,
        stats.sequence,
        stats.gap,
    )
        .into_pyobject(py)?;
    let sections = (
        host::network(py, &stats.network)?,
        host::space(py, &stats.space)?,
        devices::listed(py, stats.filesystems.as_deref(), devices::filesystem)?,
        host::host(py, &stats.host)?,
        container::container(py, &stats.container)?,
        process::process(py, &stats.process)?,
        tree::tree(py, &stats.tree)?,
        monitor::monitor(py, &stats.monitor)?,
        pressure::pressure(py, &stats.pressure)?,
        pressure::pressure(py, &stats.container_pressure)?,
    )
        .into_pyobject(py)?;
    joined(&[reference, sections])
}

fn joined<'py>(parts: &[Bound<'py, PyTuple>]) -> PyResult<Bound<'py, PyTuple>> {
    let py = parts[0].py();
    PyTuple::new(py, parts.iter().flat_map(PyTupleMethods::iter).collect::<Vec<_>>())
}
