//! Whether one level of a threshold is crossed, and for how long.
//!
//! ```text
//!            crossed                for_seconds over            cleared
//! Inactive ───────────▶ Pending ───────────────────▶ Firing ─────────────▶ Recovering
//!    ▲                     │                            ▲   not cleared         │  │
//!    │    not crossed      │                            └───────────────────────┘  │
//!    ├─────────────────────┘                       keep_firing_seconds over        │
//!    └─────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Without `for_seconds` and `keep_firing_seconds` nothing stays pending or recovering.

use super::alert::Level;
use super::rule::Rule;

/// Where one level of a threshold stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not crossed.
    #[default]
    Inactive,
    /// Crossed, but not for `for_seconds` yet.
    Pending {
        /// When it was crossed.
        since_ns: u64,
    },
    /// Crossed for long enough, and not cleared.
    Firing {
        /// When it was crossed.
        since_ns: u64,
    },
    /// Cleared, but not for `keep_firing_seconds` yet.
    Recovering {
        /// When it was crossed.
        since_ns: u64,
        /// When it was cleared.
        good_since_ns: u64,
    },
}

impl Phase {
    /// `"inactive"`, `"pending"`, `"firing"` or `"recovering"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending { .. } => "pending",
            Self::Firing { .. } => "firing",
            Self::Recovering { .. } => "recovering",
        }
    }

    /// When it was crossed.
    #[must_use]
    pub fn since_ns(self) -> Option<u64> {
        match self {
            Self::Inactive => None,
            Self::Pending { since_ns } | Self::Firing { since_ns } | Self::Recovering { since_ns, .. } => {
                Some(since_ns)
            }
        }
    }

    /// Whether it fires, recovering included.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Firing { .. } | Self::Recovering { .. })
    }
}

/// One level: where it stands, and which of the last values were beyond it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) phase: Phase,
    /// A bit a value, the newest the lowest.
    crossed: u64,
    uncleared: u64,
}

impl Condition {
    /// After a value. Where it may not fire yet, it stays pending.
    pub(super) fn value(mut self, rule: &Rule, level: Level, value: f64, now_ns: u64, may_fire: bool) -> Self {
        let (threshold, clear) = rule.bounds(level);
        let (n, m) = rule.samples;
        let newest = |bits: u64, bit: bool| ((bits << 1) | u64::from(bit)) & (u64::MAX >> (64 - m));
        self.crossed = newest(self.crossed, rule.is_beyond(threshold, value));
        self.uncleared = newest(self.uncleared, rule.is_beyond(clear, value));
        self.phase = match self.phase {
            Phase::Firing { since_ns } | Phase::Recovering { since_ns, .. }
                if self.uncleared.count_ones() >= n =>
            {
                Phase::Firing { since_ns }
            }
            phase if phase.is_active() => ended(phase, rule, now_ns),
            _ if self.crossed.count_ones() < n => Phase::Inactive,
            phase => {
                let since_ns = phase.since_ns().unwrap_or(now_ns);
                if may_fire && now_ns.saturating_sub(since_ns) >= rule.for_ns {
                    Phase::Firing { since_ns }
                } else {
                    Phase::Pending { since_ns }
                }
            }
        };
        self
    }

    /// After a moment at which there was no value, where that counts as a good one.
    pub(super) fn absent(self, rule: &Rule, now_ns: u64) -> Self {
        let phase = if self.phase.is_active() { ended(self.phase, rule, now_ns) } else { Phase::Inactive };
        Self { phase, ..Self::default() }
    }

    /// After a while without a value.
    pub(super) fn time_passes(mut self, rule: &Rule, now_ns: u64) -> Self {
        if matches!(self.phase, Phase::Recovering { .. }) {
            self.phase = ended(self.phase, rule, now_ns);
        }
        self
    }

    /// After time that nobody saw: it is neither time beyond the threshold nor time within.
    pub(super) fn skip(self) -> Self {
        match self.phase {
            Phase::Firing { since_ns } | Phase::Recovering { since_ns, .. } => {
                Self { phase: Phase::Firing { since_ns }, ..self }
            }
            _ => Self::default(),
        }
    }
}

/// Of one that fired and is good now: whether it has been for long enough.
fn ended(phase: Phase, rule: &Rule, now_ns: u64) -> Phase {
    let Some(since_ns) = phase.since_ns() else { return phase };
    let good_since_ns = if let Phase::Recovering { good_since_ns, .. } = phase { good_since_ns } else { now_ns };
    if now_ns.saturating_sub(good_since_ns) >= rule.keep_firing_ns {
        Phase::Inactive
    } else {
        Phase::Recovering { since_ns, good_since_ns }
    }
}
