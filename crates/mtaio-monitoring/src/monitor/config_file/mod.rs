//! Settings, thresholds and destinations out of a TOML file, such as `mtaio.toml`.
//!
//! What is accepted is said by what takes it (`Config`, `Rule`, `Webhook`, …): here is only where it stands. Every fault of
//! a file is told at once, with its line.

mod destinations;
mod faults;
mod fields;
mod file;
mod settings;
mod thresholds;

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::alerts::Rule;
use crate::error::{MonitoringError, Result};

use super::config::Config;
use super::core::MonitorCore;
use super::destinations::Destination;

use destinations::Environment;
use faults::Faults;
use fields::Fields;

pub use settings::Settings;

/// The largest file.
const MOST_BYTES: usize = 1 << 20;
/// Where the configuration stands in a `pyproject.toml`.
const IN_PYPROJECT: [&str; 3] = ["tool", "mtaio", "monitoring"];

/// What a file says of a monitor.
///
/// Keys have the names of the settings and of the options of thresholds and destinations:
///
/// ```
/// use mtaio_monitoring::monitor::{Config, ConfigFile, MonitorCore};
///
/// let file = ConfigFile::parse("mtaio.toml", r#"
///     interval = 0.5
///
///     [[thresholds]]
///     metric = "memory_usage"
///     value = 80.0
///     critical = 95.0
///
///     [[destinations]]
///     type = "alertmanager"
///     url = "http://127.0.0.1:9093"
/// "#).unwrap();
/// let monitor = MonitorCore::new(file.config().unwrap());
/// file.set_up(&monitor);
/// assert_eq!(monitor.config().interval_seconds(), 0.5);
///
/// let error = ConfigFile::parse("mtaio.toml", "intervall = 0.5").unwrap_err();
/// assert!(error.to_string().contains("mtaio.toml:1:1: the file has no key \"intervall\": did you mean interval?"));
/// ```
///
/// In the texts of a destination, `${NAME}` stands for a variable of the environment; of its address and headers nothing is
/// ever shown. Of a file named `pyproject.toml` the table `tool.mtaio.monitoring` is read.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ConfigFile {
    /// The settings that it gives.
    pub settings: Settings,
    /// Its thresholds, in its order.
    pub rules: Vec<Rule>,
    /// Its destinations, in its order.
    pub destinations: Vec<Destination>,
}

impl ConfigFile {
    /// Reads a file of up to 1 MiB.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] where it cannot be read; or with all of its faults, each with its line.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::parse_bytes(&path.to_string_lossy(), &Self::bytes_of(path)?)
    }

    /// The bytes of a file, of which there are 1 MiB and one at most: what may have to wait for a disk. What is made of them
    /// reads the environment, which a program may want to keep still meanwhile.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] where it cannot be read.
    pub fn bytes_of(path: &Path) -> Result<Vec<u8>> {
        file::read(path)
    }

    /// From a text; `name` is the file's, for messages.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::parse_with(name, text, &file::variable)
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], and where they are no UTF-8.
    pub fn parse_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MOST_BYTES {
            let accepted = format!("a file of up to {MOST_BYTES} bytes (1 MiB)");
            return Err(MonitoringError::argument(name, &accepted, "a larger one"));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            MonitoringError::Configuration(format!("{name}:{line}: the file must be UTF-8, and this line is not"))
        })?;
        Self::parse(name, text)
    }

    /// As [`Self::parse`], with an environment of one's own.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse_with(name: &str, text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut faults = Faults::of(name, text);
        let (document, broken) = DeTable::parse_recoverable(text);
        for error in &broken {
            let at = error.span().unwrap_or(text.len()..text.len());
            // The parser sees a text without quotes where there is nothing.
            let before = text.get(..at.end).unwrap_or(text).trim_end_matches([' ', '\t', '\r']);
            let what = if before.ends_with('=') { "there is no value" } else { error.message() };
            faults.add_broken(at, &format!("this is no TOML: {what}"), is_public);
        }
        drop(broken);
        let file = Self::of_document(document.get_ref(), environment, &mut faults);
        match faults.into_error() {
            Some(error) => Err(error),
            None => Ok(file),
        }
    }

    /// The settings, and the defaults where it gives none.
    ///
    /// # Errors
    ///
    /// As [`Settings::applied_to`].
    pub fn config(&self) -> Result<Config> {
        self.settings.applied_to(Config::default())
    }

    /// Sets its thresholds and adds its destinations, whose numbers it gives.
    pub fn set_up(&self, monitor: &MonitorCore) -> Vec<u64> {
        for rule in &self.rules {
            monitor.set_rule(rule.clone());
        }
        self.destinations.iter().map(|destination| monitor.add_destination(destination.clone())).collect()
    }

    fn of_document(document: &DeTable<'_>, environment: Environment<'_>, faults: &mut Faults<'_>) -> Self {
        let name = faults.file_name();
        let table = if name == "pyproject.toml" { in_pyproject(document, faults) } else { Some(document) };
        let Some(table) = table else { return Self::default() };
        let known = [&settings::KEYS[..], &["thresholds", "destinations"]].concat();
        let fields = Fields::of("the file", 0..0, table, &known, belongs_to_a_table, faults);
        let settings = Settings::read(&fields, faults);
        let mut places = thresholds::Places::new();
        let mut rules = Vec::new();
        for (at, table) in fields.tables("thresholds", faults) {
            let fields = Fields::of("a threshold", at, table, &thresholds::KEYS, belongs_to_the_file, faults);
            rules.extend(thresholds::rule(&fields, &mut places, faults));
        }
        let mut destinations = Vec::new();
        for (at, table) in fields.tables("destinations", faults) {
            destinations::keep_secrets(table, faults);
            let kind = table.get("type").and_then(|kind| kind.get_ref().as_str());
            let known = destinations::keys(kind);
            let fields = Fields::of("a destination", at, table, &known, belongs_to_the_file, faults);
            destinations.extend(destinations::destination(&fields, environment, faults));
        }
        Self { settings, rules, destinations }
    }
}

/// The table that is ours.
fn in_pyproject<'a>(document: &'a DeTable<'a>, faults: &mut Faults<'_>) -> Option<&'a DeTable<'a>> {
    let mut table = document;
    for key in IN_PYPROJECT {
        match table.get(key).map(toml::Spanned::get_ref) {
            Some(DeValue::Table(inner)) => table = inner,
            _ => {
                faults.add_missing(&(0..0), format!("there is no table [{}]", IN_PYPROJECT.join(".")));
                return None;
            }
        }
    }
    Some(table)
}

/// Whether what follows the first word of a line that is no TOML is no secret.
fn is_public(word: &str) -> bool {
    settings::KEYS.contains(&word)
        || thresholds::KEYS.contains(&word)
        || destinations::PUBLIC.contains(&word)
        || word == "thresholds"
}

fn belongs_to_a_table(key: &str) -> Option<&'static str> {
    match key {
        "monitor" => Some("settings of the monitor stand at the top of the file, before the first table"),
        "metric" | "value" => Some("it stands below a line [[thresholds]]"),
        "url" | "headers" => Some("it stands below a line [[destinations]]"),
        _ => None,
    }
}

fn belongs_to_the_file(key: &str) -> Option<&'static str> {
    settings::KEYS.contains(&key).then_some("it is a setting of the monitor, and stands before the first table")
}
