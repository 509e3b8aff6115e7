//! The screen on a terminal, from a thread of its own: a write to a terminal may wait for ever, and whoever listens for
//! signals must not.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use mtaio_monitoring::clock::Clock;

use crate::appearance::Appearance;
use crate::live::{Grip, Painter, STOP_BUDGET, Session, Size};
use crate::tally::Tally;

use super::keyboard::Keyboard;
use super::{Outcome, Source, Top, TopScreen};

/// Time between two looks at what there is to see; keys are answered at once.
const LOOK_EVERY_NS: u64 = 250_000_000;

/// How the screen is to be.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Colours and time zone.
    pub(crate) appearance: Appearance,
    /// Nothing but ASCII.
    pub(crate) ascii: bool,
    /// Whether the mouse is asked for. A terminal that gives it selects no text meanwhile.
    pub(crate) mouse: bool,
}

/// The screen on a terminal, until it ends or is stopped.
pub(crate) struct Running {
    thread: JoinHandle<()>,
    ended: Receiver<io::Result<()>>,
    session: Arc<Session>,
    keyboard: Arc<Keyboard>,
    wishes: Arc<Wishes>,
}

/// What is wanted of the thread.
#[derive(Debug, Default)]
struct Wishes {
    stop: AtomicBool,
    draw_all: AtomicBool,
}

impl Running {
    /// Begins. `when_ended` is called on the screen's thread.
    pub(crate) fn start(
        source: impl Source + 'static,
        (writer, size): (Box<dyn Write + Send>, Size),
        options: Options,
        when_ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let keyboard = Arc::new(Keyboard::open(options.mouse)?);
        let session = Session::new(writer, Some(Arc::clone(&keyboard) as Arc<dyn Grip>));
        let wishes = Arc::new(Wishes::default());
        let (end, ended) = mpsc::channel();
        let showing = Showing {
            source,
            options,
            painter: Painter::new(Arc::clone(&session), size, u64::MAX),
            session: Arc::clone(&session),
            keyboard: Arc::clone(&keyboard),
            wishes: Arc::clone(&wishes),
        };
        // With the signals of the terminal, unlike threads inside a host: in the background, a read is to stop the command
        // and not to fail.
        let thread = Builder::new().name("mtaio top".to_owned()).spawn(move || {
            let shown = catch_unwind(AssertUnwindSafe(|| showing.show()));
            // Nobody listens where the budget for stopping has run out.
            let _ = end.send(shown.unwrap_or_else(|_| Err(io::Error::other("a bug in the screen"))));
            when_ended();
        })?;
        Ok(Self { thread, ended, session, keyboard, wishes })
    }

    /// Whether the user has ended it, or the terminal has gone. [`Self::stop`] says which.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Has the size of the terminal looked at.
    pub(crate) fn wake(&self) {
        self.keyboard.wake();
    }

    /// Leaves the terminal to whoever comes before [`Self::come_back`].
    pub(crate) fn stay_away(&self) {
        self.session.stay_away();
    }

    /// Shows itself again, also where nobody said that it was to stay away (SIGSTOP).
    pub(crate) fn come_back(&self) {
        self.session.come_back();
        self.wishes.draw_all.store(true, Ordering::Relaxed);
        self.keyboard.wake();
    }

    /// Gives the terminal back and prints a summary.
    ///
    /// # Errors
    ///
    /// Why the terminal failed, where it has; [`io::ErrorKind::TimedOut`] where it has taken no output for two seconds.
    pub(crate) fn stop(self) -> io::Result<()> {
        self.wishes.stop.store(true, Ordering::Relaxed);
        self.keyboard.wake();
        match self.ended.recv_timeout(STOP_BUDGET) {
            Ok(result) => result,
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the screen ended without a word")),
            Err(RecvTimeoutError::Timeout) => {
                self.session.release_keyboard();
                Err(io::Error::new(io::ErrorKind::TimedOut, "the terminal has taken no output for two seconds"))
            }
        }
    }
}

/// What the thread works with.
struct Showing<S> {
    source: S,
    options: Options,
    painter: Painter,
    session: Arc<Session>,
    keyboard: Arc<Keyboard>,
    wishes: Arc<Wishes>,
}

impl<S: Source> Showing<S> {
    fn show(mut self) -> io::Result<()> {
        let clock = Clock::system();
        let started_ns = clock.monotonic_ns();
        let mut tally = Tally::default();
        let first = self.source.observe(None);
        tally.add(&first.view);
        let mut top = Top::new(first, self.painter.size());
        let shown = self.until_ended(&clock, &mut top, &mut tally);
        let left = self.session.leave();
        let seconds = clock.monotonic_ns().saturating_sub(started_ns) as f64 / 1e9;
        shown.and(left).and_then(|()| self.session.print(&tally.summary(top.view(), seconds)))
    }

    fn until_ended(&mut self, clock: &Clock, top: &mut Top, tally: &mut Tally) -> io::Result<()> {
        let mut due_ns = clock.monotonic_ns() + LOOK_EVERY_NS;
        while !self.wishes.stop.load(Ordering::Relaxed) {
            if self.wishes.draw_all.swap(false, Ordering::Relaxed) {
                self.painter.forget();
            }
            let size = self.painter.size();
            top.resize(size.0, size.1);
            let Options { appearance, ascii, .. } = &self.options;
            self.painter.paint_sized(size, TopScreen::new(top, appearance, *ascii))?;

            let wait = Duration::from_nanos(due_ns.saturating_sub(clock.monotonic_ns()));
            for event in self.keyboard.wait(wait)? {
                match top.apply(event) {
                    Outcome::End => return Ok(()),
                    Outcome::DrawAll => self.painter.forget(),
                    Outcome::Draw => {}
                }
            }
            if clock.monotonic_ns() >= due_ns {
                let observation = self.source.observe(top.newest());
                tally.add(&observation.view);
                top.take_in(observation);
                due_ns = clock.monotonic_ns() + LOOK_EVERY_NS;
            }
        }
        Ok(())
    }
}
