//! `mtaio metrics`: the catalogue.

use std::io::{self, Write};

use mtaio_monitoring::metrics::catalogue::BuiltIn;
use serde::Serialize;

use mtaio_monitoring::export::writing::columns::{Align, align};

use super::arguments::Metrics;
use super::ending::{Ending, Failure};

pub(super) fn run(arguments: &Metrics) -> Result<Ending, Failure> {
    let text = if arguments.json { json()? } else { table() };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(Ending::Done)
}

/// A metric as programs read it.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    help: &'static str,
}

fn entries() -> impl Iterator<Item = Entry> {
    BuiltIn::ALL.iter().map(|metric| {
        let description = metric.description();
        let (name, kind) = (description.name, description.kind.name());
        Entry { name, kind, unit: description.unit, help: description.help }
    })
}

fn json() -> io::Result<String> {
    Ok(serde_json::to_string_pretty(&entries().collect::<Vec<_>>())? + "\n")
}

fn table() -> String {
    let mut rows = vec![["NAME", "KIND", "UNIT", "HELP"].map(str::to_owned).to_vec()];
    rows.extend(
        entries().map(|entry| [entry.name, entry.kind, entry.unit, entry.help].map(str::to_owned).to_vec()),
    );
    align(&rows, &[Align::Left; 4]).join("\n") + "\n"
}
