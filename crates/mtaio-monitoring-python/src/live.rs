//! `LiveView`: the terminal's face of a monitor, while the program runs.

use std::sync::{Arc, Mutex, PoisonError};

use mtaio_monitoring_cli::{LiveOptions, LiveView as TerminalView, Output, View};
use pyo3::prelude::*;

use crate::monitor::MonitorBase;

/// Shows a monitor on standard output until it is stopped.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct LiveView {
    view: Mutex<TerminalView>,
}

#[pymethods]
impl LiveView {
    #[new]
    fn new(py: Python<'_>, monitor: &Bound<'_, MonitorBase>, title: String) -> PyResult<Self> {
        let core = Arc::clone(monitor.get().core(py)?);
        let source = move || View::of(&core, &title);
        let view = TerminalView::start(source, Output::stdout(), LiveOptions::default())?;
        Ok(Self { view: Mutex::new(view) })
    }

    /// Draws the last state, gives the terminal back and prints a summary of the run. Idempotent.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.view.lock().unwrap_or_else(PoisonError::into_inner).stop())?;
        Ok(())
    }
}
