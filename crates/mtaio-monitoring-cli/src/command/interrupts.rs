//! Waiting for a signal that asks the command to end.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::ending::Ending;

/// The signals that have come. While it lives they do not kill the process.
pub(super) struct Interrupts {
    signals: Receiver<i32>,
    bell: Sender<i32>,
    #[cfg(unix)]
    registration: signal_hook::iterator::Handle,
}

impl Interrupts {
    /// Begins to listen for Ctrl-C and SIGTERM; with a screen also for the signals that would otherwise leave it
    /// behind, and those that change it. Without one they are left alone, since `nohup` has a right to be heard.
    #[cfg(unix)]
    pub(super) fn listen(with_screen: bool) -> io::Result<Self> {
        use signal_hook::consts::{SIGCONT, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
        let mut wanted = vec![SIGINT, SIGTERM];
        if with_screen {
            wanted.extend([SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH]);
        }
        let mut arriving = signal_hook::iterator::Signals::new(wanted)?;
        let registration = arriving.handle();
        let (sender, signals) = mpsc::channel();
        let bell = sender.clone();
        let listen = move || {
            for signal in arriving.forever() {
                // Whoever listened has ended: the signal comes too late to matter.
                let _ = sender.send(signal);
            }
        };
        thread::Builder::new().name("mtaio signals".to_owned()).spawn(listen)?;
        Ok(Self { signals, bell, registration })
    }

    /// As on the other systems; here signals are flags that somebody has to look at.
    #[cfg(not(unix))]
    pub(super) fn listen(_with_screen: bool) -> io::Result<Self> {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};
        const LOOK_EVERY: Duration = Duration::from_millis(50);
        let arrived = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_usize(signal, Arc::clone(&arrived), signal as usize)?;
        }
        let (sender, signals) = mpsc::channel();
        let bell = sender.clone();
        let listen = move || {
            loop {
                let signal = arrived.swap(0, Ordering::Relaxed);
                if signal != 0 && sender.send(signal as i32).is_err() {
                    return;
                }
                thread::sleep(LOOK_EVERY);
            }
        };
        thread::Builder::new().name("mtaio signals".to_owned()).spawn(listen)?;
        Ok(Self { signals, bell })
    }

    /// Ends a wait before a signal comes, with the number 0, which none has.
    pub(super) fn bell(&self) -> impl FnOnce() + Send + 'static {
        let bell = self.bell.clone();
        move || {
            // Whoever waited has gone: nothing is left to end.
            let _ = bell.send(0);
        }
    }

    /// Waits for a signal, for `time` at most.
    pub(super) fn wait(&self, time: Duration) -> Option<i32> {
        match self.signals.recv_timeout(time) {
            Ok(signal) => Some(signal),
            Err(RecvTimeoutError::Timeout) => None,
            // Not while there is a bell.
            Err(RecvTimeoutError::Disconnected) => Some(SIGTERM),
        }
    }
}

#[cfg(unix)]
impl Drop for Interrupts {
    fn drop(&mut self) {
        self.registration.close();
    }
}

/// How something that runs until it is interrupted has ended: Ctrl-C is its regular end.
pub(super) fn regular_end(signal: i32) -> Ending {
    if signal == SIGINT { Ending::Done } else { Ending::Interrupted(signal) }
}
