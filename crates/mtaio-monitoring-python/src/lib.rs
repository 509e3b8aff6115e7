//! `mtaio.monitoring._native`: what the Python package needs of the core. It converts, and decides nothing.

mod arguments;
mod config_file;
mod destination;
mod doorbell;
mod errors;
mod live;
mod metrics;
mod monitor;
mod profiler;
mod server;
mod stats;
mod threshold;

use pyo3::prelude::*;

/// The native half of mtaio.monitoring.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::config_file::ConfigFile;
    #[pymodule_export]
    use super::live::LiveView;
    #[pymodule_export]
    use super::metrics::{Counter, Gauge, Histogram};
    #[pymodule_export]
    use super::monitor::{MonitorBase, Rows, SeriesHandle};
    #[pymodule_export]
    use super::profiler::factory::{_forget_loop, TaskFactory};
    #[pymodule_export]
    use super::profiler::profile::NativeProfile;
    #[pymodule_export]
    use super::profiler::task::_set_asyncio;
    #[pymodule_export]
    use super::profiler::{ProfilerBase, TracedAsyncGenerator, TracedGenerator, TracedStep};
    #[pymodule_export]
    use super::server::NativeServer;
    #[pymodule_export]
    use super::stats::evidence_text;
    #[pymodule_export]
    use super::{catalogue, diagnose, run_command, version};

    /// The types whose slots are written by hand.
    #[pymodule_init]
    fn install(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::profiler::install(module)
    }
}

/// The version of the native half: the same as the package's.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Every built-in metric: (name, kind, unit, help).
#[pyfunction]
fn catalogue() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let row = |metric: &mtaio_monitoring::metrics::catalogue::BuiltIn| {
        let description = metric.description();
        (description.name, description.kind.name(), description.unit, description.help)
    };
    mtaio_monitoring::metrics::catalogue::BuiltIn::ALL.iter().map(row).collect()
}

/// What `mtaio doctor` says: as JSON and as text.
#[pyfunction]
fn diagnose(py: Python<'_>, interval: f64) -> PyResult<(String, String)> {
    let config = mtaio_monitoring::monitor::Config::default().with_interval_seconds(interval);
    let config = config.map_err(|error| errors::exception(py, &error))?;
    Ok(py.detach(|| {
        let diagnosis = mtaio_monitoring::sampling::Diagnosis::of_this_machine(config.interval_seconds());
        let json = mtaio_monitoring_cli::diagnosis_json(&diagnosis).to_string();
        (json, mtaio_monitoring_cli::diagnosis_text(&diagnosis, false))
    }))
}

/// Runs the `mtaio` command with these arguments (the program's name first) and gives its exit code.
#[pyfunction]
fn run_command(py: Python<'_>, arguments: Vec<String>) -> i32 {
    py.detach(|| mtaio_monitoring_cli::run(arguments.into_iter().map(Into::into)))
}
