//! A monitor on the terminal while a program runs: a screen that refreshes in place, or a line a second.
//!
//! The obvious way to draw is from the program's own thread or event loop, and it stops when that is busy, which is
//! when one wants to look. So the view draws on a thread of its own, from a source that needs nothing of the
//! program.
//!
//! It belongs to somebody else's program, so it keeps its hands off the terminal's settings: no raw mode (Ctrl-C
//! remains a signal for the program), no keys read. It shows itself on the alternate screen, paints all of it anew
//! once a second because the program may print over it, and leaves what was there before as it was.

mod output;
mod painter;
mod session;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::thread::spawn;

use crate::appearance::Appearance;
use crate::lines::line;
use crate::screen::Screen;
use crate::tally::Tally;
use crate::view::View;

use painter::REPAINT_FRAMES;

pub use output::Output;

pub(crate) use output::{Kind, Size};
pub(crate) use painter::Painter;
pub(crate) use session::{Grip, Session};

/// How long [`LiveView::stop`] waits for a terminal that takes no output (Ctrl-S, a dead connection).
pub(crate) const STOP_BUDGET: Duration = Duration::from_secs(2);

/// How a live view goes about it.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Colours and time zone.
    pub appearance: Appearance,
    /// Time between two frames of the screen.
    pub frame_interval: Duration,
    /// Time between two lines, where there is no screen.
    pub line_interval: Duration,
}

impl Default for LiveOptions {
    /// What the environment asks for, four frames a second, a line a second.
    fn default() -> Self {
        Self {
            appearance: Appearance::of_environment(),
            frame_interval: Duration::from_millis(250),
            line_interval: Duration::from_secs(1),
        }
    }
}

/// A monitor shown on a terminal, from a thread of its own, until it is stopped or dropped.
///
/// ```
/// use std::sync::Arc;
/// use mtaio_monitoring::monitor::{Config, MonitorCore};
/// use mtaio_monitoring_cli::{LiveOptions, LiveView, Output, View};
///
/// let monitor = Arc::new(MonitorCore::new(Config::default()));
/// let source = move || View::of(&monitor, "my service");
/// let mut live = LiveView::start(source, Output::lines(std::io::sink()), LiveOptions::default()).unwrap();
/// live.stop().unwrap();
/// ```
#[derive(Debug)]
pub struct LiveView {
    /// Emptied by the first stop.
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// Dropped in order to stop.
    stop: Sender<()>,
    ended: Receiver<io::Result<()>>,
    thread: JoinHandle<()>,
    process_id: u32,
}

impl LiveView {
    /// Begins to show what `source` gives. The source is called on the drawing thread, once a frame; it must not
    /// block and must not need a lock that the embedding program holds for long (in Python: the GIL).
    ///
    /// # Errors
    ///
    /// Where the system gives no thread.
    pub fn start(
        source: impl FnMut() -> View + Send + 'static,
        output: Output,
        options: LiveOptions,
    ) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let thread = spawn("mtaio live view", move || {
            let show = AssertUnwindSafe(|| Showing::new(source, options, stopped).show(output));
            let result = catch_unwind(show).unwrap_or_else(|_| Err(io::Error::other("a bug in the live view")));
            // Nobody listens where the budget for stopping has run out.
            let _ = end.send(result);
        })?;
        Ok(Self { running: Some(Running { stop, ended, thread, process_id: std::process::id() }) })
    }

    /// Whether it has ended by itself, because its output failed (a closed pipe, a terminal that is gone).
    /// [`Self::stop`] says why.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.thread.is_finished())
    }

    /// Draws the last state, gives the terminal back and prints a summary of the run. Idempotent. In the child of a
    /// fork it does nothing: the terminal is the parent's.
    ///
    /// # Errors
    ///
    /// Why the output failed, where it has; [`io::ErrorKind::TimedOut`] where the terminal has taken no output for
    /// two seconds.
    pub fn stop(&mut self) -> io::Result<()> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        if running.process_id != std::process::id() {
            // The thread is not in this process, and it may hold the channels' locks for ever.
            std::mem::forget(running);
            return Ok(());
        }
        drop(running.stop);
        match running.ended.recv_timeout(STOP_BUDGET) {
            Ok(result) => result,
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the live view ended without a word")),
            Err(RecvTimeoutError::Timeout) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the terminal has taken no output for two seconds"))
            }
        }
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        // Whoever wants to know why it failed calls `stop`.
        let _ = self.stop();
    }
}

/// What the drawing thread works with.
struct Showing<S> {
    source: S,
    options: LiveOptions,
    stopped: Receiver<()>,
    clock: Clock,
    started_ns: u64,
    tally: Tally,
}

impl<S: FnMut() -> View> Showing<S> {
    fn new(source: S, options: LiveOptions, stopped: Receiver<()>) -> Self {
        let clock = Clock::system();
        let started_ns = clock.monotonic_ns();
        Self { source, options, stopped, clock, started_ns, tally: Tally::default() }
    }

    fn show(mut self, output: Output) -> io::Result<()> {
        let (writer, kind) = output.into_parts();
        match kind {
            Kind::Screen(size) => {
                let session = Session::new(writer, None);
                let mut painter = Painter::new(Arc::clone(&session), size, REPAINT_FRAMES);
                let shown = self.show_screen(&mut painter);
                let left = session.leave();
                shown.and_then(|view| left.and_then(|()| session.print(&self.summary(&view))))
            }
            Kind::Lines => {
                let mut writer = writer;
                let view = self.show_lines(&mut writer)?;
                writer.write_all(self.summary(&view).as_bytes())?;
                writer.flush()
            }
        }
    }

    /// Until told to stop; gives the last state.
    fn show_screen(&mut self, painter: &mut Painter) -> io::Result<View> {
        let mut last = false;
        loop {
            let view = self.look();
            painter.paint(Screen::new(&view, self.running_seconds(), &self.options.appearance))?;
            if last {
                return Ok(view);
            }
            last = self.is_stopped_within(self.options.frame_interval);
        }
    }

    fn show_lines(&mut self, writer: &mut dyn io::Write) -> io::Result<View> {
        let mut wait = self.options.line_interval;
        loop {
            // The first line after one interval: before that there is nothing to tell.
            let last = self.is_stopped_within(wait);
            let view = self.look();
            if last {
                return Ok(view);
            }
            // Nor is there anything new before the next sample.
            let sampling = Duration::try_from_secs_f64(view.snapshot.interval_seconds).unwrap_or_default();
            wait = self.options.line_interval.max(sampling);
            if view.snapshot.stats.is_none() {
                // The monitor has not sampled yet.
                continue;
            }
            writer.write_all(format!("{}\n", line(&view, &self.options.appearance)).as_bytes())?;
            writer.flush()?;
        }
    }

    fn look(&mut self) -> View {
        let view = (self.source)();
        self.tally.add(&view);
        view
    }

    fn summary(&self, view: &View) -> String {
        self.tally.summary(view, self.running_seconds())
    }

    fn running_seconds(&self) -> f64 {
        self.clock.monotonic_ns().saturating_sub(self.started_ns) as f64 / 1e9
    }

    /// A stop is for good, since the sender is gone then.
    fn is_stopped_within(&self, time: Duration) -> bool {
        !matches!(self.stopped.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }
}
