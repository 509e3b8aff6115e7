//! Statistics, health and alerts as tuples, in the order of the package's dataclasses.

use mtaio_monitoring::monitor::{Event, HealthReport};
use mtaio_monitoring::{Alert, CpuStats, IoStats, MemoryStats, SystemStats};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

/// `(timestamp, cpu, memory, io, elapsed_seconds, sequence, gap)`.
pub(crate) fn stats<'py>(py: Python<'py>, stats: &SystemStats) -> PyResult<Bound<'py, PyTuple>> {
    (
        stats.timestamp,
        cpu(py, &stats.cpu)?,
        memory(py, &stats.memory)?,
        io(py, &stats.io)?,
        stats.elapsed_seconds,
        stats.sequence,
        stats.gap,
    )
        .into_pyobject(py)
}

fn cpu<'py>(py: Python<'py>, cpu: &CpuStats) -> PyResult<Bound<'py, PyTuple>> {
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
    joined(&[reference, modes, counts])
}

fn memory<'py>(py: Python<'py>, memory: &MemoryStats) -> PyResult<Bound<'py, PyTuple>> {
    let reference = (memory.total, memory.available, memory.used, memory.percent).into_pyobject(py)?;
    let parts = PyTuple::new(
        py,
        [
            memory.free,
            memory.buffers,
            memory.cached,
            memory.slab_reclaimable,
            memory.shmem,
            memory.swap_total,
            memory.swap_free,
            memory.swap_used,
        ],
    )?;
    joined(&[reference, parts])
}

fn io<'py>(py: Python<'py>, io: &IoStats) -> PyResult<Bound<'py, PyTuple>> {
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
        ],
    )?;
    joined(&[reference, rates])
}

fn joined<'py>(parts: &[Bound<'py, PyTuple>]) -> PyResult<Bound<'py, PyTuple>> {
    let py = parts[0].py();
    PyTuple::new(py, parts.iter().flat_map(PyTupleMethods::iter).collect::<Vec<_>>())
}

/// The fields of `MonitorHealth`, in its order.
pub(crate) fn health<'py>(py: Python<'py>, report: &HealthReport) -> PyResult<Bound<'py, PyTuple>> {
    let section = |section: &mtaio_monitoring::sampling::SectionHealth| {
        (
            section.section.name(),
            section.origin.clone(),
            section.reads,
            section.failures,
            section.last_error.clone(),
        )
    };
    let sections: Vec<_> = report.sections.iter().map(section).collect();
    let names: Vec<&str> = report.thresholds_without_data.iter().map(AsRef::as_ref).collect();
    let sampling = (
        report.running,
        report.samples,
        report.missed_ticks,
        report.latest_late_seconds,
        report.largest_late_seconds,
        report.suspends,
        report.wall_clock_jumps,
        report.counter_restarts,
        report.panics,
    )
        .into_pyobject(py)?;
    let losses = (report.dropped_values, report.dropped_names, report.dropped_events).into_pyobject(py)?;
    let details = (names, sections).into_pyobject(py)?;
    joined(&[sampling, losses, details])
}

/// `(kind, payload)`: the kind is `exceeded`, `cleared`, `raised` (payload: the fields of `Alert`, in its order),
/// or `log` (payload: one sentence).
pub(crate) fn event<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyTuple>> {
    match event {
        Event::Exceeded(of) => ("exceeded", alert(py, of)?).into_pyobject(py),
        Event::Cleared(of) => ("cleared", alert(py, of)?).into_pyobject(py),
        Event::Raised(of) => ("raised", alert(py, of)?).into_pyobject(py),
        Event::NoData(message) | Event::Fault(message) => ("log", message).into_pyobject(py),
    }
}

fn alert<'py>(py: Python<'py>, alert: &Alert) -> PyResult<Bound<'py, PyTuple>> {
    (
        alert.metric.as_deref(),
        alert.value,
        alert.threshold,
        &alert.message,
        alert.state.name(),
        alert.level.name(),
        alert.timestamp,
    )
        .into_pyobject(py)
}
