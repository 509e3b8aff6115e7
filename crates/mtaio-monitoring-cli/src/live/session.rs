//! Being on the alternate screen, and getting off it whatever happens.
//!
//! Leaving when the view stops is not enough. A panic anywhere in the program prints its message, and may end the
//! process without unwinding; printed on the alternate screen the message is lost, and the terminal stays without a
//! cursor. So the first view adds itself in front of the process's panic hook: it leaves the screen, lets the
//! message be printed where it stays, and comes back after two seconds if the program goes on.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};

use mtaio_monitoring::clock::{Clock, NANOS_PER_SECOND};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::queue;
use ratatui::crossterm::style::{Attribute, SetAttribute};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};

/// How long the screen stays away after a panic.
const AWAY_NS: u64 = 2 * NANOS_PER_SECOND;

/// Every session of the process that may be on a screen.
static SESSIONS: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());

/// A terminal, and whether its alternate screen is shown.
pub(super) struct Session {
    writer: Mutex<Box<dyn Write + Send>>,
    on_screen: AtomicBool,
    /// Monotonic time before which the screen stays away; 0 unless there was a panic.
    away_until_ns: AtomicU64,
    process_id: u32,
}

impl Session {
    /// A session that has not shown anything yet.
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Arc<Self> {
        let session = Arc::new(Self {
            writer: Mutex::new(writer),
            on_screen: AtomicBool::new(false),
            away_until_ns: AtomicU64::new(0),
            process_id: std::process::id(),
        });
        let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(&session));
        drop(sessions);
        leave_on_panic();
        session
    }

    /// Whether it is time to paint; enters the alternate screen if need be. `Some(true)` where it has just been
    /// entered and so is empty, `None` where the screen has to stay away.
    pub(super) fn enter(&self) -> io::Result<Option<bool>> {
        if self.on_screen.load(Ordering::Acquire) {
            return Ok(Some(false));
        }
        if Clock::system().monotonic_ns() < self.away_until_ns.load(Ordering::Acquire) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, Hide)?;
        // Before the bytes: a write that fails half-way needs to be made good as well.
        self.on_screen.store(true, Ordering::Release);
        self.write(&bytes)?;
        Ok(Some(true))
    }

    /// Shows what was there before, with the cursor. Does nothing where that is so already.
    pub(super) fn leave(&self) -> io::Result<()> {
        if !self.on_screen.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        self.write(&leaving()?)
    }

    /// Writes all of it, now.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(bytes)?;
        writer.flush()
    }

    /// For the panic hook, which must neither wait nor panic: the thread that panics may be the one that paints.
    fn step_aside(&self) {
        // In the child of a fork the terminal is the parent's.
        if self.process_id != std::process::id() || !self.on_screen.load(Ordering::Acquire) {
            return;
        }
        let (Ok(mut writer), Ok(bytes)) = (self.writer.try_lock(), leaving()) else {
            return;
        };
        self.away_until_ns.store(Clock::system().monotonic_ns() + AWAY_NS, Ordering::Release);
        self.on_screen.store(false, Ordering::Release);
        // There is nobody to tell.
        let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
    }
}

fn leaving() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, SetAttribute(Attribute::Reset), LeaveAlternateScreen, Show)?;
    Ok(bytes)
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
