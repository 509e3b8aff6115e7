//! `mtaio metrics`: what is measured and recorded, with how much it is now.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::{Args, ValueEnum};
use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::Snapshot;
use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};
use mtaio_monitoring::export::Exposition;
use mtaio_monitoring::export::writing::columns::{Align, align};
use mtaio_monitoring::export::writing::printable::{fit, printable};
use mtaio_monitoring::export::writing::quantity::{Unit, quantity};
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::{Config, MonitorCore};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::far::Client;

use super::ending::{Ending, Failure};
use super::token::Token;

/// List every metric with its value now, kind, unit and meaning: of this machine, or of a process that serves its monitor
///
/// Shares and rates are of the half second that this takes.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(super) struct Metrics {
    /// Only metrics with these letters in their names; or where a monitor is served: http://127.0.0.1:8000/, or host:port
    #[arg(value_name = "NAME|URL")]
    what: Option<String>,

    /// How it is written
    #[arg(short, long, value_enum, default_value = "table")]
    format: Format,

    /// Print a JSON array of objects: name, kind, unit, help, value; as --format json
    #[arg(short, long, conflicts_with = "format")]
    json: bool,

    /// Measure nothing: what there can be
    #[arg(short, long)]
    catalogue: bool,

    #[command(flatten)]
    token: Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns for people
    Table,
    /// An array of objects
    Json,
    /// Prometheus' text format
    Prometheus,
    /// OpenMetrics 1.0
    Openmetrics,
}

const HELP: &str = "\
Examples:
  mtaio metrics                          all of this machine's
  mtaio metrics pressure                 those about pressure
  mtaio metrics --json | jq '.[] | select(.name == \"cpu_usage\") .value'
  mtaio metrics --format prometheus      a scrape, without a server
  mtaio metrics http://127.0.0.1:8000/   what a process tells, with what it records
  mtaio metrics --catalogue              what there can be, with nothing measured";

/// Between two samples, and until there are enough for every share and rate.
const INTERVAL_SECONDS: f64 = 0.2;
const SAMPLES: u64 = 3;
const PATIENCE_NS: u64 = 10 * NANOS_PER_SECOND;

pub(super) fn run(arguments: &Metrics) -> Result<Ending, Failure> {
    let format = if arguments.json { Format::Json } else { arguments.format };
    let (address, part) = match arguments.what.as_deref() {
        Some(what) if is_address(what) => (Some(what), ""),
        what => (None, what.unwrap_or_default()),
    };
    check(arguments, format, address, part)?;
    let text = match (exposition(format), address) {
        (Some((_, accept)), Some(address)) => {
            let bytes = Client::new(address, arguments.token.read()?.as_deref())?.bytes("metrics", accept)?;
            foreign(&String::from_utf8_lossy(&bytes))
        }
        (Some((exposition, _)), None) => snapshot()?.exposition(exposition),
        (None, _) => {
            let mut entries = match address {
                Some(address) => told(&Client::new(address, arguments.token.read()?.as_deref())?)?,
                None if arguments.catalogue => catalogue(None),
                None => catalogue(Some(&snapshot()?)),
            };
            entries.retain(|entry| entry.name.contains(part));
            if entries.is_empty() {
                return Err(nothing(part).into());
            }
            if format == Format::Json { json(&entries)? } else { table(&entries, arguments.catalogue) }
        }
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(Ending::Done)
}

/// No metric has either in its name.
pub(super) fn is_address(what: &str) -> bool {
    what.contains([':', '/'])
}

fn check(arguments: &Metrics, format: Format, address: Option<&str>, part: &str) -> Result<(), MonitoringError> {
    let wrong = |message: &str| Err(MonitoringError::Configuration(message.to_owned()));
    match address {
        _ if arguments.catalogue && (address.is_some() || exposition(format).is_some()) => {
            wrong("--catalogue has no values: it goes with neither a URL nor a scrape")
        }
        None if arguments.token.is_file_given() => wrong("--token-file is for a URL, which was not given"),
        _ if exposition(format).is_some() && !part.is_empty() => {
            wrong("a scrape is of everything: give a NAME with --format table or json")
        }
        _ => Ok(()),
    }
}

/// What a format is called in a request.
fn exposition(format: Format) -> Option<(Exposition, &'static str)> {
    match format {
        Format::Prometheus => Some((Exposition::Prometheus, "text/plain;version=0.0.4")),
        Format::Openmetrics => Some((Exposition::OpenMetrics, "application/openmetrics-text;version=1.0.0")),
        Format::Table | Format::Json => None,
    }
}

/// This machine, once every share and rate has two readings.
fn snapshot() -> Result<Snapshot, MonitoringError> {
    let monitor = MonitorCore::new(Config::default().with_interval_seconds(INTERVAL_SECONDS)?);
    monitor.start()?;
    let clock = Clock::system();
    let deadline_ns = clock.monotonic_ns() + PATIENCE_NS;
    while monitor.health().samples < SAMPLES && clock.monotonic_ns() < deadline_ns {
        std::thread::sleep(Duration::from_millis(10));
    }
    let snapshot = Snapshot::of(&monitor);
    monitor.request_stop();
    Ok(snapshot)
}

/// A metric as programs read it.
#[derive(Debug, Deserialize, Serialize)]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    labels: Value,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    help: String,
    /// Of what was recorded, the newest.
    #[serde(default, alias = "last")]
    value: Option<f64>,
}

