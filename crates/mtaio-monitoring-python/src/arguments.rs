//! Arguments out of Python, or an error that says what was given and what is accepted.

use mtaio_monitoring::MonitoringError;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::{exception, wrong_type};

pub(crate) fn metric_name(argument: &str, name: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(text) = name.cast::<PyString>() else {
        return Err(wrong_type(argument, "a string", name));
    };
    text.to_str().map(str::to_owned).map_err(|_| {
        let given = name.repr().map_or_else(|_| String::new(), |repr| repr.to_string());
        let message = format!("{argument} must be text without lone surrogates, got {given}");
        exception(name.py(), &MonitoringError::Configuration(message))
    })
}

/// A whole number that may be in range. 0 makes the core say that it is not.
pub(crate) fn whole(argument: &str, accepted: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = value.py();
    let out_of_range = |given: String| {
        exception(py, &MonitoringError::Configuration(format!("{argument} must be {accepted}, got {given}")))
    };
    match value.extract::<i64>() {
        // Whatever is out of an i64's or a usize's range is out of ours too.
        Ok(number) => usize::try_from(number).map_err(|_| out_of_range(number.to_string())),
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => Err(out_of_range(value.str()?.to_string())),
        Err(_) => Err(wrong_type(argument, accepted, value)),
    }
}

/// What `float()` makes of numbers, but not of strings.
pub(crate) fn number(argument: &str, accepted: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let py = value.py();
    value.extract::<f64>().or_else(|error| {
        if error.is_instance_of::<PyOverflowError>(py) {
            Ok(f64::INFINITY)
        } else if error.is_instance_of::<PyTypeError>(py) {
            Err(wrong_type(argument, accepted, value))
        } else {
            Err(error)
        }
    })
}

pub(crate) fn finite_or_infinite(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    number("value", "a number (anything with __float__ or __index__)", value)
}
