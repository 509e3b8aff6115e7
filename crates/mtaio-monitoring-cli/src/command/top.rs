//! `mtaio top`: this machine or a process that serves its monitor, live.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use mtaio_monitoring::MonitoringError;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::export::writing::printable::printable;
use mtaio_monitoring::metrics::catalogue::BuiltIn;
use mtaio_monitoring::monitor::{ConfigFile, MonitorCore};
#[cfg(unix)]
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};

use crate::appearance::Appearance;
use crate::far::{Far, Past};
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
    let mut appearance = Appearance::of_environment();
    if arguments.no_color {
        appearance = appearance.without_color();
    }
    let options = Options { appearance, ascii: arguments.ascii, mouse: !arguments.no_mouse };
    // Before there is a screen, on which nobody could read what is wrong.
    let far = match &arguments.url {
        Some(address) => Some(Far::connect(address, arguments.token.read()?.as_deref(), Past::Some)?),
        None if arguments.token.is_file_given() => {
            let message = "--token-file is for a URL, which was not given".to_owned();
            return Err(MonitoringError::Configuration(message).into());
        }
        None => None,
    };
    let output = Output::stdout();
    let interrupts = Interrupts::listen(output.is_screen())?;
    let signal = match far {
        Some(far) => show_far(far, output, options, &interrupts)?,
        None => {
            let monitor = Arc::new(started(&arguments.sampling)?);
            let signal = show_machine(&monitor, output, options, &interrupts)?;
            end(&monitor);
            signal
        }
    };
    Ok(signal.map_or(Ending::Done, regular_end))
}

fn show_machine(
    monitor: &Arc<MonitorCore>,
    output: Output,
    options: Options,
    interrupts: &Interrupts,
) -> io::Result<Option<i32>> {
    match output.into_parts() {
        (writer, Kind::Screen(size)) => {
            let source = Machine::new(Arc::clone(monitor));
            show(Running::start(source, (writer, size), options, interrupts.bell())?, interrupts)
        }
        (writer, Kind::Lines) => {
            let monitor = Arc::clone(monitor);
            let source = move || {
                // Nobody else takes the events, and a line shows alerts by itself.
                drop(monitor.drain_events());
                View::of(&monitor, "mtaio top")
            };
            print_lines(source, Output::lines(writer), options.appearance, interrupts)
        }
    }
}

fn show_far(mut far: Far, output: Output, options: Options, interrupts: &Interrupts) -> io::Result<Option<i32>> {
    match output.into_parts() {
        (writer, Kind::Screen(size)) => {
            show(Running::start(far, (writer, size), options, interrupts.bell())?, interrupts)
        }
        (writer, Kind::Lines) => {
            let mut told = None;
            let source = move || {
                let trouble = far.trouble();
                if let Some(trouble) = trouble.as_ref().filter(|trouble| told.as_ref() != Some(*trouble)) {
                    // Lines go on where nobody reads this.
                    let _ = writeln!(io::stderr(), "mtaio: trying again: {}", printable(trouble));
                }
                told = trouble;
                far.view()
            };
            print_lines(source, Output::lines(writer), options.appearance, interrupts)
        }
    }
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
    source: impl FnMut() -> View + Send + 'static,
    output: Output,
    appearance: Appearance,
    interrupts: &Interrupts,
) -> io::Result<Option<i32>> {
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