fn catalogue(snapshot: Option<&Snapshot>) -> Vec<Entry> {
    let stats = snapshot.and_then(|snapshot| snapshot.stats.as_ref());
    let entry = |metric: &BuiltIn| {
        let about = metric.description();
        Entry {
            name: about.name.to_owned(),
            labels: Value::Null,
            kind: about.kind.name().to_owned(),
            unit: about.unit.to_owned(),
            help: about.help.to_owned(),
            value: stats.and_then(|stats| stats.value(*metric)).filter(|value| value.is_finite()),
        }
    };
    BuiltIn::ALL.iter().map(entry).collect()
}

/// What a server tells: all that it measures, and what the program there records.
fn told(client: &Client) -> Result<Vec<Entry>, Failure> {
    #[derive(Deserialize)]
    struct Told {
        built_in: Vec<Entry>,
        recorded: Vec<Entry>,
    }
    let Told { mut built_in, recorded } = client.json("api/v1/metrics")?;
    built_in.extend(recorded);
    Ok(built_in)
}

fn nothing(part: &str) -> MonitoringError {
    let part = printable(part);
    MonitoringError::Configuration(format!(
        "no metric has {part} in its name; `mtaio metrics --catalogue` lists all"
    ))
}

fn json(entries: &[Entry]) -> io::Result<String> {
    Ok(escaped(&(serde_json::to_string_pretty(entries)? + "\n")))
}

/// JSON in which nothing could do harm in a terminal: such characters are within strings, where they can be escaped.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        let is_harmless = letter == '\n' || printable(letter.encode_utf8(&mut [0; 4])).starts_with(letter);
        if is_harmless {
            text.push(letter);
        } else {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text += &format!("\\u{unit:04x}"));
        }
    }
    text
}

fn table(entries: &[Entry], is_catalogue: bool) -> String {
    let row = |entry: &Entry| {
        let labels: Vec<String> = entry
            .labels
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let title =
            if labels.is_empty() { entry.name.clone() } else { format!("{}{{{}}}", entry.name, labels.join(",")) };
        let value = quantity(entry.value, Unit::of_metric(&entry.name));
        let mut cells =
            vec![fit(&title, 80), value, fit(&entry.kind, 20), fit(&entry.unit, 20), printable(&entry.help)];
        if is_catalogue {
            cells.remove(1);
        }
        cells
    };
    let mut heading = ["NAME", "VALUE", "KIND", "UNIT", "HELP"].map(str::to_owned).to_vec();
    let mut sides = vec![Align::Left, Align::Right, Align::Left, Align::Left, Align::Left];
    if is_catalogue {
        heading.remove(1);
        sides.remove(1);
    }
    let rows: Vec<_> = std::iter::once(heading).chain(entries.iter().map(row)).collect();
    align(&rows, &sides).join("\n") + "\n"
}

/// A scrape of somebody else's, as it came where a program reads it.
fn foreign(text: &str) -> String {
    if !io::stdout().is_terminal() {
        return text.to_owned();
    }
    text.lines().map(|line| printable(line) + "\n").collect()
}
