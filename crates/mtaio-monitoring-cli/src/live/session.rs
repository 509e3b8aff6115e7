//! Being on the alternate screen, and getting off it whatever happens.
//!
//! Leaving when the view stops is not enough. A panic anywhere in the program prints its message, and may end the
//! process without unwinding; printed on the alternate screen the message is lost, and the terminal stays without a
//! cursor. So the first view adds itself in front of the process's panic hook: it leaves the screen, lets the
//! message be printed where it stays, and comes back after two seconds if the program goes on.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::queue;
use ratatui::crossterm::style::{Attribute, SetAttribute};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};

/// How long the screen stays away after a panic.
const AWAY_NS: u64 = 2 * NANOS_PER_SECOND;

/// How often, a millisecond apart, the panic hook tries to get at a terminal that is being written on.
const TRIES: u32 = 50;

/// Every session of the process that may be on a screen.
static SESSIONS: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());

/// A terminal, and whether its alternate screen is shown.
pub(super) struct Session {
    state: Mutex<State>,
    process_id: u32,
}

struct State {
    writer: Box<dyn Write + Send>,
    on_screen: bool,
    /// Monotonic time before which the screen stays away; 0 unless there was a panic.
    away_until_ns: u64,
}

impl Session {
    /// A session that has not shown anything yet.
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Arc<Self> {
        let state = Mutex::new(State { writer, on_screen: false, away_until_ns: 0 });
        let session = Arc::new(Self { state, process_id: std::process::id() });
        let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&session));
        drop(sessions);
        leave_on_panic();
        session
    }

    /// Enters the alternate screen if need be. `Some(true)` where it has just been entered and so is empty, `None`
    /// where the screen has to stay away.
    pub(super) fn enter(&self) -> io::Result<Option<bool>> {
        let mut state = self.state();
        if state.on_screen {
            return Ok(Some(false));
        }
        if Clock::system().monotonic_ns() < state.away_until_ns {
            return Ok(None);
        }
        // Before the bytes: a write that fails half-way needs to be made good as well.
        state.on_screen = true;
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, Hide)?;
        state.write(&bytes)?;
        Ok(Some(true))
    }

    /// Paints on the alternate screen; nothing where that has been left in the meantime.
    pub(super) fn paint(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.on_screen { state.write(bytes) } else { Ok(()) }
    }

    /// Shows what was there before, with the cursor. Does nothing where that is so already.
    pub(super) fn leave(&self) -> io::Result<()> {
        self.state().leave()
    }

    /// Prints on the screen that was there before.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        self.state().write(text.as_bytes())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the panic hook, which must not wait for long: the thread that panics may be the one that paints.
    fn step_aside(&self) {
        // In the child of a fork the terminal is the parent's.
        if self.process_id != std::process::id() {
            return;
        }
        for _ in 0..TRIES {
            if let Ok(mut state) = self.state.try_lock() {
                state.away_until_ns = Clock::system().monotonic_ns() + AWAY_NS;
                // There is nobody to tell.
                let _ = state.leave();
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl State {
    fn leave(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.on_screen) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        queue!(bytes, SetAttribute(Attribute::Reset), LeaveAlternateScreen, Show)?;
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.writer.flush()
    }
}

fn leave_on_panic() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Ok(sessions) = SESSIONS.try_lock() {
                sessions.iter().filter_map(Weak::upgrade).for_each(|session| session.step_aside());
            }
            next(panic);
        }));
    });
}
