//! Traced generators, plain and async: a trace that is innermost only while the generator's own body runs, and not in
//! the loop of whoever consumes it.

#![expect(unsafe_code, reason = "their traces are objects with slots written by hand")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mtaio_monitoring::profiler::Status;
use pyo3::exceptions::{PyAttributeError, PyStopAsyncIteration, PyStopIteration};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};

use super::raised;
use super::trace::{self, Stage, TraceObject};

/// The trace of a generator, and how long it has run.
struct Body {
    /// A `Trace`.
    trace: Py<PyAny>,
    /// What was innermost in the body when it last yielded: a block may be open over a yield.
    inside: Mutex<Option<Py<PyAny>>>,
    run: AtomicU64,
}

/// The body runs: what was innermost before, and since when.
struct Running {
    before: Option<Py<PyAny>>,
    since: u64,
}

/// What is innermost now.
fn innermost(py: Python<'_>) -> Option<Py<PyAny>> {
    // SAFETY: with the GIL; the reference is handed over.
    unsafe { Bound::from_owned_ptr_or_opt(py, trace::innermost().cast()).map(Bound::unbind) }
}

fn set_innermost(trace: Option<&Py<PyAny>>) {
    let object = trace.map_or(std::ptr::null_mut(), |trace| trace.as_ptr().cast());
    // SAFETY: with the GIL, on a trace that the caller holds.
    unsafe { trace::set_innermost(object) };
}

impl Body {
    fn new(trace: Bound<'_, PyAny>) -> Self {
        Self { trace: trace.unbind(), inside: Mutex::new(None), run: AtomicU64::new(0) }
    }

    fn object(&self) -> *mut TraceObject {
        self.trace.as_ptr().cast()
    }

    fn inside(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, py: Python<'_>) -> Running {
        let before = innermost(py);
        // SAFETY: with the GIL, on a trace that this holds.
        let since = unsafe {
            if (*self.object()).stage == Stage::New {
                TraceObject::begin(self.object())
            } else {
                let inside = self.inside().take();
                set_innermost(inside.as_ref().or(Some(&self.trace)));
                TraceObject::now(self.object())
            }
        };
        Running { before, since }
    }

    /// It yields, and whoever consumes it goes on.
    fn leave(&self, py: Python<'_>, mut running: Running) {
        self.pause(&mut running);
        let inside = innermost(py);
        *self.inside() = inside;
        set_innermost(running.before.as_ref());
    }

    /// It suspends in the middle, to be resumed by the loop: what is innermost stays.
    fn pause(&self, running: &mut Running) {
        // SAFETY: with the GIL, on a trace that this holds.
        let now = unsafe { TraceObject::now(self.object()) };
        self.run.fetch_add(now.saturating_sub(running.since), Ordering::Relaxed);
        running.since = now;
    }

    fn end(&self, status: Status, error: Option<Box<str>>) {
        // SAFETY: with the GIL, on a trace that this holds.
        unsafe {
            let now = TraceObject::now(self.object());
            let run = Some(self.run.load(Ordering::Relaxed));
            TraceObject::end(self.object(), now, status, error, run);
        }
    }

    fn end_with(&self, py: Python<'_>, error: &PyErr) {
        // SAFETY: with the GIL; the exception is alive.
        let (status, error) = unsafe { raised::judge(error.value(py).as_ptr()) };
        self.end(status, error);
    }
}

/// A generator whose run is a trace.
#[pyclass(frozen, weakref, module = "mtaio.monitoring._native")]
pub(crate) struct TracedGenerator {
    inner: Py<PyAny>,
    body: Body,
}

/// A generator that is traced.
pub(super) fn wrap<'py>(inner: &Bound<'py, PyAny>, trace: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let wrapped = TracedGenerator { inner: inner.clone().unbind(), body: Body::new(trace) };
    Ok(Bound::new(inner.py(), wrapped)?.into_any())
}

impl TracedGenerator {
    fn step<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        arguments: Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let running = self.body.enter(py);
        let result = self.inner.bind(py).call_method1(method, arguments);
        self.body.leave(py, running);
        if let Err(error) = &result {
            if error.is_instance_of::<PyStopIteration>(py) {
                self.body.end(Status::Ok, None);
            } else {
                self.body.end_with(py, error);
            }
        }
        result
    }
}

#[pymethods]
impl TracedGenerator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.step(py, "__next__", PyTuple::empty(py))
    }

    fn send<'py>(&self, py: Python<'py>, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.step(py, "send", PyTuple::new(py, [value])?)
    }

    #[pyo3(signature = (*arguments))]
    fn throw<'py>(&self, py: Python<'py>, arguments: Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.step(py, "throw", arguments)
    }

    fn close(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let result = self.step(py, "close", PyTuple::empty(py));
        if result.is_ok() {
            self.body.end(Status::Abandoned, None);
        }
        result.map(Bound::unbind)
    }

    #[getter(__class__)]
    fn class<'py>(&self, py: Python<'py>) -> Bound<'py, PyType> {
        self.inner.bind(py).get_type()
    }

    fn __getattr__<'py>(&self, name: Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(name.py()).getattr(name)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<traced {}>", self.inner.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.inner)?;
        visit.call(&self.body.trace)
    }
}

impl Drop for TracedGenerator {
    fn drop(&mut self) {
        Python::attach(|py| close_dropped(py, &self.inner, &self.body));
    }
}

