//! All thresholds of one monitor and where each stands.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::alerts::{
    Alert, Change, Instances, Mark, Moment, NoData, Outcome, Rule, Seen, Silence, ThresholdState, Values, Watch,
};
use crate::metrics::Labels;
use crate::metrics::catalogue::BuiltIn;
use crate::rates::SystemStats;

use super::evidence::Gatherer;
use super::outbox::Event;

/// Ticks after which a threshold that has not seen a value is reported.
const TICKS_WITHOUT_VALUE: u64 = 3;

/// The thresholds, by what they watch.
#[derive(Debug, Default)]
pub(super) struct Watches {
    entries: BTreeMap<Arc<str>, Entry>,
}

#[derive(Debug)]
struct Entry {
    follows: Follows,
    /// Ticks since the threshold was set or the monitor started, until a value comes.
    wait: Wait,
}

/// Where the values come from.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one for each threshold, of which there are few")]
enum Follows {
    /// From each sample.
    BuiltIn(BuiltIn, Watch),
    /// From whoever records them, whenever that is.
    Recorded(Watch),
    /// From what was recorded, looked at with each sample.
    Expression(Instances),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Waiting { ticks: u64 },
    Reported,
    Over,
}

/// When the thresholds are looked at, and what holds then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    pub(super) now_ns: u64,
    pub(super) interval_ns: u64,
    /// The same moment in seconds since the epoch.
    pub(super) timestamp: f64,
    pub(super) silences: &'a [Silence],
    /// Where the evidence for what fires comes from.
    pub(super) gatherer: &'a Gatherer,
}

impl Look<'_> {
    fn mutes(&self, rule: &Rule, labels: &Labels) -> bool {
        self.silences.iter().any(|silence| silence.mutes(rule, labels, self.now_ns))
    }

    fn moment(&self, rule: &Rule) -> Moment {
        let muted = self.mutes(rule, &Labels::default());
        Moment { now_ns: self.now_ns, interval_ns: self.interval_ns, muted }
    }
}

impl Watches {
    /// Sets a threshold. The same rule again changes nothing; another one for the metric begins anew, and the alerts
    /// of the old one end if it was firing.
    pub(super) fn set(&mut self, rule: &Rule, timestamp: f64) -> Vec<Event> {
        if self.entries.get(&rule.metric).is_some_and(|entry| entry.rule() == rule) {
            return Vec::new();
        }
        let ended = self.remove(&rule.metric, timestamp).unwrap_or_default();
        let follows = match BuiltIn::from_name(&rule.metric) {
            Some(metric) => Follows::BuiltIn(metric, Watch::new(rule.clone())),
            None if rule.plain_name() == Some(&rule.metric) => Follows::Recorded(Watch::new(rule.clone())),
            None => Follows::Expression(Instances::new(rule.clone())),
        };
        self.entries.insert(Arc::clone(&rule.metric), Entry { follows, wait: Wait::Waiting { ticks: 0 } });
        ended
    }

    /// Takes a threshold away, with the ends of its alerts that were told.
    pub(super) fn remove(&mut self, metric: &str, timestamp: f64) -> Option<Vec<Event>> {
        let entry = self.entries.remove(metric)?;
        let mut events = Vec::new();
        entry.each(|labels, watch| {
            if let Some(level) = watch.told() {
                events.push(Event::Raised(Alert::of_removed(&watch.rule, labels, level, timestamp)));
            }
        });
        Some(events)
    }

    /// A value of a recorded metric.
    pub(super) fn observe(&mut self, metric: &str, value: f64, look: &Look<'_>) -> Vec<Event> {
        let Some(entry) = self.entries.get_mut(metric) else { return Vec::new() };
        let Follows::Recorded(watch) = &mut entry.follows else { return Vec::new() };
        entry.wait = Wait::Over;
        let outcome = watch.step(Seen::Value(value), look.moment(&watch.rule));
        events(&watch.rule, &Labels::default(), "", outcome, look)
    }

    /// A sample: values for the built-in metrics, and the time that passed for recorded ones.
    pub(super) fn observe_sample(&mut self, stats: &SystemStats, look: &Look<'_>) -> Vec<Event> {
        self.entries.values_mut().flat_map(|entry| entry.observe_sample(stats, look)).collect()
    }

