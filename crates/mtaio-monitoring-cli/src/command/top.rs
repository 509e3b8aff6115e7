//! `mtaio top`: this machine, live.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::export::writing::printable::printable;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::{ConfigFile, MonitorCore};
#[cfg(unix)]
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};

use crate::appearance::Appearance;
use crate::live::{Kind, LiveOptions, LiveView, Output};
use crate::top::{Machine, Options, Running};
use crate::view::View;

use super::arguments::{Sampling, Top};
use super::ending::{Ending, Failure};
use super::interrupts::{Interrupts, regular_end};

/// How soon it is noticed that the terminal has gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the end waits for destinations.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &Top) -> Result<Ending, Failure> {
    let output = Output::stdout();
    let interrupts = Interrupts::listen(output.is_screen())?;
    let monitor = Arc::new(started(&arguments.sampling)?);
    let mut appearance = Appearance::of_environment();
    if arguments.no_color {
        appearance = appearance.without_color();
    }
    let signal = match output.into_parts() {
        (writer, Kind::Screen(size)) => {
            let options = Options { appearance, ascii: arguments.ascii, mouse: !arguments.no_mouse };
            let source = Machine::new(Arc::clone(&monitor));
            let top = Running::start(source, (writer, size), options, interrupts.bell())?;
            show(top, &interrupts)?
        }
        (writer, Kind::Lines) => print_lines(Output::lines(writer), &monitor, appearance, &interrupts)?,
    };
    end(&monitor);
    Ok(signal.map_or(Ending::Done, regular_end))
}

/// The screen, until the user ends it or a signal does: then which.
fn show(top: Running, interrupts: &Interrupts) -> io::Result<Option<i32>> {
    let mut signal = None;
    while signal.is_none() && !top.has_ended() {
        signal = match interrupts.wait(LOOK_EVERY) {
            Some(0) | None => None,
            #[cfg(unix)]
            Some(SIGWINCH) => {
                top.wake();
                None
            }
            #[cfg(unix)]
            Some(SIGTSTP) => {
                if somebody_may_have_it_go_on() {
                    top.stay_away();
                    signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
                    top.come_back();
                }
                None
            }
            #[cfg(unix)]
            Some(SIGCONT) => {
                top.come_back();
                None
            }
            ended_by => ended_by,
        };
    }
    top.stop()?;
    Ok(signal)
}

/// Where the shell itself is of the same group of processes, it waits for none of them, and has nothing go on: there Ctrl-Z
/// does nothing, as the kernel sees to without a screen.
#[cfg(unix)]
fn somebody_may_have_it_go_on() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session != rustix::process::getpgrp())
}

fn print_lines(
    output: Output,
    monitor: &Arc<MonitorCore>,
    appearance: Appearance,
    interrupts: &Interrupts,
) -> io::Result<Option<i32>> {
    let monitor = Arc::clone(monitor);
    let source = move || {
        // Nobody else takes the events, and a line shows alerts by itself.
        drop(monitor.drain_events());
        View::of(&monitor, "mtaio top")
    };
    let mut live = LiveView::start(source, output, LiveOptions { appearance, ..LiveOptions::default() })?;
    let mut signal = None;
    while signal.is_none() && !live.has_ended() {
        signal = interrupts.wait(LOOK_EVERY);
    }
    live.stop()?;
    Ok(signal)
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
