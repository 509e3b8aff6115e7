//! Exceptions, as a trace sees them.

#![expect(unsafe_code, reason = "slots of CPython written by hand; every function here runs with the GIL")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the bodies are calls of CPython's C API from end to end")]

use mtaio_monitoring::profiler::Status;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::{PyErr, ffi};

use super::types::shared;

/// Characters of an error's text that are kept.
const LONGEST_TEXT: usize = 1_000;

/// The exception that was raised when this was taken, put by so that other calls may be made.
pub(super) struct Raised(Option<PyErr>);

impl Raised {
    pub(super) unsafe fn take() -> Self {
        if ffi::PyErr_Occurred().is_null() {
            return Self(None);
        }
        Self(PyErr::take(Python::assume_attached()))
    }

    pub(super) unsafe fn restore(self) {
        if let Some(error) = self.0 {
            error.restore(Python::assume_attached());
        }
    }

    /// Whether it is how a coroutine returns.
    pub(super) unsafe fn is_stop(&self) -> bool {
        let stop = |error: &PyErr| error.is_instance_of::<PyStopIteration>(Python::assume_attached());
        self.0.as_ref().is_some_and(stop)
    }

    /// The status of a trace that this ends, and the error's text.
    pub(super) unsafe fn judge(&self) -> (Status, Option<Box<str>>) {
        match &self.0 {
            None => (Status::Ok, None),
            Some(error) => judge(error.value(Python::assume_attached()).as_ptr()),
        }
    }
}

/// The status of a trace that this exception (or `None`) ends, and the error's text.
pub(super) unsafe fn judge(exception: *mut ffi::PyObject) -> (Status, Option<Box<str>>) {
    if exception.is_null() || exception == ffi::Py_None() {
        return (Status::Ok, None);
    }
    if ffi::PyErr_GivenExceptionMatches(exception, shared().cancelled) != 0 {
        return (Status::Cancelled, None);
    }
    if ffi::PyErr_GivenExceptionMatches(exception, ffi::PyExc_GeneratorExit) != 0 {
        return (Status::Abandoned, None);
    }
    (Status::Error, Some(text(exception)))
}

/// `ValueError: no such user`. An exception whose `__str__` fails is named alone.
unsafe fn text(exception: *mut ffi::PyObject) -> Box<str> {
    let py = Python::assume_attached();
    let exception = Bound::from_borrowed_ptr(py, exception);
    let name = exception.get_type().qualname().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let text = exception.str().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    if text.is_empty() {
        return name.into();
    }
    let mut whole = format!("{name}: {text}");
    if let Some((end, _)) = whole.char_indices().nth(LONGEST_TEXT) {
        whole.truncate(end);
        whole.push('…');
    }
    whole.into()
}
