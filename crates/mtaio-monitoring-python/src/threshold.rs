//! The keywords of `set_threshold` as a rule, and silences as tuples.

use std::collections::BTreeMap;

use mtaio_monitoring::alerts::{Level, NoData, Rule, RuleOptions, Silence};
use mtaio_monitoring::{MonitoringError, Result};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments::{metric_name, number};
use crate::errors::{exception, wrong_type};

const SECONDS: &str = "a number of seconds from 0 to 3.2e9 (a hundred years)";
const REPEAT: &str = "a number of seconds above 0 and up to 3.2e9 (a hundred years), or None";
const WINDOW: &str = "a number of seconds above 0 and up to 86400 (a day)";
const SAMPLES: &str = "(n, m), n of the last m values, with 1 <= n <= m <= 64, or None";
const ANNOTATIONS: &str = "a mapping of strings to strings, or None";

/// The rule that `set_threshold` was asked for. `options` has all of its keywords.
pub(crate) fn rule(
    py: Python<'_>,
    metric: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
) -> PyResult<Rule> {
    let given = |name: &str| -> PyResult<Bound<'_, PyAny>> { options.as_any().get_item(name) };
    let some =
        |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> { Ok(Some(given(name)?).filter(|it| !it.is_none())) };
    let seconds = |name: &str| number(name, SECONDS, &given(name)?);
    let optional = |name: &str, accepted: &str| some(name)?.map(|it| number(name, accepted, &it)).transpose();
    let refused = |error: MonitoringError| exception(py, &error);
    let below = given("below")?;
    let options = RuleOptions {
        below: below.extract().map_err(|_| wrong_type("below", "True or False", &below))?,
        clear: optional("clear", "a finite number or None")?,
        for_seconds: seconds("for_seconds")?,
        repeat_seconds: optional("repeat_seconds", REPEAT)?,
        critical: optional("critical", "a finite number or None")?,
        level: named("level", "'warning' or 'critical'", &given("level")?, Level::from_name)?,
        keep_firing_seconds: seconds("keep_firing_seconds")?,
        window_seconds: number("window_seconds", WINDOW, &given("window_seconds")?)?,
        samples: some("samples")?.map(|pair| samples(&pair)).transpose()?.unwrap_or((1, 1)),
        no_data: named("no_data", "'keep', 'resolve' or 'alert'", &given("no_data")?, NoData::from_name)?,
        grace_seconds: seconds("grace_seconds")?,
        cool_down_seconds: seconds("cool_down_seconds")?,
    };
    let annotations = some("annotations")?.map(|texts| annotations(&texts)).transpose()?.unwrap_or_default();
    let value = number("value", "a finite number", value)?;
    let rule = Rule::new(&metric_name("metric", metric)?, value, options).map_err(refused)?;
    Ok(rule.with_annotations(annotations))
}

/// `(number, matcher, comment, expires)`.
pub(crate) fn silence<'py>(py: Python<'py>, silence: &Silence) -> PyResult<Bound<'py, PyTuple>> {
    (silence.number, &**silence.matcher.text(), &*silence.comment, silence.expires).into_pyobject(py)
}

fn named<T>(
    argument: &str,
    accepted: &str,
    name: &Bound<'_, PyAny>,
    from_name: fn(&str) -> Result<T>,
) -> PyResult<T> {
    let text = name.extract::<String>().map_err(|_| wrong_type(argument, accepted, name))?;
    from_name(&text).map_err(|error| exception(name.py(), &error))
}

fn samples(pair: &Bound<'_, PyAny>) -> PyResult<(u32, u32)> {
    let py = pair.py();
    let refused = || {
        let given = pair.repr().map_or_else(|_| String::new(), |repr| repr.to_string());
        exception(py, &MonitoringError::Configuration(format!("samples must be {SAMPLES}, got {given}")))
    };
    let (n, m) = match pair.extract::<(i64, i64)>() {
        Ok(pair) => pair,
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => return Err(refused()),
        Err(_) => return Err(wrong_type("samples", SAMPLES, pair)),
    };
    // What does not fit is out of the rule's range too.
    u32::try_from(n).ok().zip(u32::try_from(m).ok()).ok_or_else(refused)
}

fn annotations(texts: &Bound<'_, PyAny>) -> PyResult<BTreeMap<String, String>> {
    let wrong = || wrong_type("annotations", ANNOTATIONS, texts);
    let copy = PyDict::new(texts.py());
    // As dict() does it: any mapping will do.
    copy.call_method1("update", (texts,)).map_err(|_| wrong())?;
    copy.extract().map_err(|_| wrong())
}
