//! What waits for somebody who is slower than the alerts come.

use std::collections::VecDeque;

use crate::alerts::{Alert, AlertState, PressureEvent};

/// Alerts that wait for one handler or destination at most.
pub(super) const ROOM: usize = 1000;

/// What can be told in place of an older one of the same sort.
pub(super) trait Coalesce {
    /// Whether both tell of the same thing, so that the newer one makes the older one old.
    fn is_of_same_instance(&self, other: &Self) -> bool;
    /// Whether both tell the same of it.
    fn has_same_state(&self, other: &Self) -> bool;
}

impl Coalesce for Alert {
    /// A message of the program's own is nobody's state, and so never made old by another.
    fn is_of_same_instance(&self, other: &Self) -> bool {
        let are_states = !self.is_message() && !other.is_message();
        are_states && self.metric == other.metric && self.labels == other.labels
    }

    fn has_same_state(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Coalesce for PressureEvent {
    /// Each rule has handlers of its own.
    fn is_of_same_instance(&self, _other: &Self) -> bool {
        true
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

/// A queue in which the newest state of an instance takes the place of an older one, and which so is as long as there
/// are instances, and never longer than [`ROOM`].
///
/// Of one instance two wait at most: the newest, and before it the newest of the other state, so that whoever is told
/// that something is over has been told that it began.
#[derive(Debug)]
pub(super) struct Coalesced<T>(VecDeque<T>);

impl<T> Default for Coalesced<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Coalesce> Coalesced<T> {
    /// Adds one, and says how many others that costs their place.
    pub(super) fn push(&mut self, told: T) -> u64 {
        let mut before = self.0.iter().enumerate().filter(|(_, waiting)| waiting.is_of_same_instance(&told));
        let (first, last) = (before.next(), before.last());
        let newest = last.or(first).map(|(at, waiting)| (at, waiting.has_same_state(&told)));
        match (newest, first.map(|(at, _)| at)) {
            (Some((at, true)), _) => {
                self.0[at] = told;
                return 1;
            }
            (Some((at, false)), Some(first)) if at != first => {
                self.0.remove(first);
                self.0.push_back(told);
                return 1;
            }
            _ => {}
        }
        let is_full = self.0.len() == ROOM;
        if is_full {
            self.0.pop_front();
        }
        self.0.push_back(told);
        u64::from(is_full)
    }

    /// Takes away what waits to be told of the same instance.
    #[cfg(feature = "tokio")]
    pub(super) fn outdate(&mut self, by: &T) {
        self.0.retain(|waiting| !waiting.is_of_same_instance(by));
    }

    /// The one that has waited longest.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    /// Takes all of them away, and says how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        std::mem::take(&mut self.0).len() as u64
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
    }

    #[test]
    fn messages_are_never_made_old_by_others_and_the_oldest_goes_where_there_is_no_room() {
        let mut queue = Coalesced::default();
        let lost: u64 = (0..ROOM + 3).map(|at| queue.push(Alert::of_message(at.to_string(), 0.0))).sum();
        assert_eq!((lost, queue.0.len()), (3, ROOM));
        assert_eq!(queue.pop().map(|alert| alert.message), Some("3".to_owned()));
        assert_eq!(queue.clear(), ROOM as u64 - 1);
    }
}
