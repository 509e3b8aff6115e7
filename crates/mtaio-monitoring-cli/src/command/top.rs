//! `mtaio top`: this machine, live.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::export::writing::printable::printable;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::{ConfigFile, MonitorCore};

use crate::live::{LiveOptions, LiveView, Output};
use crate::view::View;

use super::arguments::Sampling;
use super::ending::{Ending, Failure};
use super::interrupts::{Interrupts, regular_end};

/// How soon it is noticed that the terminal has gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the end waits for destinations.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &Sampling) -> Result<Ending, Failure> {
    let output = Output::stdout();
    let interrupts = Interrupts::listen(output.is_screen())?;
    let monitor = Arc::new(started(arguments)?);
    let watched = Arc::clone(&monitor);
    let source = move || {
        // Nobody else takes the events, and the screen shows alerts and health by itself.
        drop(monitor.drain_events());
        View::of(&monitor, "mtaio top")
    };
    let mut live = LiveView::start(source, output, LiveOptions::default())?;
    let mut signal = None;
    while signal.is_none() && !live.has_ended() {
        signal = interrupts.wait(LOOK_EVERY);
    }
    live.stop()?;
    end(&watched);
    Ok(signal.map_or(Ending::Done, regular_end))
}

/// A monitor of this machine that runs.
pub(super) fn started(arguments: &Sampling) -> Result<MonitorCore, Failure> {
    let mut file = arguments.config.as_ref().map(ConfigFile::read).transpose()?.unwrap_or_default();
    if let Some(interval) = &arguments.interval {
        file.settings.interval = Some(interval.interval_seconds());
    }
    // Nobody records here: what watches a service's own metrics would find none, and might call that an alert.
    file.rules.retain(|rule| {
        let is_measured = rule.expression.terms().all(|term| BuiltIn::from_name(&term.metric).is_some());
        if !is_measured {
            let metric = printable(&rule.metric);
            // Samples come where nobody reads this.
            let _ = writeln!(io::stderr(), "mtaio: not watched here, since only a service records it: {metric}");
        }
        is_measured
    });
    let monitor = MonitorCore::new(file.config()?);
    file.set_up(&monitor);
    for rule in &arguments.thresholds {
        monitor.set_rule(rule.clone());
    }
    monitor.start()?;
    Ok(monitor)
}

/// Stops it, and has its destinations told what there was to tell, for some seconds at most.
pub(super) fn end(monitor: &MonitorCore) {
    monitor.request_stop();
    let clock = Clock::system();
    let deadline_ns = clock.monotonic_ns() + LAST_WORDS.as_nanos() as u64;
    let _stopped_or_hanging = monitor.wait_stopped(LAST_WORDS);
    monitor.close_destinations(LAST_WORDS);
    while !monitor.destinations_have_ended() && clock.monotonic_ns() < deadline_ns {
        std::thread::sleep(Duration::from_millis(1));
    }
    monitor.abandon_destinations();
}
