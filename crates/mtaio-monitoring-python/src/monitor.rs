//! `MonitorBase`: the class that `ResourceMonitor` derives from.
//!
//! Long because a class has one block of methods.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use mtaio_monitoring::alerts::{Alert, PressureRule};
use mtaio_monitoring::metrics::Series;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::{Config, MonitorCore, Scope};
use mtaio_monitoring::rates::Interval;
use mtaio_monitoring::{MonitoringError, SystemStats};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyString, PyTuple};

use crate::arguments::{finite_or_infinite, metric_name, number, whole};
use crate::destination::{self, Texts};
use crate::doorbell::Doorbell;
use crate::errors::{exception, not_initialised, wrong_type};
use crate::profiler::ProfilerBase;
use crate::{metrics, stats, threshold};

/// What the length of a window may be.
const WINDOW: &str = "a number of seconds above 0 and up to 3.2e9 (a hundred years)";

/// The native half of a ResourceMonitor. Arguments of its constructor are its subclasses' business.
#[pyclass(subclass, frozen, module = "mtaio.monitoring._native")]
pub(crate) struct MonitorBase {
    core: OnceLock<Arc<MonitorCore>>,
    /// Name → [`SeriesHandle`]: a string knows its hash, so this is the quickest way from a name to its series.
    handles: Py<PyDict>,
    doorbell: ArcSwapOption<Doorbell>,
    evidence: stats::NewestEvidence,
}

/// One recorded metric, in the table of its monitor.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct SeriesHandle {
    series: Arc<Series>,
}

/// Samples of a history, made into tuples a slice at a time.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct Rows {
    rows: Vec<Interval>,
}

#[pymethods]
impl Rows {
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// The fields of the samples from `start` to before `stop`.
    fn slice<'py>(&self, py: Python<'py>, start: usize, stop: usize) -> PyResult<Bound<'py, PyList>> {
        let stop = stop.min(self.rows.len());
        let rows = self.rows.get(start..stop).unwrap_or_default();
        PyList::new(
            py,
            rows.iter().map(|row| stats::stats(py, &SystemStats::from(row))).collect::<PyResult<Vec<_>>>()?,
        )
    }
}

