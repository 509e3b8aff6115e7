//! Destinations out of what `add_destination` was given.

use std::time::Duration;

use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::monitor::{Alertmanager, DestinationHealth, Webhook};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{metric_name, number};
use crate::errors::exception;

/// The longest that a webhook is tried again: a day.
const LONGEST_RETRY_SECONDS: f64 = 86_400.0;
const A_TIMEOUT: &str = "a number of seconds above 0 and up to 300";

/// Names with texts.
pub(crate) type Texts = Vec<(String, String)>;

fn pairs(texts: &Texts) -> impl Iterator<Item = (&str, &str)> {
    texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
}

pub(crate) fn webhook(
    url: &Bound<'_, PyAny>,
    headers: &Texts,
    timeout: &Bound<'_, PyAny>,
    retry: &Bound<'_, PyAny>,
) -> PyResult<Webhook> {
    let py = url.py();
    let timeout = number("timeout_seconds", A_TIMEOUT, timeout)?;
    let accepted = "a number of seconds from 0 to 86400 (a day)";
    let retry = number("retry_seconds", accepted, retry)?;
    if !(0.0..=LONGEST_RETRY_SECONDS).contains(&retry) {
        let message = format!("retry_seconds must be {accepted}, got {retry}");
        return Err(exception(py, &MonitoringError::Configuration(message)));
    }
    Webhook::with_headers(&metric_name("url", url)?, pairs(headers))
        .and_then(|webhook| webhook.with_timeout_seconds(timeout))
        .map(|webhook| webhook.with_retry(Duration::from_secs_f64(retry)))
        .map_err(|error| exception(py, &error))
}

pub(crate) fn alertmanager(
    url: &Bound<'_, PyAny>,
    labels: &Texts,
    generator_url: Option<&Bound<'_, PyAny>>,
    resend: &Bound<'_, PyAny>,
    timeout: &Bound<'_, PyAny>,
) -> PyResult<Alertmanager> {
    let py = url.py();
    let resend = number("resend_seconds", "a number of seconds from 0.1 to 3600", resend)?;
    let timeout = number("timeout_seconds", A_TIMEOUT, timeout)?;
    let generator_url = generator_url.map(|url| metric_name("generator_url", url)).transpose()?;
    Alertmanager::new(&metric_name("url", url)?)
        .and_then(|manager| manager.with_labels(pairs(labels)))
        .and_then(|manager| match &generator_url {
            Some(url) => manager.with_generator_url(url),
            None => Ok(manager),
        })
        .and_then(|manager| manager.with_resend_seconds(resend))
        .and_then(|manager| manager.with_timeout_seconds(timeout))
        .map_err(|error| exception(py, &error))
}

/// The number of a destination, and the fields of its `DestinationHealth`.
pub(crate) fn health<'py>(py: Python<'py>, health: &DestinationHealth) -> PyResult<Bound<'py, PyTuple>> {
    let DestinationHealth { number, kind, address, sent, failed, dropped, waiting, last_error } = health;
    (*number, (*kind, address, *sent, *failed, *dropped, *waiting, last_error)).into_pyobject(py)
}
