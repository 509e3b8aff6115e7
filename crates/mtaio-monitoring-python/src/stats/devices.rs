//! `CoreStats`, `DiskStats`, `InterfaceStats`, `FilesystemStats`: what there is one of for each, as lists of tuples.

use mtaio_monitoring::{CoreStats, DiskStats, FilesystemStats, InterfaceStats};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::joined;

/// A list of what `one` makes of each, or None.
pub(super) fn listed<'py, T>(
    py: Python<'py>,
    items: Option<&[T]>,
    one: impl Fn(Python<'py>, &T) -> PyResult<Bound<'py, PyTuple>>,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let Some(items) = items else { return Ok(None) };
    let tuples = items.iter().map(|item| one(py, item)).collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, tuples).map(Some)
}

pub(super) fn core<'py>(py: Python<'py>, core: &CoreStats) -> PyResult<Bound<'py, PyTuple>> {
    (
        core.number,
        core.usage_percent,
        core.user_percent,
        core.nice_percent,
        core.system_percent,
        core.idle_percent,
        core.iowait_percent,
        core.irq_percent,
        core.softirq_percent,
        core.steal_percent,
        core.guest_percent,
        core.guest_nice_percent,
    )
        .into_pyobject(py)
}

pub(super) fn disk<'py>(py: Python<'py>, disk: &DiskStats) -> PyResult<Bound<'py, PyTuple>> {
    let identity = (
        &disk.name,
        disk.kind.name(),
        disk.read_bytes,
        disk.write_bytes,
        disk.read_count,
        disk.write_count,
        disk.read_bytes_per_second,
        disk.write_bytes_per_second,
        disk.read_count_per_second,
        disk.write_count_per_second,
        disk.read_latency_seconds,
        disk.write_latency_seconds,
    )
        .into_pyobject(py)?;
    let further = (
        disk.utilisation_percent,
        disk.queue_depth,
        disk.in_flight,
        disk.discard_count,
        disk.discard_bytes,
        disk.discard_count_per_second,
        disk.discard_bytes_per_second,
        disk.flush_count,
        disk.flush_count_per_second,
        disk.flush_latency_seconds,
    )
        .into_pyobject(py)?;
    joined(&[identity, further])
}

pub(super) fn interface<'py>(py: Python<'py>, interface: &InterfaceStats) -> PyResult<Bound<'py, PyTuple>> {
    let identity = (
        &interface.name,
        interface.kind.name(),
        interface.counted,
        interface.receive_bytes,
        interface.transmit_bytes,
        interface.receive_packets,
        interface.transmit_packets,
        interface.receive_errors,
        interface.transmit_errors,
        interface.receive_drops,
        interface.transmit_drops,
    )
        .into_pyobject(py)?;
    let rates = PyTuple::new(
        py,
        [
            interface.receive_bytes_per_second,
            interface.transmit_bytes_per_second,
            interface.receive_packets_per_second,
            interface.transmit_packets_per_second,
            interface.receive_errors_per_second,
            interface.transmit_errors_per_second,
            interface.receive_drops_per_second,
            interface.transmit_drops_per_second,
        ],
    )?;
    joined(&[identity, rates])
}

pub(super) fn filesystem<'py>(py: Python<'py>, filesystem: &FilesystemStats) -> PyResult<Bound<'py, PyTuple>> {
    (
        &filesystem.mount_point,
        &filesystem.source,
        &filesystem.kind,
        filesystem.read_only,
        filesystem.total,
        filesystem.free,
        filesystem.available,
        filesystem.used,
        filesystem.usage_percent,
        filesystem.inodes_total,
        filesystem.inodes_free,
        filesystem.inodes_usage_percent,
    )
        .into_pyobject(py)
}
