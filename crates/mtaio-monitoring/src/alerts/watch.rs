//! One threshold over one series of values: where it stands, and what is to be told.
//!
//! A pure function of the state, what was seen and a monotonic time: [`State::next`]. A level each is followed by a
//! [`Condition`], what somebody has been told by a [`Notifier`].

use std::sync::Arc;

use super::alert::Level;
use super::condition::{Condition, Phase};
use super::notifier::Notifier;
use super::rule::{NoData, Rule};

/// Intervals without a value after which it is said that there is none.
const INTERVALS_WITHOUT_VALUE: u64 = 3;

/// A threshold and where it stands.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The threshold.
    pub rule: Arc<Rule>,
    state: State,
}

/// What was seen of the values at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// A value.
    Value(f64),
    /// A value that is no number (NaN), or not a finite one: an error, which is never taken for a good value and for no
    /// bad one either. The threshold stays as it is.
    NotFinite,
    /// That there is none. What follows from it is the rule's to say ([`NoData`]).
    Nothing,
    /// That there is none and will be none: the series is gone. Whatever it was ends.
    Gone,
    /// Nobody has looked: only time passes.
    Time,
}

/// When something was seen, and what holds then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds of a monotonic clock.
    pub now_ns: u64,
    /// Nanoseconds between two looks: after three of them without a value there is none.
    pub interval_ns: u64,
    /// Whether a silence is in force: alerts are tracked, and not told.
    pub muted: bool,
}

/// What somebody should hear about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The threshold has been crossed, for as long as it takes; or the worse one has, while the other fired.
    Exceeded,
    /// It is still crossed, and it is time to say so again; or it is no longer the worse one that is.
    StillExceeded,
    /// It was firing, and the value is good again.
    Cleared,
}

/// A change, and what there is to say about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// What changed.
    pub change: Change,
    /// The level that fires; for one that has ended, the level that was told last.
    pub level: Level,
    /// The newest value. `None` where the change is that there is none.
    pub value: Option<f64>,
    /// When the threshold was crossed, in nanoseconds of the monotonic clock.
    pub since_ns: u64,
    /// The worst value since then.
    pub peak: Option<f64>,
}

/// Something for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// There has been no value for a while.
    NoData,
    /// There is one again.
    DataAgain,
    /// A value is not a finite number.
    NotFinite,
}

/// What came of a look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What handlers are to be told.
    pub transition: Option<Transition>,
    /// What is to be logged.
    pub mark: Option<Mark>,
}

/// Where a threshold stands. It knows nothing of the clock: every step is given its time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    base: Condition,
    critical: Condition,
    notifier: Notifier,
    /// When it began to look: the grace runs from here.
    begun_ns: Option<u64>,
    newest: Option<(f64, u64)>,
    peak: Option<f64>,
    data: Data,
    not_finite: bool,
}

/// Whether there are values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Data {
    #[default]
    There,
    /// And it was said.
    Missing,
    /// Which is what fires.
    Alerting { since_ns: u64 },
}

impl State {
    /// The state after what was seen at a moment, and what came of it.
    #[must_use]
    pub fn next(mut self, rule: &Rule, seen: Seen, moment: Moment) -> (Self, Outcome) {
        let Moment { now_ns, muted, .. } = moment;
        let (before, was_told) = (self, self.notifier.told());
        let begun_ns = *self.begun_ns.get_or_insert(now_ns);
        let may_fire = now_ns.saturating_sub(begun_ns) >= rule.grace_ns;
        let mark = match seen {
            Seen::Value(value) => self.take_value(rule, value, now_ns, may_fire),
            Seen::NotFinite => {
                let known = std::mem::replace(&mut self.not_finite, true);
                (!known).then_some(Mark::NotFinite)
            }
            Seen::Nothing => self.take_nothing(rule, moment, may_fire),
            Seen::Gone => {
                (self.base, self.critical, self.data) = Default::default();
                None
            }
            Seen::Time => {
                self.change_conditions(rule, |condition| condition.time_passes(rule, now_ns));
                None
            }
        };
        // Of a rule whose values come when they like, only a value says that it still is as bad.
        let may_repeat = seen != Seen::Time;
        let (notifier, change) = self.notifier.next(rule, self.active(rule), now_ns, muted, may_repeat);
        self.notifier = notifier;
        let transition = change.map(|change| {
            // What has ended is told of as it was before it ended.
            let told_of = if change == Change::Cleared { &before } else { &self };
            let of_no_data = match change {
                Change::Cleared => matches!(seen, Seen::Nothing | Seen::Gone),
                _ => !self.base.phase.is_active(),
            };
            Transition {
                change,
                level: notifier.told().or(was_told).unwrap_or(rule.level),
                value: self.newest.map(|(value, _)| value).filter(|_| !of_no_data),
                since_ns: told_of.since_ns().unwrap_or(now_ns),
                peak: told_of.peak,
            }
        });
        if self.since_ns().is_none() {
            self.peak = None;
        }
        (self, Outcome { transition, mark })
    }

    fn take_value(&mut self, rule: &Rule, value: f64, now_ns: u64, may_fire: bool) -> Option<Mark> {
        let data = std::mem::replace(&mut self.data, Data::There);
        self.not_finite = false;
        self.newest = Some((value, now_ns));
        self.base = self.base.value(rule, rule.level, value, now_ns, may_fire);
        if rule.critical.is_some() {
            self.critical = self.critical.value(rule, Level::Critical, value, now_ns, may_fire);
        }
        if self.base.phase != Phase::Inactive {
            let worst = if rule.below { f64::min } else { f64::max };
            self.peak = Some(self.peak.map_or(value, |peak| worst(peak, value)));
        }
        (data == Data::Missing).then_some(Mark::DataAgain)
    }

