//! Being told of pressure by the kernel, instead of looking: where a trigger is asked for, and where it is waited for.

use super::pressure::{PressureScope, Resource, StallKind};

#[cfg(target_os = "linux")]
pub use super::linux::triggers::{Trigger, TriggerBell, TriggerPoll};
#[cfg(not(target_os = "linux"))]
pub use nowhere::{Trigger, TriggerBell, TriggerPoll};

/// A stall to be told of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TriggerRequest {
    /// What is waited for.
    pub resource: Resource,
    /// By whom.
    pub kind: StallKind,
    /// For which share of the window: above 0, up to 1.
    pub share: f64,
    /// Microseconds.
    pub window_us: u64,
}

/// A trigger that the kernel has taken.
#[derive(Debug)]
pub struct OpenedTrigger {
    /// What to wait for.
    pub trigger: Trigger,
    /// Whose pressure it is.
    pub scope: PressureScope,
    /// The window that the kernel took, which may be longer than the one asked for.
    pub window_us: u64,
    /// Why it is.
    pub remark: Option<String>,
}

/// A trigger that is not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedTrigger {
    /// Whose pressure it would have been.
    pub scope: PressureScope,
    /// Whether the file can at least be read, so that its share can be sampled.
    pub is_readable: bool,
    /// Why.
    pub reason: String,
}

/// Somewhere to ask for triggers. Every call opens a descriptor of its own, since one holds one trigger (P20).
pub trait OpenTriggers: Send + Sync {
    /// Asks for a trigger on the pressure of this process's own cgroup, or of the machine where it has none.
    ///
    /// # Errors
    ///
    /// [`RefusedTrigger`], with the reason.
    fn open(&self, request: &TriggerRequest) -> Result<OpenedTrigger, RefusedTrigger>;
}

/// What a wait ended with. The number is the one that the trigger was added with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The stall was as long as asked for, within the window.
    Stalled(u64),
    /// The trigger is no more: its cgroup was removed.
    Gone(u64),
}

/// No other system has triggers: nothing can be opened, so nothing is ever waited for.
#[cfg(not(target_os = "linux"))]
mod nowhere {
    use std::io;
    use std::sync::Arc;

    use super::Told;
    use crate::clock::Clock;

    /// There is none.
    #[derive(Debug)]
    pub enum Trigger {}

    /// Wakes nobody.
    #[derive(Debug)]
    pub struct TriggerBell(());

    /// Waits for nothing.
    #[derive(Debug)]
    pub struct TriggerPoll(());

    impl TriggerBell {
        /// Fails.
        ///
        /// # Errors
        ///
        /// Always.
        pub fn new() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// Does nothing.
        pub fn ring(&self) {}
    }

    impl TriggerPoll {
        /// One without triggers.
        #[must_use]
        pub fn new(_bell: Arc<TriggerBell>) -> Self {
            Self(())
        }

        /// Cannot be called.
        pub fn add(&mut self, _number: u64, trigger: Trigger, _window_ns: u64) {
            match trigger {}
        }

        /// Does nothing.
        pub fn remove(&mut self, _number: u64) {}

        /// Fails.
        ///
        /// # Errors
        ///
        /// Always.
        pub fn wait(&mut self, _clock: &Clock, _told: &mut Vec<Told>) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
