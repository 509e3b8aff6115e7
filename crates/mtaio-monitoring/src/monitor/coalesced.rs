//! What waits for somebody who is slower than the alerts come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::alerts::{Alert, AlertState, PressureEvent};
use crate::metrics::Labels;

/// What waits at most of that which may go: messages, and states that newer ones have made old.
pub(super) const ROOM: usize = 4096;
/// What waits at most: two states of each of 100 000 instances, as many as 1 000 thresholds on 100 series each have. In
/// such a storm each takes some 500 bytes.
pub(super) const LARGEST: usize = 200_000;

/// What something is a state of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Instance {
    /// A metric, or the expression of a threshold, with labels.
    Watched(Option<Arc<str>>, Labels),
    /// The number of a pressure rule.
    Rule(u64),
}

/// What can be told in place of an older one of the same sort.
pub(super) trait Coalesce {
    /// What it tells of, so that a newer one makes it old; `None` where nothing does.
    fn instance(&self) -> Option<Instance>;
    /// Whether both, of one instance, tell the same of it.
    fn has_same_state(&self, other: &Self) -> bool;
    /// Takes over what an older one, in whose place it is told, has to say about how it began.
    fn inherit(&mut self, _older: &Self) {}
}

impl Coalesce for Alert {
    /// A message of the program's own is nobody's state, and so never made old by another.
    fn instance(&self) -> Option<Instance> {
        (!self.is_message()).then(|| Instance::Watched(self.metric.clone(), self.labels.clone()))
    }

    fn has_same_state(&self, other: &Self) -> bool {
        self.state == other.state
    }

    fn inherit(&mut self, older: &Self) {
        if self.state == AlertState::Firing && self.evidence.is_none() {
            self.evidence.clone_from(&older.evidence);
        }
    }
}

impl Coalesce for PressureEvent {
    /// Each rule has handlers of its own.
    fn instance(&self) -> Option<Instance> {
        Some(Instance::Rule(0))
    }

    fn has_same_state(&self, _other: &Self) -> bool {
        true
    }
}

impl Alert {
    /// Whether it is a message of the program's own, and not the state of a threshold.
    pub(super) fn is_message(&self) -> bool {
        self.since.is_none() && self.state == AlertState::Firing
    }
}

/// A queue in which the newest state of an instance takes the place of older ones, and which is never longer than
/// [`LARGEST`].
///
/// Of one instance two count: the newest, and before it the newest of the other state, so that whoever is told that
/// something is over has been told that it began. The others are *old*. Beyond [`ROOM`] the old ones go, and of so many
/// messages the one that has waited longest. What counts stays, up to [`LARGEST`].
#[derive(Debug)]
pub(super) struct Coalesced<T> {
    /// By when they came.
    waiting: BTreeMap<u64, T>,
    next: u64,
    newest: HashMap<Instance, Newest>,
    old: BTreeSet<u64>,
    /// What is nobody's state.
    messages: BTreeSet<u64>,
    /// Whether old ones stay for as long as there is room.
    keeps_old: bool,
}

/// Those of an instance that count.
#[derive(Debug)]
struct Newest {
    at: u64,
    other: Option<u64>,
}

impl<T> Default for Coalesced<T> {
    /// One that keeps nothing old.
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: 0,
            newest: HashMap::new(),
            old: BTreeSet::new(),
            messages: BTreeSet::new(),
            keeps_old: false,
        }
    }
}

impl<T: Coalesce> Coalesced<T> {
    /// One in which the old ones stay for as long as there is room.
    pub(super) fn patient() -> Self {
        Self { keeps_old: true, ..Self::default() }
    }

