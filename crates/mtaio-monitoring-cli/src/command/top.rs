//! `mtaio top`: this machine, live.

use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::monitor::MonitorCore;

use crate::live::{LiveOptions, LiveView, Output};
use crate::view::View;

use super::arguments::Sampling;
use super::ending::{Ending, Failure};
use super::interrupts::{Interrupts, regular_end};

/// How soon it is noticed that the terminal has gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) fn run(arguments: &Sampling) -> Result<Ending, Failure> {
    let output = Output::stdout();
    let interrupts = Interrupts::listen(output.is_screen())?;
    let monitor = Arc::new(started(arguments)?);
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
    Ok(signal.map_or(Ending::Done, regular_end))
}

/// A monitor of this machine that runs.
pub(super) fn started(arguments: &Sampling) -> Result<MonitorCore, Failure> {
    let monitor = MonitorCore::new(arguments.interval.clone());
    for rule in &arguments.thresholds {
        monitor.set_rule(rule.clone());
    }
    monitor.start()?;
    Ok(monitor)
}
