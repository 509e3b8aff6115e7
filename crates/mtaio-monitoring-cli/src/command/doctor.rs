//! `mtaio doctor`: what can be read here, and what that costs.

use std::io::{self, IsTerminal, Write};

use mtaio_monitoring::sampling::Diagnosis;

use crate::appearance::Appearance;
use crate::diagnosis::{diagnosis_json, diagnosis_text};

use super::arguments::Doctor;
use super::ending::{Ending, Failure};

pub(super) fn run(arguments: &Doctor) -> Result<Ending, Failure> {
    let interval = arguments.interval.interval_seconds();
    #[cfg(target_os = "linux")]
    let diagnosis = match &arguments.root {
        Some(root) => Diagnosis::below(root, &mtaio_monitoring::clock::Clock::system(), interval),
        None => Diagnosis::of_this_machine(interval),
    };
    #[cfg(not(target_os = "linux"))]
    let diagnosis = Diagnosis::of_this_machine(interval);
    let mut stdout = io::stdout().lock();
    let text = if arguments.json {
        serde_json::to_string_pretty(&diagnosis_json(&diagnosis)).map_err(io::Error::from)? + "\n"
    } else {
        diagnosis_text(&diagnosis, stdout.is_terminal() && Appearance::of_environment().has_color())
    };
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(if diagnosis.is_usable() { Ending::Done } else { Ending::Unusable })
}