/// Nobody can resume the generator any more. A plain one is closed now, as its own finalizer would close it; what it
/// does then is part of the trace.
fn close_dropped(py: Python<'_>, inner: &Py<PyAny>, body: &Body) {
    // SAFETY: with the GIL, on a trace that the body holds.
    if unsafe { (*body.object()).stage } != Stage::Open {
        return;
    }
    let raised = PyErr::take(py);
    let running = body.enter(py);
    if let Err(error) = inner.bind(py).call_method0("close") {
        error.write_unraisable(py, Some(inner.bind(py)));
    }
    body.leave(py, running);
    body.end(Status::Abandoned, None);
    if let Some(error) = raised {
        error.restore(py);
    }
}

/// An async generator whose run is a trace.
#[pyclass(frozen, weakref, module = "mtaio.monitoring._native")]
pub(crate) struct TracedAsyncGenerator {
    inner: Py<PyAny>,
    body: Body,
}

/// An async generator that is traced.
pub(super) fn wrap_async<'py>(inner: &Bound<'py, PyAny>, trace: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let wrapped = TracedAsyncGenerator { inner: inner.clone().unbind(), body: Body::new(trace) };
    Ok(Bound::new(inner.py(), wrapped)?.into_any())
}

impl TracedAsyncGenerator {
    fn step<'py>(
        slf: &Bound<'py, Self>,
        method: &str,
        arguments: Bound<'py, PyTuple>,
        closes: bool,
    ) -> PyResult<TracedStep> {
        let inner = slf.get().inner.bind(slf.py()).call_method1(method, arguments)?;
        Ok(TracedStep {
            generator: slf.clone().unbind(),
            inner: inner.unbind(),
            running: Mutex::new(None),
            closes,
            is_over: AtomicBool::new(false),
        })
    }
}

#[pymethods]
impl TracedAsyncGenerator {
    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(slf: &Bound<'_, Self>) -> PyResult<TracedStep> {
        Self::step(slf, "__anext__", PyTuple::empty(slf.py()), false)
    }

    fn asend<'py>(slf: &Bound<'py, Self>, value: Bound<'py, PyAny>) -> PyResult<TracedStep> {
        Self::step(slf, "asend", PyTuple::new(slf.py(), [value])?, false)
    }

    #[pyo3(signature = (*arguments))]
    fn athrow<'py>(slf: &Bound<'py, Self>, arguments: Bound<'py, PyTuple>) -> PyResult<TracedStep> {
        Self::step(slf, "athrow", arguments, false)
    }

    fn aclose(slf: &Bound<'_, Self>) -> PyResult<TracedStep> {
        Self::step(slf, "aclose", PyTuple::empty(slf.py()), true)
    }

    #[getter(__class__)]
    fn class<'py>(&self, py: Python<'py>) -> Bound<'py, PyType> {
        self.inner.bind(py).get_type()
    }

    fn __getattr__<'py>(&self, name: Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(name.py()).getattr(name)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<traced {}>", self.inner.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.inner)?;
        visit.call(&self.body.trace)
    }
}

impl Drop for TracedAsyncGenerator {
    fn drop(&mut self) {
        // The event loop's hook closes the inner one in a task of its own.
        Python::attach(|_| self.body.end(Status::Abandoned, None));
    }
}

/// One step of a traced async generator: what `__anext__`, `asend`, `athrow` and `aclose` return.
#[pyclass(frozen, module = "mtaio.monitoring._native")]
pub(crate) struct TracedStep {
    generator: Py<TracedAsyncGenerator>,
    inner: Py<PyAny>,
    /// What was innermost when it began; the outer option is empty before that.
    running: Mutex<Option<Running>>,
    closes: bool,
    is_over: AtomicBool,
}

impl TracedStep {
    fn resume<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        arguments: Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = &self.generator.get().body;
        let is_over = self.is_over.load(Ordering::Relaxed);
        if is_over || (self.closes && self.is_unbegun()) {
            // Nothing of the body runs: it never began, or this step is over.
            return self.inner.bind(py).call_method1(method, arguments);
        }
        let running = self.running().take();
        let mut running = match running {
            Some(running) => Running { since: self.now(), ..running },
            None => body.enter(py),
        };
        let result = self.inner.bind(py).call_method1(method, arguments);
        let Err(error) = &result else {
            body.pause(&mut running);
            *self.running() = Some(running);
            return result;
        };
        self.is_over.store(true, Ordering::Relaxed);
        body.leave(py, running);
        if error.is_instance_of::<PyStopIteration>(py) {
            if self.closes {
                body.end(Status::Abandoned, None);
            }
        } else if error.is_instance_of::<PyStopAsyncIteration>(py) {
            body.end(Status::Ok, None);
        } else {
            body.end_with(py, error);
        }
        result
    }

    fn now(&self) -> u64 {
        // SAFETY: with the GIL, on a trace that the body holds.
        unsafe { TraceObject::now(self.generator.get().body.object()) }
    }

    fn is_unbegun(&self) -> bool {
        // SAFETY: with the GIL, on a trace that the body holds.
        unsafe { (*self.generator.get().body.object()).stage == Stage::New }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl TracedStep {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.resume(py, "__next__", PyTuple::empty(py))
    }

    fn send<'py>(&self, py: Python<'py>, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.resume(py, "send", PyTuple::new(py, [value])?)
    }

    #[pyo3(signature = (*arguments))]
    fn throw<'py>(&self, py: Python<'py>, arguments: Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.resume(py, "throw", arguments)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let running = self.running().take();
        let result = self.inner.bind(py).call_method0("close");
        if let Some(running) = running {
            self.generator.get().body.leave(py, Running { since: self.now(), ..running });
        }
        result.map(drop)
    }

    fn __getattr__<'py>(&self, name: Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        if name == "__class__" {
            return Err(PyAttributeError::new_err("__class__"));
        }
        self.inner.bind(name.py()).getattr(name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.generator)?;
        visit.call(&self.inner)
    }
}