    /// Whether [`Self::observe_sample`] would have somebody told that an alert fires or has become worse.
    pub(super) fn would_fire(&self, stats: &SystemStats, look: &Look<'_>) -> bool {
        self.entries.values().any(|entry| match (&entry.follows, entry.seen_in(stats, look)) {
            (Follows::BuiltIn(_, watch) | Follows::Recorded(watch), Some(seen)) => {
                watch.would_fire(seen, look.moment(&watch.rule))
            }
            _ => false,
        })
    }

    /// Looks at one threshold on an expression: the first behind `after` and up to `until`, in the order of their texts.
    /// `None` where there is none left. Without events where it would have somebody told of something new and that may
    /// not be yet: then it has not been looked at.
    pub(super) fn observe_next_expression(
        &mut self,
        (after, until): (Option<&Arc<str>>, Option<&Arc<str>>),
        values: &dyn Values,
        look: &Look<'_>,
        may_fire: bool,
    ) -> Option<(Arc<str>, Option<Vec<Event>>)> {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let end = until.map_or(Bound::Unbounded, Bound::Included);
        // A range that begins behind its end is a panic.
        if after.zip(until).is_some_and(|(after, until)| after >= until) {
            return None;
        }
        self.entries
            .range_mut::<Arc<str>, _>((begin, end))
            .find(|(_, entry)| matches!(entry.follows, Follows::Expression(_)))
            .map(|(metric, entry)| (Arc::clone(metric), entry.observe_expression(values, look, may_fire)))
    }

    /// Tells what a silence that has ended kept back.
    pub(super) fn pass_time(&mut self, look: &Look<'_>) -> Vec<Event> {
        let mut told = Vec::new();
        for entry in self.entries.values_mut() {
            if let Follows::BuiltIn(_, watch) | Follows::Recorded(watch) = &mut entry.follows {
                let unit = unit(&watch.rule.metric);
                let outcome = watch.step(Seen::Time, look.moment(&watch.rule));
                told.extend(events(&watch.rule, &Labels::default(), unit, outcome, look));
            }
        }
        told
    }

    /// The monitor starts to look: what was before is time that nobody saw.
    pub(super) fn begin(&mut self, now_ns: u64) {
        self.skip();
        for entry in self.entries.values_mut() {
            match &mut entry.follows {
                Follows::BuiltIn(_, watch) | Follows::Recorded(watch) => watch.begin(now_ns),
                Follows::Expression(instances) => instances.begin(now_ns),
            }
        }
    }

    /// Time that nobody saw counts for no threshold.
    pub(super) fn skip(&mut self) {
        for entry in self.entries.values_mut() {
            match &mut entry.follows {
                Follows::BuiltIn(_, watch) | Follows::Recorded(watch) => watch.skip(),
                Follows::Expression(instances) => instances.skip(),
            }
        }
    }

    /// Counts a tick for every threshold that still waits for its first value; those that have waited long enough
    /// are returned, once each. A name that `has_value` from before its threshold is not silent.
    pub(super) fn count_silence(&mut self, ticks: u64, has_value: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let mut silent = Vec::new();
        for (metric, entry) in &mut self.entries {
            if entry.wait == (Wait::Waiting { ticks: 0 }) && has_value(metric) {
                entry.wait = Wait::Over;
            }
            if let Wait::Waiting { ticks: waited } = &mut entry.wait {
                *waited += ticks;
                if *waited >= TICKS_WITHOUT_VALUE {
                    entry.wait = Wait::Reported;
                    silent.push(Arc::clone(metric));
                }
            }
        }
        silent
    }

    /// What is watched by the thresholds that were reported to have no value and still have none.
    pub(super) fn without_data(&self) -> Vec<Arc<str>> {
        let silent = |(metric, entry): (&Arc<str>, &Entry)| {
            let mut is_silent = entry.wait == Wait::Reported;
            entry.each(|_, watch| is_silent |= watch.has_no_data());
            is_silent.then(|| Arc::clone(metric))
        };
        self.entries.iter().filter_map(silent).collect()
    }

    /// Values that were passed over because their threshold has too many instances.
    pub(super) fn refused(&self) -> u64 {
        let refused = |entry: &Entry| match &entry.follows {
            Follows::Expression(instances) => instances.refused(),
            _ => 0,
        };
        self.entries.values().map(refused).sum()
    }

    /// Every threshold and where it stands.
    pub(super) fn states(&self) -> Vec<ThresholdState> {
        let state = |entry: &Entry| {
            let (mut pending, mut firing) = (false, false);
            entry.each(|_, watch| {
                pending |= watch.is_pending();
                firing |= watch.is_firing();
            });
            let value = match &entry.follows {
                Follows::BuiltIn(_, watch) | Follows::Recorded(watch) => watch.newest(),
                Follows::Expression(instances) => instances.worst(),
            };
            ThresholdState { rule: entry.rule().clone(), value, pending, firing }
        };
        self.entries.values().map(state).collect()
    }
}

