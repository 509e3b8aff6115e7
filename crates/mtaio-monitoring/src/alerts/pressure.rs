//! Being woken by pressure: what to wait for, and what is told.

use std::fmt;

use crate::error::{MonitoringError, Result};
use crate::sampling::{PressureScope, Resource, StallKind, TriggerRequest};

/// A stall that somebody wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PressureRule {
    /// What tasks wait for.
    pub resource: Resource,
    /// Whether one of them does, or all that are not idle.
    pub kind: StallKind,
    /// For which share of the window: above 0, up to 1.
    pub share: f64,
    /// Nanoseconds in which that much must come together.
    pub window_ns: u64,
}

impl PressureRule {
    /// The shortest and the longest window that the kernel takes, in seconds.
    pub const WINDOW_SECONDS: (f64, f64) = (0.5, 10.0);

    /// Told of when tasks stand still for a `share` of a window of so many seconds.
    ///
    /// ```
    /// use mtaio_monitoring::alerts::PressureRule;
    /// use mtaio_monitoring::sampling::{Resource, StallKind};
    /// assert!(PressureRule::new(Resource::Memory, StallKind::Some, 0.15, 2.0).is_ok());
    /// assert!(PressureRule::new(Resource::Memory, StallKind::Some, 15.0, 2.0).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for a share that is not above 0 and up to 1, a window outside
    /// [`Self::WINDOW_SECONDS`], and `some` of the interrupts, which the kernel does not count.
    pub fn new(resource: Resource, kind: StallKind, share: f64, window_seconds: f64) -> Result<Self> {
        if (resource, kind) == (Resource::Irq, StallKind::Some) {
            let message = "the kernel counts no some of 'irq': give full instead".to_owned();
            return Err(MonitoringError::Configuration(message));
        }
        if !(share > 0.0 && share <= 1.0) {
            let accepted = "a share of the window above 0 and up to 1 (0.15 is 15 %)";
            return Err(MonitoringError::argument(kind.name(), accepted, share));
        }
        let (shortest, longest) = Self::WINDOW_SECONDS;
        if !(shortest..=longest).contains(&window_seconds) {
            let accepted = format!("a number of seconds from {shortest} to {longest}");
            return Err(MonitoringError::argument("window", &accepted, window_seconds));
        }
        // The kernel counts in microseconds.
        let window_ns = (window_seconds * 1e6).round() as u64 * 1_000;
        Ok(Self { resource, kind, share, window_ns })
    }

    /// As [`Self::new`], with the arguments by their names: exactly one of `some` and `full`.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; also for a resource of another name, and for both shares or neither.
    pub fn from_arguments(
        resource: &str,
        some: Option<f64>,
        full: Option<f64>,
        window_seconds: f64,
    ) -> Result<Self> {
        let Some(of) = Resource::from_name(resource) else {
            let accepted = "'cpu', 'memory', 'io' or 'irq'";
            return Err(MonitoringError::argument("resource", accepted, format_args!("{resource:?}")));
        };
        let (kind, share) = match (some, full) {
            (Some(share), None) => (StallKind::Some, share),
            (None, Some(share)) => (StallKind::Full, share),
            (given, _) => {
                let given = if given.is_some() { "both" } else { "neither" };
                let message = format!("exactly one of some and full must be given, got {given}");
                return Err(MonitoringError::Configuration(message));
            }
        };
        Self::new(of, kind, share, window_seconds)
    }

    /// The window, in seconds.
    #[must_use]
    pub fn window_seconds(&self) -> f64 {
        self.window_ns as f64 / 1e9
    }

    /// What the kernel is asked for.
    #[must_use]
    pub fn request(&self) -> TriggerRequest {
        let Self { resource, kind, share, window_ns } = *self;
        TriggerRequest { resource, kind, share, window_us: window_ns / 1_000 }
    }
}

/// As it is written in Python: `on_pressure('memory', some=0.15, window=2)`.
impl fmt::Display for PressureRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, kind) = (self.resource.name(), self.kind.name());
        write!(formatter, "on_pressure('{resource}', {kind}={}, window={})", self.share, self.window_seconds())
    }
}

/// Who saw a stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PressureSource {
    /// The kernel, which told of it.
    Kernel,
    /// The monitor, in a sample.
    Sampled,
}

impl PressureSource {
    /// `"kernel"` or `"sampled"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Sampled => "sampled",
        }
    }
}

/// Tasks stood still for as long as was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PressureEvent {
    /// What they waited for.
    pub resource: Resource,
    /// Whether one of them did, or all that were not idle.
    pub kind: StallKind,
    /// The share of the window that was asked for, 0–1.
    pub threshold: f64,
    /// The window in use. Without CAP_SYS_RESOURCE the kernel takes multiples of 2 s, so it may be longer than the one
    /// that was asked for.
    pub window_seconds: f64,
    /// The share that was measured, 0–1. `None` where the kernel told: it says that the share was reached, and not
    /// what it was.
    pub value: Option<f64>,
    /// Whose tasks they were.
    pub scope: PressureScope,
    /// Who saw it.
    pub source: PressureSource,
    /// Seconds since the epoch.
    pub timestamp: f64,
}

/// Tells at most once a window, as the kernel does.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnceAWindow {
    told_ns: Option<u64>,
}

impl OnceAWindow {
    /// Takes a share, and says whether it is to be told of.
    pub fn observe(&mut self, rule: &PressureRule, share: f64, now_ns: u64) -> bool {
        let is_due = self.told_ns.is_none_or(|told_ns| now_ns.saturating_sub(told_ns) >= rule.window_ns);
        let tells = share >= rule.share && is_due;
        if tells {
            self.told_ns = Some(now_ns);
        }
        tells
    }
}