#[pymethods]
impl MonitorBase {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(py: Python<'_>, _args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            core: OnceLock::new(),
            handles: PyDict::new(py).unbind(),
            doorbell: ArcSwapOption::empty(),
            evidence: stats::NewestEvidence::default(),
        }
    }

    /// Checks the settings and makes the monitor. Once.
    #[pyo3(signature = (interval, history_size, scope, zfs_arc_available, series_expiry_seconds, window_memory_bytes, handler_timeout))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the constructor")]
    fn _mtaio_configure(
        &self,
        py: Python<'_>,
        interval: &Bound<'_, PyAny>,
        history_size: &Bound<'_, PyAny>,
        scope: &Bound<'_, PyAny>,
        zfs_arc_available: &Bound<'_, PyAny>,
        series_expiry_seconds: &Bound<'_, PyAny>,
        window_memory_bytes: &Bound<'_, PyAny>,
        handler_timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let (shortest, longest) = Config::INTERVAL_SECONDS;
        let accepted = format!("a finite number of seconds from {shortest} to {longest}");
        let interval = number("interval", &accepted, interval)?;
        let (smallest, largest) = Config::HISTORY_SIZE;
        let accepted = format!("a whole number of samples from {smallest} to {largest}");
        let size = whole("history_size", &accepted, history_size)?;
        let (shortest, longest) = Config::SERIES_EXPIRY_SECONDS;
        let accepted = format!("a finite number of seconds from {shortest} to {longest}");
        let expiry = number("series_expiry_seconds", &accepted, series_expiry_seconds)?;
        let (least, most) = Config::WINDOW_MEMORY_BYTES;
        let accepted = format!("a whole number of bytes from {least} to {most}");
        let memory = whole("window_memory_bytes", &accepted, window_memory_bytes)?;
        let Ok(scope) = scope.cast::<PyString>() else {
            return Err(wrong_type("scope", "'auto' or 'host'", scope));
        };
        let Ok(zfs_arc_available) = zfs_arc_available.extract::<bool>() else {
            return Err(wrong_type("zfs_arc_available", "True or False", zfs_arc_available));
        };
        let accepted = "a number of seconds above 0 and up to 86400 (a day), or None";
        let handler_timeout =
            handler_timeout.map(|seconds| number("handler_timeout", accepted, seconds)).transpose()?;
        let config = Config::default()
            .with_zfs_arc_available(zfs_arc_available)
            .with_interval_seconds(interval)
            .and_then(|config| config.with_history_size(size))
            .and_then(|config| config.with_series_expiry_seconds(expiry))
            .and_then(|config| config.with_window_memory_bytes(memory))
            .and_then(|config| Ok(config.with_scope(Scope::from_name(&scope.to_string_lossy())?)))
            .and_then(|config| config.with_handler_timeout_seconds(handler_timeout))
            .map_err(|error| exception(py, &error))?;
        self.core.set(Arc::new(MonitorCore::new(config))).map_err(|_| {
            exception(py, &MonitoringError::Configuration("__init__ was called a second time".to_owned()))
        })
    }

    /// Seconds between two samples.
    #[getter]
    fn _mtaio_interval(&self, py: Python<'_>) -> PyResult<f64> {
        Ok(self.core(py)?.config().interval_seconds())
    }

    /// How many samples are kept.
    #[getter]
    fn _mtaio_history_size(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.core(py)?.config().history_size())
    }

    /// What cpu_usage and memory_usage are shares of: "auto" or "host".
    #[getter]
    fn _mtaio_scope(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.core(py)?.config().scope().name())
    }

    /// Seconds that one call of a handler may take.
    #[getter]
    fn _mtaio_handler_timeout(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.core(py)?.config().handler_timeout().map(|timeout| timeout.as_secs_f64()))
    }

    /// Whether it samples.
    #[getter]
    fn _mtaio_is_running(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.is_running())
    }

    /// Records a value, from any thread: record(name, value), record(name, value, labels={"route": "/x"}).
    ///
    /// Args:
    ///     name: The metric. It cannot be one that the monitor measures itself.
    ///     value: Anything with __float__ or __index__. NaN and infinities are dropped and counted.
    ///     labels: What tells the series apart from others of the metric. A handle (``histogram(...).labels(...)``)
    ///         costs less where the values are known beforehand.
    ///
    /// Raises:
    ///     TypeError: The name is no string, the value no number, or a label's value no string and no whole number.
    ///     ConfigurationError: The name is empty or a built-in one.
    #[pyo3(signature = (name, value, labels = None))]
    fn record(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        if Self::_mtaio_record(slf, name, value, labels)? {
            slf.call_method0("_mtaio_deliver")?;
        }
        Ok(())
    }

    /// Records a value, and says whether there is now something to tell.
    #[pyo3(signature = (name, value, labels = None))]
    fn _mtaio_record(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let this = slf.get();
        let value = match value.cast_exact::<PyFloat>() {
            Ok(float) => float.value(),
            Err(_) => finite_or_infinite(value)?,
        };
        let py = slf.py();
        let core = this.core(py)?;
        if let Some(labels) = labels {
            let (name, labels) = (metric_name("name", name)?, metrics::labels(Some(labels))?);
            return core.record_with(&name, value, &labels).map_err(|error| exception(py, &error));
        }
        let handles = this.handles.bind(py);
        if let Ok(name) = name.cast_exact::<PyString>()
            && let Some(handle) = handles.get_item(name)?
        {
            return Ok(core.record_in(&handle.cast_exact::<SeriesHandle>()?.get().series, value));
        }
        this.record_new(core, name, value)
    }

    /// Declares a metric of a kind, and gives its handle.
    fn _mtaio_declare<'py>(
        slf: &Bound<'py, Self>,
        kind: &str,
        name: &Bound<'py, PyAny>,
        unit: &Bound<'py, PyAny>,
        help: &Bound<'py, PyAny>,
        bounds: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        metrics::declare(slf, kind, (name, unit, help), bounds)
    }

    /// The values of an expression over a window, by their labels.
    fn _mtaio_query<'py>(
        &self,
        py: Python<'py>,
        expression: &Bound<'_, PyAny>,
        window_seconds: &Bound<'_, PyAny>,
        grouped: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = metric_name("expression", expression)?;
        let seconds = number("window_seconds", WINDOW, window_seconds)?;
        let core = self.core(py)?;
        if !grouped {
            let value = py.detach(|| core.query(&text, seconds)).map_err(|error| exception(py, &error))?;
            return Ok(value.into_pyobject(py)?);
        }
        let values = py.detach(|| core.query_by(&text, seconds)).map_err(|error| exception(py, &error))?;
        let list = PyList::empty(py);
        for (labels, value) in values {
            let named = PyDict::new(py);
            labels.iter().try_for_each(|(name, value)| named.set_item(name, value))?;
            list.append((named, value))?;
        }
        Ok(list.into_any())
    }

    /// The fields of MetricSummary.
    #[pyo3(signature = (name, window_seconds, labels))]
    fn _mtaio_summary<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'_, PyAny>,
        window_seconds: Option<&Bound<'_, PyAny>>,
        labels: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let name = metric_name("name", name)?;
        let seconds = window_seconds.map(|seconds| number("window_seconds", WINDOW, seconds)).transpose()?;
        let labels = metrics::labels(labels)?;
        let core = self.core(py)?;
        let summary =
            py.detach(|| core.summary(&name, seconds, Some(&labels))).map_err(|error| exception(py, &error))?;
        metrics::summary(py, &summary)
    }

    /// Starts the sampling thread.
    fn _mtaio_start(&self, py: Python<'_>) -> PyResult<()> {
        self.core(py)?.start().map_err(|error| exception(py, &error))
    }

    /// Tells the sampling thread to end.
    fn _mtaio_request_stop(&self, py: Python<'_>) -> PyResult<()> {
        self.core(py)?.request_stop();
        Ok(())
    }

    /// Waits for the sampling thread to end, for `seconds` at most, and says whether it has.
    fn _mtaio_wait_stopped(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let core = self.core(py)?;
        Ok(py.detach(|| core.wait_stopped(Duration::from_secs_f64(seconds))))
    }

    /// In the child of a fork: stopped, startable, nothing of the parent's counted.
    fn _mtaio_after_fork(&self, py: Python<'_>) {
        if let Some(core) = self.core.get() {
            core.after_fork_in_child();
            self.handles.bind(py).clear();
            self.doorbell.store(None);
        }
    }

    /// Makes a bell that rings when there is something to tell, and gives the descriptor that becomes readable.
    /// The descriptor is the caller's to close.
    fn _mtaio_open_doorbell(&self, py: Python<'_>) -> PyResult<i64> {
        let (doorbell, descriptor) = Doorbell::new()?;
        let ringing = Arc::clone(&doorbell);
        self.doorbell.store(Some(doorbell));
        self.core(py)?.set_waker(Some(Arc::new(move || ringing.ring())));
        Ok(descriptor)
    }

    /// Takes the bell down.
    fn _mtaio_close_doorbell(&self, py: Python<'_>) -> PyResult<()> {
        self.core(py)?.set_waker(None);
        self.doorbell.store(None);
        Ok(())
    }

    /// What there is to tell, oldest first.
    fn _mtaio_drain<'py>(&self, py: Python<'py>, at_most: usize) -> PyResult<Bound<'py, PyList>> {
        let doorbell = self.doorbell.load_full();
        if let Some(doorbell) = doorbell {
            doorbell.answer();
        }
        let events = self.core(py)?.take_events(at_most);
        let event = |event| stats::event(py, event, &self.evidence);
        PyList::new(py, events.iter().map(event).collect::<PyResult<Vec<_>>>()?)
    }

    /// Whether there is something to tell.
    fn _mtaio_has_news(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.has_events())
    }

    /// Sets a threshold, with the keywords of set_threshold.
    fn _mtaio_set_threshold(
        &self,
        py: Python<'_>,
        metric: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let rule = threshold::rule(py, metric, value, options)?;
        self.core(py)?.set_rule(rule);
        Ok(())
    }

    /// The thresholds as a file for another program.
    fn _mtaio_alert_rules(&self, py: Python<'_>, format: &Bound<'_, PyAny>) -> PyResult<String> {
        self.core(py)?.alert_rules(&metric_name("format", format)?).map_err(|error| exception(py, &error))
    }

    /// Keeps alerts quiet: (number, matcher, comment, expires).
    fn _mtaio_silence<'py>(
        &self,
        py: Python<'py>,
        matcher: &Bound<'_, PyAny>,
        seconds: &Bound<'_, PyAny>,
        comment: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let accepted = "a number of seconds above 0 and up to 3.2e9 (a hundred years)";
        let (matcher, comment) = (metric_name("matcher", matcher)?, metric_name("comment", comment)?);
        let seconds = number("seconds", accepted, seconds)?;
        let silence = self.core(py)?.silence(&matcher, seconds, &comment);
        threshold::silence(py, &silence.map_err(|error| exception(py, &error))?)
    }

    /// Ends a silence, and says whether it was in force.
    fn _mtaio_expire_silence(&self, py: Python<'_>, number: u64) -> PyResult<bool> {
        Ok(self.core(py)?.expire_silence(number))
    }

    /// The silences in force, each as _mtaio_silence gives it.
    fn _mtaio_silences<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.core(py)?.silences().iter().map(|silence| threshold::silence(py, silence)).collect()
    }

    /// Takes a metric's threshold away, and says whether it had one.
    fn _mtaio_remove_threshold(&self, py: Python<'_>, metric: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.core(py)?.remove_rule(&metric_name("metric", metric)?))
    }

    /// Has the handlers of a pressure rule told, and gives the rule's number. Without `adds` it only checks the
    /// arguments, and gives 0.
    #[pyo3(signature = (resource, some, full, window, adds))]
    fn _mtaio_pressure_rule(
        &self,
        py: Python<'_>,
        resource: &Bound<'_, PyAny>,
        some: Option<&Bound<'_, PyAny>>,
        full: Option<&Bound<'_, PyAny>>,
        window: &Bound<'_, PyAny>,
        adds: bool,
    ) -> PyResult<u64> {
        let core = self.core(py)?;
        let accepted = "a share of the window above 0 and up to 1 (0.15 is 15 %)";
        let some = some.map(|share| number("some", accepted, share)).transpose()?;
        let full = full.map(|share| number("full", accepted, share)).transpose()?;
        let window = number("window", "a number of seconds from 0.5 to 10", window)?;
        let resource = metric_name("resource", resource)?;
        let rule =
            PressureRule::from_arguments(&resource, some, full, window).map_err(|error| exception(py, &error))?;
        // The kernel may take a moment to make the trigger.
        Ok(if adds { py.detach(|| core.add_pressure_rule(rule)) } else { 0 })
    }

    /// Takes a pressure rule away, and says whether there was one.
    fn _mtaio_remove_pressure_rule(&self, py: Python<'_>, number: u64) -> PyResult<bool> {
        Ok(self.core(py)?.remove_pressure_rule(number))
    }

    /// Adds a webhook, and gives its number.
    #[allow(clippy::needless_pass_by_value, reason = "what PyO3 extracts is owned")]
    fn _mtaio_add_webhook(
        &self,
        url: &Bound<'_, PyAny>,
        headers: Texts,
        timeout_seconds: &Bound<'_, PyAny>,
        retry_seconds: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        let webhook = destination::webhook(url, &headers, timeout_seconds, retry_seconds)?;
        Ok(self.core(url.py())?.add_destination(webhook))
    }

    /// Adds an Alertmanager, and gives its number.
    #[pyo3(signature = (url, labels, generator_url, resend_seconds, timeout_seconds))]
    #[allow(clippy::needless_pass_by_value, reason = "what PyO3 extracts is owned")]
    fn _mtaio_add_alertmanager(
        &self,
        url: &Bound<'_, PyAny>,
        labels: Texts,
        generator_url: Option<&Bound<'_, PyAny>>,
        resend_seconds: &Bound<'_, PyAny>,
        timeout_seconds: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        let manager = destination::alertmanager(url, &labels, generator_url, resend_seconds, timeout_seconds)?;
        Ok(self.core(url.py())?.add_destination(manager))
    }

    /// Takes a native destination away, and says whether there was one.
    fn _mtaio_remove_destination(&self, py: Python<'_>, number: u64) -> PyResult<bool> {
        Ok(self.core(py)?.remove_destination(number))
    }

    /// Has native destinations try what waits once more, within so many seconds.
    fn _mtaio_close_destinations(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        self.core(py)?.close_destinations(Duration::from_secs_f64(seconds));
        Ok(())
    }

    /// Whether no native destination is at work.
    fn _mtaio_destinations_have_ended(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.destinations_have_ended())
    }

    /// Gives up on what waits for native destinations.
    fn _mtaio_abandon_destinations(&self, py: Python<'_>) -> PyResult<()> {
        self.core(py)?.abandon_destinations();
        Ok(())
    }

    /// Tells how many calls of handlers have failed and were dropped by now, for who reads it without the GIL.
    fn _mtaio_tell_handlers(&self, py: Python<'_>, errors: u64, dropped: u64) -> PyResult<()> {
        self.core(py)?.tell_handlers(errors, dropped);
        Ok(())
    }

    /// Has the traces of a profiler looked at when an alert fires; of none without one, and where it is disabled.
    #[pyo3(signature = (profiler))]
    fn _mtaio_attach_profiler(&self, py: Python<'_>, profiler: Option<&Bound<'_, ProfilerBase>>) -> PyResult<()> {
        let recorder = profiler.and_then(|profiler| profiler.get().enabled_recorder());
        self.core(py)?.attach_profiler(recorder.as_ref());
        Ok(())
    }

    /// Raises an alert of the program's own.
    #[pyo3(signature = (metric, value, message))]
    fn _mtaio_raise(
        &self,
        py: Python<'_>,
        metric: Option<&Bound<'_, PyAny>>,
        value: Option<&Bound<'_, PyAny>>,
        message: &Bound<'_, PyString>,
    ) -> PyResult<()> {
        let mut alert = Alert::of_message(message.to_string_lossy().into_owned(), 0.0);
        alert.metric = metric.map(|metric| metric_name("metric", metric)).transpose()?.map(Into::into);
        alert.value = value.map(|value| number("value", "a number", value)).transpose()?;
        self.core(py)?.raise(alert);
        Ok(())
    }

    /// The fields of a reading of this moment; or a float, the seconds after which to ask again.
    fn _mtaio_read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.reading(py)? {
            Ok(reading) => Ok(stats::stats(py, &reading)?.into_any()),
            Err(seconds) => Ok(PyFloat::new(py, seconds).into_any()),
        }
    }

    /// Of a reading of this moment, one built-in metric: its value, or None where it was not measured.
    /// A tuple with one float: the seconds after which to ask again.
    fn _mtaio_read_metric<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let value = |reading: &SystemStats| BuiltIn::from_name(name).and_then(|metric| reading.value(metric));
        match self.reading(py)? {
            Ok(reading) => Ok(value(&reading).into_pyobject(py)?),
            Err(seconds) => Ok((seconds,).into_pyobject(py)?.into_any()),
        }
    }

    /// Whether the monitor measures a metric of this name itself.
    #[staticmethod]
    fn _mtaio_is_built_in(name: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(BuiltIn::from_name(&metric_name("name", name)?).is_some())
    }

    /// The latest value of a metric.
    fn _mtaio_latest(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<f64> {
        let name = metric_name("name", name)?;
        self.core(py)?.latest_value(&name).map_err(|error| exception(py, &error))
    }

    /// Samples from `start` to `end`, both inclusive.
    #[pyo3(signature = (start, end))]
    fn _mtaio_history(
        &self,
        py: Python<'_>,
        start: Option<&Bound<'_, PyAny>>,
        end: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Rows> {
        let accepted = "seconds since the epoch, or None";
        let start = start.map(|start| number("start_time", accepted, start)).transpose()?;
        let end = end.map(|end| number("end_time", accepted, end)).transpose()?;
        let core = self.core(py)?;
        let rows = py.detach(|| core.history_rows(start, end)).map_err(|error| exception(py, &error))?;
        Ok(Rows { rows })
    }

    /// The fields of MonitorHealth that the core knows.
    fn _mtaio_health<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let core = self.core(py)?;
        // As with readings, the GIL is let go of only where one is under way.
        let health = core.health_within(Duration::ZERO);
        let health = if health.sections.is_empty() { py.detach(|| core.health()) } else { health };
        stats::health(py, &health)
    }
}

impl MonitorBase {
    /// The monitor behind it.
    pub(crate) fn core(&self, py: Python<'_>) -> PyResult<&Arc<MonitorCore>> {
        self.core.get().ok_or_else(|| not_initialised(py))
    }

    /// A reading. It takes some 60 µs, so the GIL is kept; only where another reading is under way is it let go of.
    fn reading(&self, py: Python<'_>) -> PyResult<Result<SystemStats, f64>> {
        let core = self.core(py)?;
        core.current_stats_within(Duration::ZERO)
            .or_else(|_| py.detach(|| core.current_stats()))
            .map_err(|error| exception(py, &error))
    }

    #[cold]
    fn record_new(&self, core: &MonitorCore, name: &Bound<'_, PyAny>, value: f64) -> PyResult<bool> {
        let py = name.py();
        let text = metric_name("name", name)?;
        let Some(series) = core.series(&text).map_err(|error| exception(py, &error))? else { return Ok(false) };
        let told = core.record_in(&series, value);
        self.handles.bind(py).set_item(&text, SeriesHandle { series }.into_pyobject(py)?)?;
        Ok(told)
    }
}
