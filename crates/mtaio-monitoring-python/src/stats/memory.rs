//! `MemoryStats`.

use mtaio_monitoring::MemoryStats;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::joined;

pub(super) fn memory<'py>(py: Python<'py>, memory: &MemoryStats) -> PyResult<Bound<'py, PyTuple>> {
    let reference = (memory.total, memory.available, memory.used, memory.percent).into_pyobject(py)?;
    let parts = PyTuple::new(
        py,
        [
            memory.free,
            memory.buffers,
            memory.cached,
            memory.slab_reclaimable,
            memory.arc_shrinkable,
            memory.shmem,
            memory.swap_total,
            memory.swap_free,
            memory.swap_used,
        ],
    )?;
    let machine =
        (memory.host_total, memory.host_available, memory.host_used, memory.host_percent).into_pyobject(py)?;
    joined(&[reference, parts, machine])
}
