//! One pressure rule, and who serves it: the kernel, or the samples, or nobody.

use crate::alerts::{OnceAWindow, PressureEvent, PressureRule, PressureSource};
use crate::rates::PressureWindow;
use crate::sampling::{OpenTriggers, PressureScope, RawPressures, RawSample, Resource, StallKind, Trigger};

use super::outbox::Event;

pub(super) const NOT_RUNNING: &str = "the monitor does not run";
const NOT_READ: &str = "its file could not be read in the newest sample (see the sections of health)";

/// Where an [`super::MonitorCore::add_pressure_rule`] gets its news from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PressureMode {
    /// The kernel wakes the monitor.
    Kernel,
    /// The share is computed at each sample.
    Sampled,
    /// Nobody will tell.
    Unavailable,
}

impl PressureMode {
    /// `"kernel"`, `"sampled"` or `"unavailable"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Sampled => "sampled",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How one pressure rule is served.
#[derive(Clone, Debug, PartialEq)]
pub struct PressureTriggerHealth {
    /// What tasks wait for.
    pub resource: Resource,
    /// Whether one of them does, or all that are not idle.
    pub kind: StallKind,
    /// The share of the window, 0–1.
    pub threshold: f64,
    /// The window in use: the kernel may take a longer one only.
    pub window_seconds: f64,
    /// Who tells.
    pub mode: PressureMode,
    /// Whose pressure it is; `None` before that is known.
    pub scope: Option<PressureScope>,
    /// Why it is not the kernel, or not the window that was asked for.
    pub reason: Option<String>,
}

/// A rule, and who serves it.
pub(super) struct PressureWatch {
    pub(super) number: u64,
    pub(super) rule: PressureRule,
    pub(super) mode: PressureMode,
    /// `None` where the source could not say: then the own cgroup's, if it is there in the sample.
    pub(super) scope: Option<PressureScope>,
    /// The window that the kernel took.
    pub(super) kernel_window_ns: u64,
    /// Why the kernel does not serve it, or not with the window that was asked for.
    refusal: Option<String>,
    /// What the health report says: the refusal, or worse.
    pub(super) reason: Option<String>,
    pub(super) window: PressureWindow,
    /// The cgroup that the window is of.
    generation: u64,
    told: OnceAWindow,
    /// Whether the log has said that samples serve it, and that nobody does.
    said: [bool; 2],
}

impl PressureWatch {
    pub(super) fn new(number: u64, rule: PressureRule) -> Self {
        Self {
            number,
            rule,
            mode: PressureMode::Unavailable,
            scope: None,
            kernel_window_ns: rule.window_ns,
            refusal: None,
            reason: Some(NOT_RUNNING.to_owned()),
            window: PressureWindow::new(rule.window_ns),
            generation: 0,
            told: OnceAWindow::default(),
            said: [false; 2],
        }
    }

    /// Asks the kernel; what it does not take is left to the samples.
    pub(super) fn arm(&mut self, triggers: Option<&dyn OpenTriggers>) -> Option<Trigger> {
        self.window.forget();
        let Some(triggers) = triggers else {
            self.mode = PressureMode::Sampled;
            self.reason = Some("this source of readings knows no triggers of a kernel".to_owned());
            return None;
        };
        match triggers.open(&self.rule.request()) {
            Ok(opened) => {
                self.mode = PressureMode::Kernel;
                self.scope = Some(opened.scope);
                self.kernel_window_ns = opened.window_us.saturating_mul(1_000);
                self.reason = opened.remark;
                Some(opened.trigger)
            }
            Err(refused) => {
                let served = if refused.is_readable { PressureMode::Sampled } else { PressureMode::Unavailable };
                self.scope = Some(refused.scope);
                self.mode = served;
                self.reason = Some(refused.reason);
                None
            }
        }
    }

    /// The sentence for the log, the first time that the kernel does not serve it.
    pub(super) fn remark(&mut self) -> Option<Event> {
        let (index, what) = match self.mode {
            PressureMode::Kernel => return None,
            PressureMode::Sampled => (0, "is served by samples and not by the kernel"),
            PressureMode::Unavailable => (1, "cannot be served"),
        };
        if std::mem::replace(&mut self.said[index], true) {
            return None;
        }
        let reason = self.reason.as_deref().unwrap_or_default();
        Some(Event::Notice(format!("{} {what}: {reason}", self.rule)))
    }

    /// Takes a sample, if samples serve it.
    pub(super) fn observe(
        &mut self,
        machine: &RawPressures,
        own: &RawPressures,
        now_ns: u64,
    ) -> Option<(f64, PressureScope)> {
        let PressureRule { resource, kind, .. } = self.rule;
        let container = || own.total(PressureScope::Container, resource, kind).zip(Some(PressureScope::Container));
        let host = || machine.total(PressureScope::Host, resource, kind).zip(Some(PressureScope::Host));
        let found = match self.scope {
            Some(PressureScope::Container) => container(),
            Some(PressureScope::Host) => host(),
            None => container().or_else(host),
        };
        let Some(((read_at_ns, total_us), scope)) = found else {
            self.window.forget();
            if self.mode == PressureMode::Sampled {
                self.mode = PressureMode::Unavailable;
                self.refusal = self.reason.replace(NOT_READ.to_owned());
            }
            return None;
        };
        if self.mode == PressureMode::Unavailable {
            self.mode = PressureMode::Sampled;
            self.reason = self.refusal.take().or_else(|| self.reason.take());
        }
        let generation = if scope == PressureScope::Container { own.generation } else { machine.generation };
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.window.forget();
        }
        let share = self.window.observe(read_at_ns, total_us)?;
        self.told.observe(&self.rule, share, now_ns).then_some((share, scope))
    }

    pub(super) fn event(
        &self,
        source: PressureSource,
        value: Option<f64>,
        scope: PressureScope,
        timestamp: f64,
    ) -> Event {
        let window_ns = match source {
            PressureSource::Kernel => self.kernel_window_ns,
            PressureSource::Sampled => self.rule.window_ns,
        };
        let event = PressureEvent {
            resource: self.rule.resource,
            kind: self.rule.kind,
            threshold: self.rule.share,
            window_seconds: window_ns as f64 / 1e9,
            value,
            scope,
            source,
            timestamp,
        };
        Event::Pressure { rule: self.number, event }
    }

    pub(super) fn health(&self) -> PressureTriggerHealth {
        let window_ns =
            if self.mode == PressureMode::Kernel { self.kernel_window_ns } else { self.rule.window_ns };
        PressureTriggerHealth {
            resource: self.rule.resource,
            kind: self.rule.kind,
            threshold: self.rule.share,
            window_seconds: window_ns as f64 / 1e9,
            mode: self.mode,
            scope: self.scope,
            reason: self.reason.clone(),
        }
    }
}

/// The totals of a reading: what a window that samples serve is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PressureSample {
    /// Of the machine.
    pub host: RawPressures,
    /// Of this process's own cgroup.
    pub container: RawPressures,
}

impl From<&RawSample> for PressureSample {
    fn from(raw: &RawSample) -> Self {
        Self { host: raw.pressure, container: raw.container_pressure }
    }
}
