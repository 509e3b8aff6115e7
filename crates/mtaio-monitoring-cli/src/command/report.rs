//! `mtaio report`: what a machine, or a process that serves its monitor, did in some seconds.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};

use crate::far::{Far, Past};
use crate::summary::Summary;
use crate::top::{Machine, Source};

use super::arguments::Report;
use super::ending::{Ending, Failure};
use super::interrupts::Interrupts;
use super::metrics::escaped;
use super::saved_profile;
use super::top::{end, started};

/// Seconds that are watched, unless others are asked for.
const SECONDS: u32 = 10;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Columns of the bar.
const BAR: usize = 30;

pub(super) fn run(arguments: &Report) -> Result<Ending, Failure> {
    let address = arguments.file.as_ref().and_then(|file| file.to_str()).filter(|file| file.contains("://"));
    let watches = arguments.file.is_none() || address.is_some();
    check(arguments, watches, address.is_some())?;
    match (&arguments.file, address) {
        (Some(file), None) => saved_profile::run(arguments, file),
        (_, Some(address)) => {
            let far = Far::connect(address, arguments.token.read()?.as_deref(), Past::None)?;
            watch(arguments, far)
        }
        (None, None) => {
            let monitor = Arc::new(started(&arguments.sampling)?);
            let watched = watch(arguments, Machine::new(Arc::clone(&monitor)));
            end(&monitor);
            watched
        }
    }
}

/// What goes with one kind of report only.
fn check(arguments: &Report, watches: bool, is_far: bool) -> Result<(), MonitoringError> {
    let wrong = |message: &str| Err(MonitoringError::Configuration(message.to_owned()));
    let sampling = &arguments.sampling;
    let is_sampling = sampling.interval.is_some() || sampling.config.is_some() || !sampling.thresholds.is_empty();
    if !watches && (arguments.seconds.is_some() || arguments.json || is_sampling) {
        return wrong(
            "a profile was saved before: --seconds, --json, --interval, --config and --threshold are for what is watched",
        );
    }
    if watches && (arguments.format.is_some() || arguments.diff.is_some() || arguments.all) {
        return wrong("--format, --diff and --all are for a profile, and what is watched is none");
    }
    if is_far && is_sampling {
        return wrong("--interval, --config and --threshold are for this machine: the other end has its own");
    }
    if !is_far && arguments.token.is_file_given() {
        return wrong("--token-file is for a URL, which was not given");
    }
    Ok(())
}

fn watch(arguments: &Report, mut source: impl Source) -> Result<Ending, Failure> {
    let seconds = arguments.seconds.unwrap_or(SECONDS);
    // Found out before, not after a day.
    let mut file = match &arguments.output {
        Some(path) => Some(std::fs::File::create(path).map_err(|error| {
            MonitoringError::Configuration(format!("cannot write {}: {error}", path.display()))
        })?),
        None => None,
    };
    let interrupts = Interrupts::listen(false)?;
    let clock = Clock::system();
    let begun_ns = clock.monotonic_ns();
    let mut summary = Summary::default();
    let mut newest = None;
    let mut signal = None;
    let progress = Progress { is_shown: io::stderr().is_terminal(), seconds };
    loop {
        let passed_ns = clock.monotonic_ns() - begun_ns;
        let observation = source.observe(newest);
        newest = observation.view.snapshot.stats.as_ref().map(|stats| stats.timestamp).or(newest);
        summary.take_in(observation);
        let left_ns = (u64::from(seconds) * NANOS_PER_SECOND).saturating_sub(passed_ns);
        if left_ns == 0 || signal.is_some() {
            break;
        }
        progress.show(passed_ns / NANOS_PER_SECOND);
        signal = interrupts.wait(LOOK_EVERY.min(Duration::from_nanos(left_ns)));
    }
    progress.clear();
    let passed = (clock.monotonic_ns() - begun_ns) as f64 / 1e9;
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&summary.json(passed)).map_err(io::Error::from)?;
        escaped(&(json + "\n"))
    } else {
        summary.text(passed)
    };
    match &mut file {
        Some(file) => file.write_all(text.as_bytes())?,
        None => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()?;
        }
    }
    Ok(signal.map_or(Ending::Done, Ending::Interrupted))
}

/// A bar on the terminal that the standard error is.
struct Progress {
    is_shown: bool,
    seconds: u32,
}

impl Progress {
    fn show(&self, passed: u64) {
        if self.is_shown {
            let full = BAR * usize::try_from(passed).unwrap_or(BAR) / self.seconds.max(1) as usize;
            let bar = "#".repeat(full.min(BAR)) + &".".repeat(BAR.saturating_sub(full));
            // It is of no weight whether anybody sees it.
            let _ = write!(io::stderr(), "\r[{bar}] {passed} of {} s", self.seconds);
        }
    }

    fn clear(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