    /// Adds one, and says how many others that costs their place.
    pub(super) fn push(&mut self, mut told: T) -> u64 {
        let instance = told.instance();
        let mut lost = 0;
        let newest = instance.as_ref().and_then(|instance| self.newest.get(instance));
        let counts =
            newest.map(|newest| (newest.at, newest.other, self.waiting[&newest.at].has_same_state(&told)));
        let other = match counts {
            Some((at, _, true)) if !self.keeps_old => {
                told.inherit(&self.waiting[&at]);
                self.waiting.insert(at, told);
                return 1;
            }
            Some((at, other, true)) => {
                self.old.insert(at);
                other
            }
            Some((at, before, false)) => {
                if self.keeps_old {
                    self.old.extend(before);
                } else {
                    lost += u64::from(before.and_then(|before| self.waiting.remove(&before)).is_some());
                }
                Some(at)
            }
            None => None,
        };
        let at = self.next;
        self.next += 1;
        let messages = self.messages.len();
        if let Some(instance) = instance {
            self.newest.insert(instance, Newest { at, other });
        } else {
            self.messages.insert(at);
        }
        if self.waiting.len() >= ROOM {
            let oldest_message = self.messages.first().filter(|_| messages >= ROOM);
            let oldest = self.waiting.keys().next().filter(|_| self.waiting.len() >= LARGEST);
            let victim = self.old.first().or(oldest_message).or(oldest).copied();
            lost += u64::from(victim.and_then(|victim| self.remove(victim)).is_some());
        }
        self.waiting.insert(at, told);
        lost
    }

    fn remove(&mut self, at: u64) -> Option<T> {
        let told = self.waiting.remove(&at)?;
        if self.old.remove(&at) || self.messages.remove(&at) {
            return Some(told);
        }
        if let Some(instance) = told.instance()
            && let Some(newest) = self.newest.get_mut(&instance)
        {
            if newest.at == at {
                self.newest.remove(&instance);
            } else if newest.other == Some(at) {
                newest.other = None;
            }
        }
        Some(told)
    }

    /// Takes away what waits to be told of the same instance.
    #[cfg(feature = "tokio")]
    pub(super) fn outdate(&mut self, by: &T) {
        let newest = by.instance().and_then(|instance| self.newest.remove(&instance));
        if let Some(Newest { at, other }) = newest {
            self.waiting.remove(&at);
            other.and_then(|other| self.waiting.remove(&other));
        }
    }

    /// The one that has waited longest.
    pub(super) fn pop(&mut self) -> Option<T> {
        let at = *self.waiting.keys().next()?;
        self.remove(at)
    }

    /// Takes all of them, in the order in which they came.
    pub(super) fn drain(&mut self) -> Vec<T> {
        self.newest.clear();
        self.old.clear();
        self.messages.clear();
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    /// Takes all of them away, and says how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        self.drain().len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(metric: &str, state: AlertState, value: f64) -> Alert {
        let mut alert = Alert::of_message(String::new(), 0.0);
        alert.metric = Some(metric.into());
        (alert.state, alert.value, alert.since) = (state, Some(value), Some(1.0));
        alert
    }

    fn waiting(queue: &mut Coalesced<Alert>) -> Vec<(String, &'static str, f64)> {
        let of = |alert: Alert| {
            (alert.metric.unwrap_or_default().to_string(), alert.state.name(), alert.value.unwrap_or_default())
        };
        std::iter::from_fn(|| queue.pop()).map(of).collect()
    }

    #[test]
    fn the_newest_state_wins_and_a_pair_is_kept() {
        use AlertState::{Firing, Resolved};
        let mut queue = Coalesced::default();
        let mut lost = 0;
        for (metric, state, value) in [
            ("a", Firing, 1.0),
            ("b", Firing, 2.0),
            ("a", Firing, 3.0),
            ("a", Resolved, 4.0),
            ("a", Firing, 5.0),
            ("a", Resolved, 6.0),
        ] {
            lost += queue.push(alert(metric, state, value));
        }
        assert_eq!(lost, 3);
        let told = waiting(&mut queue);
        let expected = [("b", "firing", 2.0), ("a", "firing", 5.0), ("a", "resolved", 6.0)];
        assert_eq!(told, expected.map(|(metric, state, value)| (metric.to_owned(), state, value)));
        assert!(queue.is_empty() && queue.newest.is_empty());
    }

