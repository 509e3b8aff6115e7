//! `ContainerStats`.

use mtaio_monitoring::ContainerStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::joined;

/// The fields of `ContainerStats`, in its order; `None` where the process is in no group that can be seen.
pub(super) fn container<'py>(
    py: Python<'py>,
    container: &ContainerStats,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(version) = container.version else { return Ok(None) };
    let cpu = (
        version,
        container.cpu_limit_cores,
        container.cpu_cores_used,
        container.cpu_usage_percent,
        container.cpu_throttled_periods_percent,
        container.cpu_throttled_seconds_per_second,
    )
        .into_pyobject(py)?;
    let memory = (
        container.memory_limit,
        container.memory_high,
        container.memory_usage,
        container.memory_working_set,
        container.memory_percent,
        container.swap_usage,
        container.oom_kills,
        container.oom_kills_total,
        container.memory_high_events,
        container.memory_max_events,
    )
        .into_pyobject(py)?;
    let counts = (
        container.pids,
        container.pids_limit,
        container.read_bytes,
        container.write_bytes,
        container.read_count,
        container.write_count,
    )
        .into_pyobject(py)?;
    let rates = PyTuple::new(
        py,
        [
            container.read_bytes_per_second,
            container.write_bytes_per_second,
            container.read_count_per_second,
            container.write_count_per_second,
        ],
    )?;
    joined(&[cpu, memory, counts, rates]).map(Some)
}
