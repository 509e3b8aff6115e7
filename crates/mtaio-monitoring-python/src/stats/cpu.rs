//! `CPUStats`.

use mtaio_monitoring::CpuStats;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::{devices, joined};

pub(super) fn cpu<'py>(py: Python<'py>, cpu: &CpuStats) -> PyResult<Bound<'py, PyTuple>> {
    let load_average = match cpu.load_average {
        Some(load) => PyList::new(py, load)?.into_any(),
        None => py.None().into_bound(py),
    };
    let reference = (cpu.usage_percent, load_average, cpu.thread_count).into_pyobject(py)?;
    let modes = PyTuple::new(
        py,
        [
            cpu.user_percent,
            cpu.nice_percent,
            cpu.system_percent,
            cpu.idle_percent,
            cpu.iowait_percent,
            cpu.irq_percent,
            cpu.softirq_percent,
            cpu.steal_percent,
            cpu.guest_percent,
            cpu.guest_nice_percent,
            cpu.usage_with_steal_percent,
        ],
    )?;
    let counts = (cpu.online_count, cpu.process_cores_used, cpu.system_thread_count, cpu.running_thread_count)
        .into_pyobject(py)?;
    let cores = devices::listed(py, cpu.cores.as_deref(), devices::core)?;
    joined(&[reference, modes, counts, (cpu.host_usage_percent, cores).into_pyobject(py)?])
}
