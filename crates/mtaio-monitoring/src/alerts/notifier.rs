//! What somebody has been told of a threshold, and what is to be told now.
//!
//! Apart from the states themselves, so that whatever keeps an alert back (a silence, a cool-down) can neither lose a
//! state nor leave somebody with an alert that never ends.

use super::alert::Level;
use super::rule::Rule;
use super::watch::Change;

/// What somebody has been told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Notifier {
    told: Option<Told>,
    cool_down: Option<CoolDown>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    level: Level,
    at_ns: u64,
}

/// Until when no alert of this level, or of a lesser one, is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CoolDown {
    until_ns: u64,
    level: Level,
}

impl Notifier {
    /// The level of the alert that somebody believes to last.
    pub(super) fn told(&self) -> Option<Level> {
        self.told.map(|told| told.level)
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_blank(&self, now_ns: u64) -> bool {
        self.told.is_none() && self.cool_down.is_none_or(|cool_down| cool_down.until_ns <= now_ns)
    }

    /// What is to be told when a threshold is active at a level, or not at all. `muted` keeps everything back but the
    /// end of what was told.
    pub(super) fn next(
        self,
        rule: &Rule,
        active: Option<Level>,
        now_ns: u64,
        muted: bool,
        may_repeat: bool,
    ) -> (Self, Option<Change>) {
        match (self.told, active) {
            (None, None) => (self, None),
            (Some(_), None) => (Self { told: None, ..self }, Some(Change::Cleared)),
            (_, Some(_)) if muted => (self, None),
            (None, Some(level)) if self.holds_back(level, now_ns) => (self, None),
            (None, Some(level)) => (Self::telling(rule, level, now_ns), Some(Change::Exceeded)),
            (Some(told), Some(level)) if level > told.level => {
                (Self::telling(rule, level, now_ns), Some(Change::Exceeded))
            }
            (Some(told), Some(level)) => {
                let repeats = may_repeat
                    && rule.repeat_ns.is_some_and(|repeat_ns| now_ns.saturating_sub(told.at_ns) >= repeat_ns);
                if level < told.level || repeats {
                    // The cool-down goes on as it is: nothing new has happened.
                    (Self { told: Some(Told { level, at_ns: now_ns }), ..self }, Some(Change::StillExceeded))
                } else {
                    (self, None)
                }
            }
        }
    }

    fn holds_back(&self, level: Level, now_ns: u64) -> bool {
        self.cool_down.is_some_and(|cool_down| now_ns < cool_down.until_ns && level <= cool_down.level)
    }

    fn telling(rule: &Rule, level: Level, now_ns: u64) -> Self {
        let until_ns = now_ns.saturating_add(rule.cool_down_ns);
        let cool_down = (rule.cool_down_ns > 0).then_some(CoolDown { until_ns, level });
        Self { told: Some(Told { level, at_ns: now_ns }), cool_down }
    }
}
