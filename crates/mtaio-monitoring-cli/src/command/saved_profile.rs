//! `mtaio report FILE`: a saved profile, as text or in another format.

use std::io::{self, Read, Write};
use std::path::Path;

use mtaio_monitoring::export::Format;
use mtaio_monitoring::{MonitoringError, Profile};

use super::arguments::Report;
use super::ending::{Ending, Failure};

pub(super) fn run(arguments: &Report, file: &Path) -> Result<Ending, Failure> {
    let format = match (arguments.format, &arguments.output) {
        (None, Some(path)) if !is_standard(path) => format_of(path)?,
        (format, _) => format,
    };
    if arguments.diff.is_some() && format.is_some() {
        let message = "what changed is text: give --output a name that ends in .txt, or leave it away";
        return Err(MonitoringError::Profile(message.to_owned()).into());
    }
    let profile = read(file)?;
    let text = if let Some(other) = &arguments.diff {
        let diff = profile.diff(&read(other)?);
        if arguments.all { format!("{diff:#}") } else { diff.to_string() }
    } else {
        match format {
            Some(format) => profile.export(format),
            None if arguments.all => format!("{profile:#}"),
            None => profile.to_string(),
        }
    };
    match &arguments.output {
        Some(path) if !is_standard(path) => std::fs::write(path, text).map_err(|error| {
            let path = path.display();
            MonitoringError::Profile(format!("cannot write {path}: {error}"))
        })?,
        _ => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()?;
        }
    }
    Ok(Ending::Done)
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// The format that a file's name asks for; `None` for text.
fn format_of(path: &Path) -> Result<Option<Format>, MonitoringError> {
    let suffix = path.extension().map(|suffix| suffix.to_string_lossy().into_owned());
    match (Format::of_path(path), suffix.as_deref()) {
        (None, Some(suffix)) if suffix != "txt" => {
            let formats = Format::ALL.map(Format::name).join(", ");
            let path = path.display();
            Err(MonitoringError::Profile(format!("no format goes with {path}: give --format, one of {formats}")))
        }
        (format, _) => Ok(format),
    }
}

fn read(path: &Path) -> Result<Profile, MonitoringError> {
    if !is_standard(path) {
        return Profile::load(path);
    }
    let cannot = |error: &dyn std::fmt::Display| {
        MonitoringError::Profile(format!("cannot read the standard input: {error}"))
    };
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    Profile::from_json(&bytes).map_err(|error| cannot(&error))
}