impl Entry {
    fn rule(&self) -> &Rule {
        match &self.follows {
            Follows::BuiltIn(_, watch) | Follows::Recorded(watch) => &watch.rule,
            Follows::Expression(instances) => instances.rule(),
        }
    }

    fn each(&self, mut visit: impl FnMut(&Labels, &Watch)) {
        match &self.follows {
            Follows::BuiltIn(_, watch) | Follows::Recorded(watch) => visit(&Labels::default(), watch),
            Follows::Expression(instances) => instances.iter().for_each(|(labels, watch)| visit(labels, watch)),
        }
    }

    /// What a sample shows of it; `None` for a threshold on an expression.
    fn seen_in(&self, stats: &SystemStats, look: &Look<'_>) -> Option<Seen> {
        match &self.follows {
            Follows::BuiltIn(metric, watch) => Some(match stats.value(*metric) {
                Some(value) => Seen::Value(value),
                // One that never had a value is reported as such.
                None if self.wait != Wait::Over && watch.rule.no_data == NoData::Keep => Seen::Time,
                None => Seen::Nothing,
            }),
            Follows::Recorded(watch) => {
                // Programs record when they like: only where the rule says so is it a sign that they do not.
                let is_silent = watch.rule.no_data != NoData::Keep && watch.is_overdue(look.moment(&watch.rule));
                Some(if is_silent { Seen::Nothing } else { Seen::Time })
            }
            Follows::Expression(_) => None,
        }
    }

    fn observe_sample(&mut self, stats: &SystemStats, look: &Look<'_>) -> Vec<Event> {
        let Some(seen) = self.seen_in(stats, look) else { return Vec::new() };
        if matches!(seen, Seen::Value(_)) {
            self.wait = Wait::Over;
        }
        let (watch, unit) = match &mut self.follows {
            Follows::BuiltIn(metric, watch) => (watch, metric.description().unit),
            Follows::Recorded(watch) => (watch, ""),
            Follows::Expression(_) => return Vec::new(),
        };
        let outcome = watch.step(seen, look.moment(&watch.rule));
        events(&watch.rule, &Labels::default(), unit, outcome, look)
    }

    /// `None` where it would have somebody told of something new and that may not be yet.
    fn observe_expression(&mut self, values: &dyn Values, look: &Look<'_>, may_fire: bool) -> Option<Vec<Event>> {
        let Follows::Expression(instances) = &mut self.follows else { return Some(Vec::new()) };
        let moment = Moment { now_ns: look.now_ns, interval_ns: look.interval_ns, muted: false };
        let outcomes = instances.look_if(values, moment, |rule, labels| look.mutes(rule, labels), may_fire)?;
        if instances.has_seen_value() {
            self.wait = Wait::Over;
        }
        let rule = instances.rule();
        let told = outcomes.into_iter();
        Some(told.flat_map(|(labels, outcome)| events(rule, &labels, "", outcome, look)).collect())
    }
}

/// What there is to tell of what came of a look.
fn events(rule: &Rule, labels: &Labels, unit: &str, outcome: Outcome, look: &Look<'_>) -> Vec<Event> {
    let told = outcome.transition.map(|transition| {
        let mut alert = Alert::of_transition(rule, &transition, labels, unit, look.now_ns, look.timestamp);
        if transition.change == Change::Exceeded {
            alert.evidence = Some(look.gatherer.gather());
        }
        match transition.change {
            Change::Exceeded | Change::StillExceeded => Event::Exceeded(alert),
            Change::Cleared => Event::Cleared(alert),
        }
    });
    let marked = outcome.mark.map(|mark| {
        let space = if labels.is_empty() { "" } else { " " };
        let subject = format!("the threshold on \"{}\"{space}{labels}", rule.metric);
        match mark {
            Mark::NoData => Event::NoData(format!("{subject} has no value any more, and stays as it was")),
            Mark::DataAgain => Event::Notice(format!("{subject} has values again")),
            Mark::NotFinite => {
                Event::Notice(format!("{subject} got a value that is not a finite number, and stays as it was"))
            }
        }
    });
    marked.into_iter().chain(told).collect()
}

fn unit(metric: &str) -> &'static str {
    BuiltIn::from_name(metric).map_or("", |metric| metric.description().unit)
}
