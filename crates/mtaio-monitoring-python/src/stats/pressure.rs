//! `PressureStats`, `PressureEvent` and `PressureTriggerHealth`.

use mtaio_monitoring::alerts::PressureEvent;
use mtaio_monitoring::monitor::PressureTriggerHealth;
use mtaio_monitoring::{Pressure, PressureStats};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The fields of `PressureStats`, each those of a `Pressure`; `None` where nothing of it was measured.
pub(super) fn pressure<'py>(py: Python<'py>, stats: &PressureStats) -> PyResult<Option<Bound<'py, PyTuple>>> {
    if *stats == PressureStats::default() {
        return Ok(None);
    }
    let resource = |pressure: &Pressure| {
        let Pressure { some_percent, full_percent, some_avg10_percent, full_avg10_percent } = *pressure;
        (some_percent, full_percent, some_avg10_percent, full_avg10_percent)
    };
    let PressureStats { cpu, memory, io, irq } = stats;
    Ok(Some((resource(cpu), resource(memory), resource(io), resource(irq)).into_pyobject(py)?))
}

/// The fields of `PressureEvent`, in its order.
pub(super) fn event<'py>(py: Python<'py>, event: &PressureEvent) -> PyResult<Bound<'py, PyTuple>> {
    (
        event.resource.name(),
        event.kind.name(),
        event.threshold,
        event.window_seconds,
        event.value,
        event.scope.name(),
        event.source.name(),
        event.timestamp,
    )
        .into_pyobject(py)
}

/// The fields of `PressureTriggerHealth`, in its order.
pub(super) fn trigger<'py>(py: Python<'py>, health: &PressureTriggerHealth) -> PyResult<Bound<'py, PyTuple>> {
    (
        health.resource.name(),
        health.kind.name(),
        health.threshold,
        health.window_seconds,
        health.mode.name(),
        health.scope.map(mtaio_monitoring::sampling::PressureScope::name),
        health.reason.as_deref(),
    )
        .into_pyobject(py)
}