    #[test]
    fn messages_are_never_made_old_by_others_and_the_oldest_goes_where_there_is_no_room() {
        let mut queue = Coalesced::default();
        let lost: u64 = (0..ROOM + 3).map(|at| queue.push(Alert::of_message(at.to_string(), 0.0))).sum();
        assert_eq!((lost, queue.waiting.len()), (3, ROOM));
        assert_eq!(queue.pop().map(|alert| alert.message), Some("3".to_owned()));
        assert_eq!(queue.clear(), ROOM as u64 - 1);
    }

    #[test]
    fn a_hundred_thousand_that_flap_keep_their_last_states_and_no_more_grows() {
        let told = |instance: usize, step: usize| {
            let state = if step.is_multiple_of(2) { AlertState::Firing } else { AlertState::Resolved };
            alert(&format!("m{instance}"), state, step as f64)
        };
        for mut queue in [Coalesced::patient(), Coalesced::default()] {
            for step in 0..4 {
                (0..LARGEST / 2).for_each(|instance| _ = queue.push(told(instance, step)));
            }
            assert_eq!(queue.waiting.len(), LARGEST);
            assert!(std::iter::from_fn(|| queue.pop()).all(|alert| alert.value >= Some(2.0)));
            let lost: u64 = (0..LARGEST + 7).map(|instance| queue.push(told(instance, 0))).sum();
            assert_eq!((lost, queue.waiting.len(), queue.newest.len()), (7, LARGEST, LARGEST));
        }
    }

    #[test]
    fn one_that_flaps_costs_no_other_its_newest_state() {
        use AlertState::{Firing, Resolved};
        let mut queue = Coalesced::patient();
        queue.push(alert("steady", Firing, 1.0));
        let flaps =
            |value: usize| alert("flaps", if value.is_multiple_of(2) { Firing } else { Resolved }, value as f64);
        let lost: u64 = (0..3 * ROOM).map(|value| queue.push(flaps(value))).sum();
        assert_eq!((lost, queue.waiting.len()), (2 * ROOM as u64 + 1, ROOM));
        let told = waiting(&mut queue);
        assert_eq!(told[0].0, "steady");
        let values: Vec<f64> = told[1..].iter().map(|(_, _, value)| *value).collect();
        let expected: Vec<f64> = (2 * ROOM + 1..3 * ROOM).map(|value| value as f64).collect();
        assert_eq!(values, expected, "of what flaps, the newest that there is room for, in order");
        assert!(queue.newest.is_empty() && queue.old.is_empty());
    }

    /// Random states of a few instances, against what the two newest states of each are.
    #[test]
    fn whatever_comes_the_last_state_of_every_instance_is_there() {
        let mut seed = 1_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for keeps_old in [false, true] {
            let mut queue = Coalesced { keeps_old, ..Coalesced::default() };
            let mut last = BTreeMap::new();
            let (mut pushed, mut lost, mut popped) = (0, 0, 0);
            for step in 0..50_000 {
                let metric = format!("m{}", random(ROOM as u64 / 2));
                let state = if random(2) == 0 { AlertState::Firing } else { AlertState::Resolved };
                lost += queue.push(alert(&metric, state, f64::from(step)));
                last.insert(metric, f64::from(step));
                pushed += 1;
                if random(10) == 0
                    && let Some(told) = queue.pop()
                {
                    popped += 1;
                    let metric = told.metric.unwrap_or_default().to_string();
                    if last.get(&metric) == told.value.as_ref() {
                        last.remove(&metric);
                    }
                }
                assert!(queue.waiting.len() <= ROOM);
            }
            let told = waiting(&mut queue);
            assert_eq!(pushed, lost + popped + told.len() as u64, "every one is somewhere");
            for (metric, _, value) in told {
                if last.get(&metric) == Some(&value) {
                    last.remove(&metric);
                }
            }
            assert!(last.is_empty(), "lost: {last:?}");
            assert!(queue.newest.is_empty() && queue.old.is_empty());
        }
    }
}
