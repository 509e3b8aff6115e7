//! `mtaio check-config`: whether a file can be used.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use mtaio_monitoring::alerts::Rule;
use mtaio_monitoring::export::writing::printable::printable;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::{ConfigFile, MonitorCore};

use super::arguments::CheckConfig;
use super::ending::{Ending, Failure};

pub(super) fn run(arguments: &CheckConfig) -> Result<Ending, Failure> {
    let file = ConfigFile::read(&arguments.file)?;
    // Where alerts would go, in the words of the monitor: without secrets. It is never started.
    let monitor = MonitorCore::new(file.config()?);
    file.set_up(&monitor);
    let mut text = format!(
        "{}: OK, {}, {}, interval {} s\n",
        printable(&arguments.file.to_string_lossy()),
        counted(file.rules.len(), "threshold"),
        counted(file.destinations.len(), "destination"),
        monitor.config().interval_seconds(),
    );
    for rule in &file.rules {
        let side = if rule.below { "below" } else { "above" };
        let by = source(rule);
        let _ = writeln!(text, "  {} {side} {}, {by}", printable(&rule.metric), rule.threshold);
    }
    for destination in monitor.health().destinations {
        let _ = writeln!(text, "  {} {}", destination.kind, printable(&destination.address));
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(Ending::Done)
}

/// Where its values come from. Whoever misspells the name of a built-in metric sees it here.
fn source(rule: &Rule) -> &'static str {
    let is_built_in = rule.expression.terms().all(|term| BuiltIn::from_name(&term.metric).is_some());
    if is_built_in { "measured by the monitor" } else { "recorded by the program" }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
