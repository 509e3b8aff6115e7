//! `NetworkStats`, `SpaceStats` and `HostStats`.

use mtaio_monitoring::{HostStats, NetworkStats, SpaceStats};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{devices, joined};

pub(super) fn network<'py>(py: Python<'py>, network: &NetworkStats) -> PyResult<Bound<'py, PyTuple>> {
    let totals = PyTuple::new(
        py,
        [
            network.receive_bytes,
            network.transmit_bytes,
            network.receive_packets,
            network.transmit_packets,
            network.receive_errors,
            network.transmit_errors,
            network.receive_drops,
            network.transmit_drops,
        ],
    )?;
    let rates = PyTuple::new(
        py,
        [
            network.receive_bytes_per_second,
            network.transmit_bytes_per_second,
            network.receive_packets_per_second,
            network.transmit_packets_per_second,
            network.receive_errors_per_second,
            network.transmit_errors_per_second,
            network.receive_drops_per_second,
            network.transmit_drops_per_second,
        ],
    )?;
    let interfaces = devices::listed(py, network.interfaces.as_deref(), devices::interface)?;
    joined(&[totals, rates, (interfaces,).into_pyobject(py)?])
}

pub(super) fn space<'py>(py: Python<'py>, space: &SpaceStats) -> PyResult<Bound<'py, PyTuple>> {
    (
        space.usage_percent,
        space.inodes_usage_percent,
        space.root_total,
        space.root_used,
        space.root_available,
        space.root_usage_percent,
        space.root_inodes_usage_percent,
    )
        .into_pyobject(py)
}

pub(super) fn host<'py>(py: Python<'py>, host: &HostStats) -> PyResult<Bound<'py, PyTuple>> {
    (
        host.uptime_seconds,
        host.boot_time,
        host.context_switches_per_second,
        host.processes_created_per_second,
        host.processes_blocked,
        host.file_handles_used,
        host.file_handles_max,
        host.swap_in_bytes_per_second,
        host.swap_out_bytes_per_second,
    )
        .into_pyobject(py)
}
