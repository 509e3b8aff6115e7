//! A threshold over every set of labels that its expression gives a value for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::metrics::Labels;

use super::rule::{NoData, Rule};
use super::values::Values;
use super::watch::{Moment, Outcome, Seen, Watch};

/// Instances of one rule that are followed at most: labels made from request data must not make the monitor grow.
pub const INSTANCES: usize = 2_000;

/// A threshold and where it stands for each set of labels. Those about which there is nothing to remember are not kept.
#[derive(Clone, Debug)]
pub struct Instances {
    rule: Arc<Rule>,
    watches: BTreeMap<Labels, Watch>,
    limit: usize,
    refused: u64,
    begun_ns: Option<u64>,
    has_seen_value: bool,
    worst: Option<f64>,
}

impl Instances {
    /// A threshold that has not seen a value yet, and follows [`INSTANCES`] at most.
    #[must_use]
    pub fn new(rule: impl Into<Arc<Rule>>) -> Self {
        Self::with_limit(rule, INSTANCES)
    }

    /// The same, with another limit.
    #[must_use]
    pub fn with_limit(rule: impl Into<Arc<Rule>>, limit: usize) -> Self {
        Self {
            rule: rule.into(),
            watches: BTreeMap::new(),
            limit,
            refused: 0,
            begun_ns: None,
            has_seen_value: false,
            worst: None,
        }
    }

    /// The threshold.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Everything that is followed, in the order of the labels.
    pub fn iter(&self) -> impl Iterator<Item = (&Labels, &Watch)> {
        self.watches.iter()
    }

    /// How many values were passed over because they would have been of one instance more than the limit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// At the last look, the value that is furthest on the bad side.
    #[must_use]
    pub fn worst(&self) -> Option<f64> {
        self.worst
    }

    /// Whether there ever was a value.
    #[must_use]
    pub fn has_seen_value(&self) -> bool {
        self.has_seen_value
    }

    /// Looks at all values at a moment, and gives what came of it, for each set of labels where something did.
    /// `mutes` says whose alerts are kept quiet; `muted` of the moment counts for all.
    pub fn look(
        &mut self,
        values: &dyn Values,
        moment: Moment,
        mutes: impl Fn(&Rule, &Labels) -> bool,
    ) -> Vec<(Labels, Outcome)> {
        self.look_if(values, moment, mutes, true).unwrap_or_default()
    }

    /// As [`Self::look`], but that nothing happens, and `None` is given, where it would have somebody told that an alert
    /// fires or has become worse and that may not be yet.
    pub fn look_if(
        &mut self,
        values: &dyn Values,
        moment: Moment,
        mutes: impl Fn(&Rule, &Labels) -> bool,
        may_fire: bool,
    ) -> Option<Vec<(Labels, Outcome)>> {
        self.begun_ns.get_or_insert(moment.now_ns);
        let evaluated = self.rule.expression.evaluate(values, self.rule.window_ns);
        let mut seen: BTreeMap<Labels, Seen> =
            evaluated.into_iter().map(|(labels, value)| (labels, finite(value))).collect();
        let values =
            seen.values().filter_map(|seen| if let Seen::Value(value) = seen { Some(*value) } else { None });
        self.worst = values.reduce(if self.rule.below { f64::min } else { f64::max });
        self.has_seen_value |= self.worst.is_some();
        if self.rule.expression.by.is_empty() {
            // There is one instance, be there values or not: its silence may be what the rule is about.
            let only = seen.remove(&Labels::default()).unwrap_or(Seen::Nothing);
            // A name that never had a value is reported as such, by who knows the names.
            let waits = !self.has_seen_value && self.rule.no_data == NoData::Keep;
            seen = BTreeMap::from([(Labels::default(), if waits { Seen::Time } else { only })]);
        }
        let gone: Vec<Labels> = self.watches.keys().filter(|labels| !seen.contains_key(labels)).cloned().collect();
        let all = seen.into_iter().map(|(labels, seen)| (labels, seen, false));
        let gone = gone.into_iter().map(|labels| (labels, Seen::Nothing, true));
        let all: Vec<(Labels, Seen, bool)> = all.chain(gone).collect();
        let moment_of = |labels: &Labels| Moment { muted: moment.muted || mutes(&self.rule, labels), ..moment };
        if !may_fire && all.iter().any(|(labels, seen, _)| self.would_fire(labels, *seen, moment_of(labels))) {
            return None;
        }
        let mut outcomes = Vec::new();
        for (labels, seen, is_gone) in all {
            let muted = moment.muted || mutes(&self.rule, &labels);
            let outcome = self.step(&labels, seen, is_gone, Moment { muted, ..moment });
            if let Some(outcome) = outcome.filter(|outcome| *outcome != Outcome::default()) {
                outcomes.push((labels, outcome));
            }
        }
        Some(outcomes)
    }

    /// Whether a step would have somebody told of something new; of an instance for which there is no room, maybe wrongly.
    fn would_fire(&self, labels: &Labels, seen: Seen, moment: Moment) -> bool {
        match self.watches.get(labels) {
            Some(watch) => watch.would_fire(seen, moment),
            None => {
                let mut watch = Watch::new(Arc::clone(&self.rule));
                watch.begin(self.begun_ns.unwrap_or(moment.now_ns));
                watch.would_fire(seen, moment)
            }
        }
    }

    fn step(&mut self, labels: &Labels, seen: Seen, is_gone: bool, moment: Moment) -> Option<Outcome> {
        let is_only = self.rule.expression.by.is_empty();
        if !self.watches.contains_key(labels) {
            if !is_only && seen == Seen::Nothing {
                return None;
            }
            let mut watch = Watch::new(Arc::clone(&self.rule));
            watch.begin(self.begun_ns.unwrap_or(moment.now_ns));
            // Before the limit: what is blank afterwards takes no room.
            let outcome = watch.step(seen, moment);
            if self.is_worth_keeping(&watch, moment.now_ns) {
                if self.watches.len() >= self.limit {
                    self.refused += 1;
                    return None;
                }
                self.watches.insert(labels.clone(), watch);
            }
            return Some(outcome);
        }
        let watch = self.watches.get_mut(labels)?;
        let mut outcome = watch.step(seen, moment);
        if is_gone && self.rule.no_data == NoData::Keep && watch.has_no_data() {
            // The series has not come back for so long that nobody could ever end its alert.
            outcome.transition = watch.step(Seen::Gone, moment).transition;
        }
        let kept = self.watches.get(labels).is_some_and(|watch| self.is_worth_keeping(watch, moment.now_ns));
        if !kept {
            self.watches.remove(labels);
        }
        Some(outcome)
    }

    /// An instance that may not fall silent is remembered, whatever it was.
    fn is_worth_keeping(&self, watch: &Watch, now_ns: u64) -> bool {
        self.rule.expression.by.is_empty() || self.rule.no_data == NoData::Alert || !watch.is_blank(now_ns)
    }

    /// Begins to look: `grace_seconds` and the time without a value count from here.
    pub fn begin(&mut self, now_ns: u64) {
        self.begun_ns = Some(now_ns);
        self.watches.values_mut().for_each(|watch| watch.begin(now_ns));
    }

    /// Time that nobody saw counts for none of them.
    pub fn skip(&mut self) {
        self.watches.values_mut().for_each(Watch::skip);
    }
}

fn finite(value: Option<f64>) -> Seen {
    match value {
        Some(value) if value.is_finite() => Seen::Value(value),
        Some(_) => Seen::NotFinite,
        None => Seen::Nothing,
    }
}
