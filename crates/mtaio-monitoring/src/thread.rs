//! Threads of our own inside somebody else's process.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that takes none of the host's signals.
///
/// A signal goes to any thread that does not block it. A host that blocks one in all of its threads, to wait for it with
/// `sigwait`, would be killed by it through a thread of ours. A thread inherits the mask of the one that starts it, so
/// everything is blocked here for that moment, save what the processor itself raises.
///
/// # Errors
///
/// Where the system gives no thread.
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let _blocked = signals::Blocked::all();
    Builder::new().name(name.to_owned()).spawn(run)
}

/// The system's id of this thread: what `top -H` shows. 0 where there is none to be had.
#[must_use]
pub fn id() -> u64 {
    #[cfg(target_os = "linux")]
    {
        rustix::thread::gettid().as_raw_nonzero().get() as u64
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}

#[cfg(unix)]
mod signals {
    use nix::sys::signal::{SigSet, SigmaskHow, Signal};

    /// The mask that the thread had before.
    pub(super) struct Blocked(Option<SigSet>);

    impl Blocked {
        pub(super) fn all() -> Self {
            let mut all = SigSet::all();
            for raised in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGTRAP] {
                all.remove(raised);
            }
            Self(all.thread_swap_mask(SigmaskHow::SIG_SETMASK).ok())
        }
    }

    impl Drop for Blocked {
        fn drop(&mut self) {
            if let Some(before) = self.0.take() {
                // Setting a mask that was set before cannot fail.
                let _set = before.thread_set_mask();
            }
        }
    }
}

#[cfg(not(unix))]
mod signals {
    pub(super) struct Blocked;

    impl Blocked {
        pub(super) fn all() -> Self {
            Self
        }
    }
}
