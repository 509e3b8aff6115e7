//! Being on the alternate screen, and getting off it whatever happens.
//!
//! Leaving when the view stops is not enough. A panic anywhere in the program prints its message, and may end the
//! process without unwinding; printed on the alternate screen the message is lost, and the terminal stays without a
//! cursor. So the first view adds itself in front of the process's panic hook: it leaves the screen, lets the
//! message be printed where it stays, and comes back after two seconds if the program goes on.
//!
//! Where the keyboard is ours (`mtaio top`), it is taken and given back with the screen.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::Duration;

use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::queue;
use ratatui::crossterm::style::{Attribute, SetAttribute};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};

/// How long the screen stays away after a panic.
const AWAY_NS: u64 = 2 * NANOS_PER_SECOND;

/// How often, a millisecond apart, whoever must not wait tries to get at a terminal that is being written on.
const TRIES: u32 = 50;

/// Every session of the process that may be on a screen.
static SESSIONS: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());

/// What a session does with the keyboard: it has it while it is on the screen.
pub(crate) trait Grip: Send + Sync {
    /// Makes keys come one by one, unseen; adds to `bytes` what else the terminal is to be told.
    fn take(&self, bytes: &mut Vec<u8>) -> io::Result<()>;
    /// Makes everything as it was. Must not wait for the terminal.
    fn release(&self, bytes: &mut Vec<u8>);
}

/// A terminal, and whether its alternate screen is shown.
pub(crate) struct Session {
    state: Mutex<State>,
    process_id: u32,
    /// `None` where the keys are another's.
    grip: Option<Arc<dyn Grip>>,
}

struct State {
    writer: Box<dyn Write + Send>,
    on_screen: bool,
    /// Monotonic time before which the screen stays away; 0 unless there was a panic.
    away_until_ns: u64,
    /// Whether another had the terminal meanwhile.
    is_stale: bool,
    grip: Option<Arc<dyn Grip>>,
}

impl Session {
    /// A session that has not shown anything yet.
    pub(crate) fn new(writer: Box<dyn Write + Send>, grip: Option<Arc<dyn Grip>>) -> Arc<Self> {
        let state =
            Mutex::new(State { writer, on_screen: false, away_until_ns: 0, is_stale: false, grip: grip.clone() });
        let session = Arc::new(Self { state, process_id: std::process::id(), grip });
        let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&session));
        drop(sessions);
        leave_on_panic();
        session
    }

    /// Enters the alternate screen if need be. `Some(true)` where it has just been entered and so is empty, `None`
    /// where the screen has to stay away.
    pub(crate) fn enter(&self) -> io::Result<Option<bool>> {
        let mut state = self.state();
        if state.on_screen && !state.is_stale {
            return Ok(Some(false));
        }
        if Clock::system().monotonic_ns() < state.away_until_ns {
            return Ok(None);
        }
        // Before the bytes: a write that fails half-way needs to be made good as well.
        (state.on_screen, state.is_stale) = (true, false);
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, Hide)?;
        if let Some(grip) = &state.grip {
            grip.take(&mut bytes)?;
        }
        state.write(&bytes)?;
        Ok(Some(true))
    }

    /// Paints on the alternate screen; nothing where that has been left in the meantime.
    pub(super) fn paint(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.on_screen { state.write(bytes) } else { Ok(()) }
    }

    /// Shows what was there before, with the cursor. Does nothing where that is so already.
    pub(crate) fn leave(&self) -> io::Result<()> {
        self.state().leave()
    }

    /// As [`Self::leave`], and stays away until [`Self::come_back`]. Where the terminal takes nothing, only the keyboard
    /// is given back.
    pub(crate) fn stay_away(&self) {
        if let Some(mut state) = self.try_state() {
            state.away_until_ns = u64::MAX;
            // Whether the terminal has gone is found out by the next frame.
            let _ = state.leave();
        } else {
            self.release_keyboard();
        }
    }

    /// Whoever had the terminal meanwhile may have changed it: the next frame begins as the first one did.
    pub(crate) fn come_back(&self) {
        if let Some(mut state) = self.try_state() {
            (state.away_until_ns, state.is_stale) = (0, true);
        }
    }

    /// Gives the keyboard back at once, also where somebody waits inside a write: then nothing else can be done.
    pub(crate) fn release_keyboard(&self) {
        if let Some(grip) = &self.grip {
            grip.release(&mut Vec::new());
        }
    }

    /// Prints on the screen that was there before.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
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
        if let Some(mut state) = self.try_state() {
            state.away_until_ns = Clock::system().monotonic_ns() + AWAY_NS;
            // There is nobody to tell.
            let _ = state.leave();
        } else {
            self.release_keyboard();
        }
    }

    /// The state, unless it is being written for as long as one may wait.
    fn try_state(&self) -> Option<MutexGuard<'_, State>> {
        for _ in 0..TRIES {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            }
        }
        None
    }
}

impl State {
    fn leave(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.on_screen) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        if let Some(grip) = &self.grip {
            grip.release(&mut bytes);
        }
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Grip, Session};

    /// Counts how often it was taken and given back.
    #[derive(Default)]
    struct Counted([AtomicU32; 2]);

    impl Grip for Counted {
        fn take(&self, _bytes: &mut Vec<u8>) -> io::Result<()> {
            self.0[0].fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn release(&self, _bytes: &mut Vec<u8>) {
            self.0[1].fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_keyboard_is_given_back_with_the_screen() {
        let grip = Arc::new(Counted::default());
        let session = Session::new(Box::new(io::sink()), Some(Arc::clone(&grip) as Arc<dyn Grip>));
        let counts = || grip.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        assert_eq!(session.enter().unwrap(), Some(true));
        assert_eq!(session.enter().unwrap(), Some(false));
        assert_eq!(counts(), [1, 0]);
        // Away until it is told to come back, however often a frame is to be painted.
        session.stay_away();
        assert_eq!(session.enter().unwrap(), None);
        assert_eq!(counts(), [1, 1]);
        session.come_back();
        assert_eq!(session.enter().unwrap(), Some(true));
        assert_eq!(counts(), [2, 1]);
        // Who was stopped without a word takes it again, since the shell had it.
        session.come_back();
        assert_eq!(session.enter().unwrap(), Some(true));
        assert_eq!(counts(), [3, 1]);
        // A panic anywhere.
        std::thread::spawn(|| panic!("a panic that this test wants")).join().unwrap_err();
        assert_eq!(counts(), [3, 2]);
        assert_eq!(session.enter().unwrap(), None);
        session.leave().unwrap();
        assert_eq!(counts(), [3, 2]);
    }
}
