//! The states of one threshold.
//!
//! ```text
//!            crossed                for_seconds over
//! Inactive ───────────▶ Pending ───────────────────────▶ Firing ──┐ repeat_seconds over
//!    ▲                     │                               │  ▲   │
//!    │    not crossed      │                               │  └───┘
//!    ├─────────────────────┘           cleared             │
//!    └─────────────────────────────────────────────────────┘
//! ```

use super::rule::Rule;

/// A threshold and where it stands.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The threshold.
    pub rule: Rule,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Inactive,
    Pending { since_ns: u64 },
    Firing { told_ns: u64 },
}

/// What somebody should hear about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The threshold has been crossed, for as long as it takes.
    Exceeded,
    /// It is still crossed, and it is time to say so again.
    StillExceeded,
    /// It was firing, and the value is good again.
    Cleared,
}

impl Watch {
    /// A threshold that has not seen a value yet: a first value beyond it is a crossing.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, phase: Phase::Inactive }
    }

    /// Whether it fires.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        matches!(self.phase, Phase::Firing { .. })
    }

    /// Whether it is crossed, but not for long enough yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Pending { .. })
    }

    /// Takes a value at a monotonic time, and says what changed.
    ///
    /// ```
    /// use mtaio_monitoring::alerts::{Change, Rule, RuleOptions, Watch};
    /// let mut watch = Watch::new(Rule::new("queue", 10.0, RuleOptions::default()).unwrap());
    /// assert_eq!(watch.observe(11.0, 0), Some(Change::Exceeded));
    /// assert_eq!(watch.observe(12.0, 1), None);
    /// assert_eq!(watch.observe(10.0, 2), Some(Change::Cleared));
    /// ```
    pub fn observe(&mut self, value: f64, now_ns: u64) -> Option<Change> {
        let (phase, change) = self.next(value, now_ns);
        self.phase = phase;
        change
    }

    /// The values have a hole (suspend, restart of the counters): time that nobody saw does not count as time
    /// beyond the threshold.
    pub fn skip(&mut self) {
        if self.is_pending() {
            self.phase = Phase::Inactive;
        }
    }

    fn next(&self, value: f64, now_ns: u64) -> (Phase, Option<Change>) {
        let rule = &self.rule;
        match self.phase {
            Phase::Firing { .. } if rule.is_cleared_by(value) => (Phase::Inactive, Some(Change::Cleared)),
            Phase::Firing { told_ns } => match rule.repeat_ns {
                Some(repeat_ns) if now_ns.saturating_sub(told_ns) >= repeat_ns => {
                    (Phase::Firing { told_ns: now_ns }, Some(Change::StillExceeded))
                }
                _ => (self.phase, None),
            },
            _ if !rule.is_crossed_by(value) => (Phase::Inactive, None),
            phase => {
                let since_ns = match phase {
                    Phase::Pending { since_ns } => since_ns,
                    _ => now_ns,
                };
                if now_ns.saturating_sub(since_ns) >= rule.for_ns {
                    (Phase::Firing { told_ns: now_ns }, Some(Change::Exceeded))
                } else {
                    (Phase::Pending { since_ns }, None)
                }
            }
        }
    }
}
