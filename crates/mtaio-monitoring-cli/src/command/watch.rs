//! `mtaio watch`: a line a sample.

use std::io::{self, Write};
use std::time::Duration;

use mtaio_monitoring::SystemStats;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::monitor::{Config, MonitorCore};

use crate::appearance::Appearance;
use crate::lines::line;
use crate::tally::Tally;
use crate::view::View;
use mtaio_monitoring::export::sample_json;

use super::arguments::Watch;
use super::ending::{Ending, Failure};
use super::events::print_events;
use super::interrupts::{Interrupts, regular_end};
use super::top::{end, started};

/// How soon a sample that is due and not there is looked for again.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

pub(super) fn run(arguments: &Watch) -> Result<Ending, Failure> {
    let interrupts = Interrupts::listen(false)?;
    let monitor = started(&arguments.sampling)?;
    let mut watching = Watching {
        arguments,
        config: monitor.config(),
        monitor,
        appearance: Appearance::of_environment(),
        tally: Tally::default(),
        printed: 0,
        newest: None,
    };
    let started_ns = Clock::system().monotonic_ns();
    let mut signal = None;
    while signal.is_none() && !watching.is_done() {
        watching.print_new()?;
        if !watching.is_done() {
            signal = interrupts.wait(watching.until_next());
        }
    }
    let printed = watching.print_summary((Clock::system().monotonic_ns() - started_ns) as f64 / 1e9);
    end(&watching.monitor);
    printed?;
    Ok(match signal {
        None => Ending::Done,
        // With a number asked for, Ctrl-C cuts short what was to have an end of its own.
        Some(signal) if arguments.count.is_some() => Ending::Interrupted(signal),
        Some(signal) => regular_end(signal),
    })
}

struct Watching<'a> {
    arguments: &'a Watch,
    config: Config,
    monitor: MonitorCore,
    appearance: Appearance,
    tally: Tally,
    printed: u64,
    newest: Option<SystemStats>,
}

impl Watching<'_> {
    fn is_done(&self) -> bool {
        self.arguments.count.is_some_and(|count| self.printed >= count)
    }

    /// Prints every sample that has come since the last call, and the alerts.
    fn print_new(&mut self) -> Result<(), Failure> {
        print_events(&self.monitor);
        let since = self.newest.as_ref().map(|newest| newest.timestamp);
        let samples = self.monitor.history(since, None)?;
        let seen = self.newest.as_ref().map(|newest| newest.sequence);
        for stats in samples.into_iter().filter(|stats| seen.is_none_or(|seen| stats.sequence > seen)) {
            if self.is_done() {
                break;
            }
            self.tally.add_sample(&stats);
            let text = if self.arguments.json {
                sample_json(&stats)
            } else {
                line(&self.view(Some(stats.clone())), &self.appearance)
            };
            self.newest = Some(stats);
            self.printed += 1;
            let mut stdout = io::stdout().lock();
            writeln!(stdout, "{text}")?;
            stdout.flush()?;
        }
        Ok(())
    }

    fn print_summary(&self, running_seconds: f64) -> Result<(), Failure> {
        let text = self.tally.one_line(&self.view(self.newest.clone()), running_seconds) + "\n";
        if self.arguments.json {
            io::stderr().write_all(text.as_bytes())?;
        } else {
            io::stdout().write_all(text.as_bytes())?;
        }
        Ok(())
    }

    fn view(&self, stats: Option<SystemStats>) -> View {
        let mut view = View::of(&self.monitor, "mtaio watch");
        view.snapshot.stats = stats;
        view
    }

    /// The next sample is due one interval after the newest one was taken: looking right then is one wake-up a
    /// sample, and does not drift.
    fn until_next(&self) -> Duration {
        let interval = Duration::from_nanos(self.config.interval_ns());
        let again = (interval / 20).clamp(LOOK_AGAIN.0, LOOK_AGAIN.1);
        let Some(newest) = &self.newest else {
            return again;
        };
        let now = Clock::system().now().realtime_ns as f64 / 1e9;
        let due = newest.timestamp + self.config.interval_seconds() - now;
        // The wall clock may have been set in between: never wait for longer than a sample can take.
        Duration::try_from_secs_f64(due).unwrap_or_default().min(interval) + LOOK_AGAIN.0.max(again / 10)
    }
}
