//! `ProcessStats`.

use mtaio_monitoring::ProcessStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::joined;

pub(super) fn process<'py>(py: Python<'py>, process: &ProcessStats) -> PyResult<Bound<'py, PyTuple>> {
    let cpu = PyTuple::new(
        py,
        [
            process.cpu_percent,
            process.cpu_user_percent,
            process.cpu_system_percent,
            process.cpu_cores_used,
            process.cpu_seconds,
            process.cpu_user_seconds,
            process.cpu_system_seconds,
        ],
    )?;
    let levels = (
        process.rss_bytes,
        process.vms_bytes,
        process.shared_bytes,
        process.pss_bytes,
        process.threads,
        process.open_descriptors,
        process.descriptor_limit,
        process.descriptor_percent,
    )
        .into_pyobject(py)?;
    let events = (
        process.voluntary_switches,
        process.involuntary_switches,
        process.voluntary_switches_per_second,
        process.involuntary_switches_per_second,
        process.minor_faults,
        process.major_faults,
        process.minor_faults_per_second,
        process.major_faults_per_second,
    )
        .into_pyobject(py)?;
    let io = (
        process.read_bytes,
        process.write_bytes,
        process.read_characters,
        process.write_characters,
        process.read_bytes_per_second,
        process.write_bytes_per_second,
        process.read_characters_per_second,
        process.write_characters_per_second,
    )
        .into_pyobject(py)?;
    let since = (process.start_time, process.uptime_seconds).into_pyobject(py)?;
    joined(&[cpu, levels, events, io, since])
}
