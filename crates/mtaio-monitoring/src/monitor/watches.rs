//! All thresholds of one monitor and where each stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alerts::{Alert, Change, Rule, Watch};
use crate::metrics::catalogue::BuiltIn;
use crate::rates::SystemStats;

use super::outbox::Event;

/// Ticks after which a threshold that has not seen a value is reported.
const TICKS_WITHOUT_VALUE: u64 = 3;

/// The thresholds, by metric.
#[derive(Debug, Default)]
pub(super) struct Watches {
    entries: BTreeMap<Arc<str>, Entry>,
}

#[derive(Debug)]
struct Entry {
    watch: Watch,
    built_in: Option<BuiltIn>,
    /// Ticks since the threshold was set or the monitor started, until a value comes.
    silence: Silence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    Waiting { ticks: u64 },
    Reported,
    Broken,
}

impl Watches {
    /// Sets a threshold. The same rule again changes nothing; another one for the metric begins anew, and the alert
    /// of the old one ends if it was firing.
    pub(super) fn set(&mut self, rule: &Rule, timestamp: f64) -> Option<Event> {
        if self.entries.get(&rule.metric).is_some_and(|entry| entry.watch.rule == *rule) {
            return None;
        }
        let ended = self.remove(&rule.metric, timestamp).flatten();
        let built_in = BuiltIn::from_name(&rule.metric);
        let entry = Entry { watch: Watch::new(rule.clone()), built_in, silence: Silence::Waiting { ticks: 0 } };
        self.entries.insert(Arc::clone(&rule.metric), entry);
        ended
    }

    /// Takes a threshold away, with the end of its alert if it was firing.
    pub(super) fn remove(&mut self, metric: &str, timestamp: f64) -> Option<Option<Event>> {
        let watch = self.entries.remove(metric)?.watch;
        let event = watch.is_firing().then(|| Event::Raised(Alert::of_removal(&watch.rule, timestamp)));
        Some(event)
    }

    /// A value of a recorded metric.
    pub(super) fn observe(&mut self, metric: &str, value: f64, now_ns: u64, timestamp: f64) -> Option<Event> {
        self.entries.get_mut(metric)?.observe(value, now_ns, timestamp)
    }

    /// A sample: values for the built-in metrics.
    pub(super) fn observe_sample(&mut self, stats: &SystemStats, now_ns: u64) -> Vec<Event> {
        let mut events = Vec::new();
        for entry in self.entries.values_mut() {
            if let Some(value) = entry.built_in.and_then(|metric| stats.value(metric)) {
                events.extend(entry.observe(value, now_ns, stats.timestamp));
            }
        }
        events
    }

    /// Time that nobody saw counts for no threshold.
    pub(super) fn skip(&mut self) {
        for entry in self.entries.values_mut() {
            entry.watch.skip();
        }
    }

    /// Counts a tick for every threshold that still waits for its first value; those that have waited long enough
    /// are returned, once each. A name that `has_value` from before its threshold is not silent.
    pub(super) fn count_silence(&mut self, ticks: u64, has_value: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let mut silent = Vec::new();
        for (metric, entry) in &mut self.entries {
            if entry.silence == (Silence::Waiting { ticks: 0 }) && has_value(metric) {
                entry.silence = Silence::Broken;
            }
            if let Silence::Waiting { ticks: waited } = &mut entry.silence {
                *waited += ticks;
                if *waited >= TICKS_WITHOUT_VALUE {
                    entry.silence = Silence::Reported;
                    silent.push(Arc::clone(metric));
                }
            }
        }
        silent
    }

    /// Names of the thresholds that were reported and still have no value.
    pub(super) fn without_data(&self) -> Vec<Arc<str>> {
        let silent = |(metric, entry): (&Arc<str>, &Entry)| {
            (entry.silence == Silence::Reported).then(|| Arc::clone(metric))
        };
        self.entries.iter().filter_map(silent).collect()
    }

    /// Every threshold: its rule, whether it waits for `for_seconds`, whether it fires.
    pub(super) fn states(&self) -> Vec<(Rule, bool, bool)> {
        let state = |entry: &Entry| (entry.watch.rule.clone(), entry.watch.is_pending(), entry.watch.is_firing());
        self.entries.values().map(state).collect()
    }
}

impl Entry {
    fn observe(&mut self, value: f64, now_ns: u64, timestamp: f64) -> Option<Event> {
        self.silence = Silence::Broken;
        let change = self.watch.observe(value, now_ns)?;
        let unit = self.built_in.map_or("", |metric| metric.description().unit);
        let alert = Alert::of_change(&self.watch.rule, change, value, unit, timestamp);
        Some(match change {
            Change::Exceeded | Change::StillExceeded => Event::Exceeded(alert),
            Change::Cleared => Event::Cleared(alert),
        })
    }
}
