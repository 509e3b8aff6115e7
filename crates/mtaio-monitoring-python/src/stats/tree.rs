//! `TreeStats`.

use mtaio_monitoring::TreeStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

pub(super) fn tree<'py>(py: Python<'py>, tree: &TreeStats) -> PyResult<Bound<'py, PyTuple>> {
    (
        tree.processes,
        tree.threads,
        tree.cpu_cores_used,
        tree.cpu_seconds,
        tree.rss_bytes,
        tree.open_descriptors,
        tree.read_bytes,
        tree.write_bytes,
        tree.read_bytes_per_second,
        tree.write_bytes_per_second,
        tree.by_cgroup,
        tree.age_seconds,
    )
        .into_pyobject(py)
}
