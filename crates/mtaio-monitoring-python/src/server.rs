//! `NativeServer`: the server of a monitor, on a thread that takes no GIL.

use std::sync::Arc;

use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::error::Result;
use mtaio_monitoring_server::{Options, Server};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arguments::{metric_name, whole};
use crate::errors::{exception, wrong_type};
use crate::monitor::MonitorBase;
use crate::profiler::ProfilerBase;

const A_PORT: &str = "a whole number from 0 (one that is free) to 65535";

/// Serves a monitor until it is closed.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct NativeServer {
    server: Server,
}

#[pymethods]
impl NativeServer {
    #[new]
    #[pyo3(signature = (monitor, host, port, token, profiler, names))]
    fn new(
        py: Python<'_>,
        monitor: &Bound<'_, MonitorBase>,
        host: &Bound<'_, PyAny>,
        port: &Bound<'_, PyAny>,
        token: Option<&Bound<'_, PyAny>>,
        profiler: Option<&Bound<'_, PyAny>>,
        names: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let core = Arc::clone(monitor.get().core(py)?);
        let host = metric_name("host", host)?;
        let port = whole("port", A_PORT, port)?;
        let profiler = profiler.map(|given| match given.cast::<ProfilerBase>() {
            Ok(profiler) => Ok(profiler.get().enabled_recorder()),
            Err(_) => Err(wrong_type("profiler", "a Profiler or None", given)),
        });
        let recorder = profiler.transpose()?.flatten();
        let token = token.map(token_of).transpose()?;
        let names = host_names(names)?;
        let options = || -> Result<Options> {
            let port = u16::try_from(port).map_err(|_| MonitoringError::argument("port", A_PORT, port))?;
            let mut options = Options::default().with_host(&host)?.with_port(port).with_recorder(recorder);
            if let Some(token) = token {
                options = options.with_token(token)?;
            }
            names.iter().try_fold(options, |options, name| options.with_name(name))
        };
        let started = options().and_then(|options| py.detach(|| Server::start(core, &options)));
        Ok(Self { server: started.map_err(|error| exception(py, &error))? })
    }

    #[getter]
    fn url(&self) -> String {
        self.server.url()
    }

    #[getter]
    fn port(&self) -> u16 {
        self.server.port()
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.server.is_closed()
    }

    #[getter]
    fn refused_connections(&self) -> u64 {
        self.server.refused_connections()
    }

    #[getter]
    fn dropped_streams(&self) -> u64 {
        self.server.dropped_streams()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.server.close());
    }
}

/// The token, which no message shows.
fn token_of(given: &Bound<'_, PyAny>) -> PyResult<String> {
    let kind = given.get_type();
    let text = given.cast::<PyString>().map_err(|_| wrong_type("token", "a str or None", &kind))?;
    Ok(text.to_string_lossy().into_owned())
}

fn host_names(given: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    // A str is a sequence of names of one letter.
    let several = if given.is_instance_of::<PyString>() { None } else { given.try_iter().ok() };
    let Some(several) = several else { return Err(wrong_type("names", "several names of hosts", given)) };
    several.map(|name| metric_name("names", &name?)).collect()
}