    fn take_nothing(&mut self, rule: &Rule, moment: Moment, may_fire: bool) -> Option<Mark> {
        let Moment { now_ns, interval_ns, .. } = moment;
        self.not_finite = false;
        if rule.no_data == NoData::Resolve {
            self.change_conditions(rule, |condition| condition.absent(rule, now_ns));
            return None;
        }
        self.change_conditions(rule, |condition| condition.time_passes(rule, now_ns));
        if !self.is_overdue(rule, moment) || self.data != Data::There {
            return None;
        }
        if rule.no_data == NoData::Keep {
            self.data = Data::Missing;
            return Some(Mark::NoData);
        }
        if may_fire {
            self.data =
                Data::Alerting { since_ns: self.newest_ns().unwrap_or(now_ns).saturating_add(interval_ns) };
        }
        None
    }

    fn change_conditions(&mut self, rule: &Rule, change: impl Fn(Condition) -> Condition) {
        self.base = change(self.base);
        if rule.critical.is_some() {
            self.critical = change(self.critical);
        }
    }

    /// Whether the newest value is so long ago that there is none any more.
    fn is_overdue(&self, rule: &Rule, moment: Moment) -> bool {
        let patience_ns = moment.interval_ns.saturating_mul(INTERVALS_WITHOUT_VALUE).max(rule.for_ns);
        self.newest_ns().is_some_and(|newest_ns| moment.now_ns.saturating_sub(newest_ns) >= patience_ns)
    }

    /// When there last was a value; before the first, when it began to wait for one.
    fn newest_ns(&self) -> Option<u64> {
        self.newest.map(|(_, at_ns)| at_ns).max(self.begun_ns)
    }

    fn active(&self, rule: &Rule) -> Option<Level> {
        if self.critical.phase.is_active() {
            return Some(Level::Critical);
        }
        let fires = self.base.phase.is_active() || matches!(self.data, Data::Alerting { .. });
        fires.then_some(rule.level)
    }

    fn since_ns(&self) -> Option<u64> {
        let of_no_data = if let Data::Alerting { since_ns } = self.data { Some(since_ns) } else { None };
        self.base.phase.since_ns().or(of_no_data)
    }

    /// After time that nobody saw (suspend, a monitor that was stopped).
    #[must_use]
    fn skip(mut self) -> Self {
        (self.base, self.critical) = (self.base.skip(), self.critical.skip());
        self
    }
}

impl Watch {
    /// A threshold that has not seen a value yet: a first value beyond it is a crossing.
    #[must_use]
    pub fn new(rule: impl Into<Arc<Rule>>) -> Self {
        Self { rule: rule.into(), state: State::default() }
    }

    /// The newest value.
    #[must_use]
    pub fn newest(&self) -> Option<f64> {
        self.state.newest.map(|(value, _)| value)
    }

    /// Where it stands; of a rule with two levels, the first one.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.state.base.phase
    }

    /// Whether it fires, be it that the value is good again but not for `keep_firing_seconds` yet.
    #[must_use]
    pub fn is_firing(&self) -> bool {
        self.level().is_some()
    }

    /// Whether it is crossed, but not for long enough yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.phase(), Phase::Pending { .. }) && !self.is_firing()
    }

    /// The level at which it fires.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.state.active(&self.rule)
    }

    /// The level of the alert that somebody was told of and that has not ended.
    #[must_use]
    pub fn told(&self) -> Option<Level> {
        self.state.notifier.told()
    }

    /// Whether it is known to have no value.
    #[must_use]
    pub fn has_no_data(&self) -> bool {
        self.state.data != Data::There
    }

    /// Whether the newest value was not a finite number.
    #[must_use]
    pub fn is_in_error(&self) -> bool {
        self.state.not_finite
    }

    /// Whether a new watch would do as well.
    #[must_use]
    pub fn is_blank(&self, now_ns: u64) -> bool {
        let State { base, critical, notifier, data, not_finite, .. } = self.state;
        (base, critical) == Default::default() && notifier.is_blank(now_ns) && data == Data::There && !not_finite
    }

    /// Whether it has seen no value for so long that there is none any more.
    #[must_use]
    pub fn is_overdue(&self, moment: Moment) -> bool {
        self.state.is_overdue(&self.rule, moment)
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
        let seen = if value.is_nan() { Seen::NotFinite } else { Seen::Value(value) };
        let outcome = self.step(seen, Moment { now_ns, ..Moment::default() });
        outcome.transition.map(|transition| transition.change)
    }

    /// Takes what was seen at a moment, and says what came of it.
    pub fn step(&mut self, seen: Seen, moment: Moment) -> Outcome {
        let (state, outcome) = self.state.next(&self.rule, seen, moment);
        self.state = state;
        outcome
    }

    /// Whether [`Self::step`] would have somebody told that it fires, or that it has become worse. Nothing changes.
    #[must_use]
    pub fn would_fire(&self, seen: Seen, moment: Moment) -> bool {
        let (_, outcome) = self.state.next(&self.rule, seen, moment);
        outcome.transition.is_some_and(|transition| transition.change == Change::Exceeded)
    }

    /// Begins to look: `grace_seconds` and the time without a value count from here.
    pub fn begin(&mut self, now_ns: u64) {
        self.state.begun_ns = Some(now_ns);
    }

    /// The values have a hole (suspend, restart of the counters): time that nobody saw does not count as time
    /// beyond the threshold.
    pub fn skip(&mut self) {
        self.state = self.state.skip();
    }
}
