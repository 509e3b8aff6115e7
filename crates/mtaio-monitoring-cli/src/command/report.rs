//! `mtaio report`: a saved profile, as text or in another format.

use std::io::{self, Read, Write};
use std::path::Path;

use mtaio_monitoring::export::Format;
use mtaio_monitoring::{MonitoringError, Profile};

use super::arguments::Report;
use super::ending::{Ending, Failure};

pub(super) fn run(arguments: &Report) -> Result<Ending, Failure> {
    let profile = read(&arguments.file)?;
    let text = if let Some(other) = &arguments.diff {
        let diff = profile.diff(&read(other)?);
        if arguments.all { format!("{diff:#}") } else { diff.to_string() }
    } else {
        match arguments.format.or_else(|| Format::of_path(arguments.output.as_ref()?)) {
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
