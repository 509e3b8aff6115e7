//! A configuration file, between the class that takes its settings and the monitor that is made of them.

use std::path::PathBuf;

use mtaio_monitoring::monitor::{self, Settings};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{exception, wrong_type};
use crate::monitor::MonitorBase;

/// What a file says of a monitor.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct ConfigFile {
    file: monitor::ConfigFile,
}

#[pymethods]
impl ConfigFile {
    #[new]
    fn new(py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(path) = path.extract::<PathBuf>() else {
            return Err(wrong_type("path", "the path of a file (str or os.PathLike)", path));
        };
        // The disk may keep it waiting; the environment is changed by whoever has the GIL, so that is kept then.
        py.detach(|| monitor::ConfigFile::bytes_of(&path))
            .and_then(|bytes| monitor::ConfigFile::parse_bytes(&path.to_string_lossy(), &bytes))
            .map(|file| Self { file })
            .map_err(|error| exception(py, &error))
    }

    /// The settings that it gives, as keywords of the constructor.
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Settings {
            interval,
            history_size,
            scope,
            zfs_arc_available,
            series_expiry_seconds,
            window_memory_bytes,
            handler_timeout,
            ..
        } = &self.file.settings;
        let keywords = PyDict::new(py);
        interval.map(|seconds| keywords.set_item("interval", seconds)).transpose()?;
        history_size.map(|samples| keywords.set_item("history_size", samples)).transpose()?;
        scope.map(|scope| keywords.set_item("scope", scope.name())).transpose()?;
        zfs_arc_available.map(|available| keywords.set_item("zfs_arc_available", available)).transpose()?;
        series_expiry_seconds.map(|seconds| keywords.set_item("series_expiry_seconds", seconds)).transpose()?;
        window_memory_bytes.map(|bytes| keywords.set_item("window_memory_bytes", bytes)).transpose()?;
        handler_timeout.map(|seconds| keywords.set_item("handler_timeout", seconds)).transpose()?;
        Ok(keywords)
    }

    /// Sets its thresholds and adds its destinations, whose numbers it gives.
    fn set_up(&self, py: Python<'_>, monitor: &Bound<'_, MonitorBase>) -> PyResult<Vec<u64>> {
        Ok(self.file.set_up(monitor.get().core(py)?))
    }
}
