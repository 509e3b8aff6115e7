//! `MonitorHealth`.

use mtaio_monitoring::monitor::HealthReport;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{joined, pressure};
use crate::destination;

/// The fields of `MonitorHealth` up to its sections, in its order, its `pressure_triggers`, its `dropped_instances`, and
/// its `destinations`, each with its number.
pub(crate) fn health<'py>(py: Python<'py>, report: &HealthReport) -> PyResult<Bound<'py, PyTuple>> {
    let section = |section: &mtaio_monitoring::sampling::SectionHealth| {
        (
            section.section.name(),
            section.origin.clone(),
            section.reads,
            section.failures,
            section.last_error.clone(),
            section.section.gives(),
            section.every_seconds,
            section.state.name(),
            section.missing.clone(),
            section.hint,
            section.cost.map(|cost| cost.median_seconds),
            section.cost.map(|cost| cost.worst_seconds),
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
    let triggers: Vec<_> =
        report.pressure_triggers.iter().map(|trigger| pressure::trigger(py, trigger)).collect::<PyResult<_>>()?;
    let details = (names, sections, triggers, report.dropped_instances).into_pyobject(py)?;
    let limits =
        (report.expired_series, report.dropped_window_blocks, report.delayed_thresholds).into_pyobject(py)?;
    let destinations: Vec<_> =
        report.destinations.iter().map(|one| destination::health(py, one)).collect::<PyResult<_>>()?;
    let destinations = (destinations,).into_pyobject(py)?;
    joined(&[sampling, losses, details, limits, destinations])
}
