//! What there is to tell, until somebody on the right thread tells it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::lock::Mutex;

use crate::alerts::{Alert, PressureEvent};
use crate::clock::Clock;

use super::coalesced::{Coalesce, Coalesced, Instance};
use super::destinations::{Destination, Destinations};

/// Alerts that are remembered for the faces, told or not.
const REMEMBERED: usize = 32;

/// Something to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A threshold was crossed, or still is when it is time to repeat it.
    Exceeded(Alert),
    /// A threshold that fired is good again.
    Cleared(Alert),
    /// For `on_alert` alone: the program raised it, or a threshold was removed while it fired.
    Raised(Alert),
    /// A threshold watches a name that has had no value: one sentence for the log.
    NoData(String),
    /// Tasks stood still for as long as a pressure rule asks for.
    Pressure {
        /// The number that the rule was added under.
        rule: u64,
        /// What happened.
        event: PressureEvent,
    },
    /// The monitor does less than it was asked for: one sentence for the log.
    Notice(String),
    /// Something went wrong inside the monitor, which goes on: one sentence for the log.
    Fault(String),
}

type Waker = Arc<dyn Fn() + Send + Sync>;

/// The newest alerts, oldest first, and how many there have been in all.
#[derive(Clone, Debug, Default)]
pub struct RecentAlerts {
    /// At most 32.
    pub newest: VecDeque<Alert>,
    /// Since the monitor was made.
    pub total: u64,
}

impl Coalesce for Event {
    fn instance(&self) -> Option<Instance> {
        match self {
            Self::Exceeded(alert) | Self::Cleared(alert) | Self::Raised(alert) => alert.instance(),
            Self::Pressure { rule, .. } => Some(Instance::Rule(*rule)),
            Self::NoData(_) | Self::Notice(_) | Self::Fault(_) => None,
        }
    }

    fn has_same_state(&self, other: &Self) -> bool {
        match (self.alert(), other.alert()) {
            (Some(own), Some(other)) => own.has_same_state(other),
            _ => true,
        }
    }
}

impl Event {
    fn alert(&self) -> Option<&Alert> {
        match self {
            Self::Exceeded(alert) | Self::Cleared(alert) | Self::Raised(alert) => Some(alert),
            Self::NoData(_) | Self::Pressure { .. } | Self::Notice(_) | Self::Fault(_) => None,
        }
    }
}

/// What there is to tell, the alerts that were told last, and where alerts go besides.
#[derive(Default)]
pub(super) struct Outbox {
    queue: Arc<Queue>,
    recent: Mutex<RecentAlerts>,
    /// They hear of every alert at once, whether or not somebody empties the queue.
    pub(super) destinations: Destinations,
}

/// A bounded queue of events and a call that says "there is something".
pub(super) struct Queue {
    /// A loop that is blocked while everything flaps must not make the monitor grow.
    events: Mutex<Coalesced<Event>>,
    waker: Mutex<Option<Waker>>,
    dropped: AtomicU64,
}

impl Default for Queue {
    fn default() -> Self {
        Self { events: Mutex::new(Coalesced::patient()), waker: Mutex::default(), dropped: AtomicU64::new(0) }
    }
}

impl Queue {
    /// Adds an event. Where there is no more room, one goes that newer ones have made old, else the oldest.
    pub(super) fn push(&self, event: Event) {
        let lost = self.events.lock().push(event);
        self.dropped.fetch_add(lost, Ordering::Relaxed);
    }

    /// Calls the waker, if somebody listens and there is something to hear.
    pub(super) fn wake(&self) {
        if self.events.lock().is_empty() {
            return;
        }
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker();
        }
    }
}

impl Outbox {
    /// Adds an event, of which destinations hear at once.
    pub(super) fn push(&self, event: Event) {
        if let Some(alert) = event.alert() {
            let mut recent = self.recent.lock();
            if recent.newest.len() == REMEMBERED {
                recent.newest.pop_front();
            }
            recent.newest.push_back(alert.clone());
            recent.total += 1;
            drop(recent);
            self.destinations.offer(alert);
        }
        self.queue.push(event);
    }

    /// Calls the waker, if somebody listens and there is something to hear.
    pub(super) fn wake(&self) {
        self.queue.wake();
    }

    pub(super) fn set_waker(&self, waker: Option<Waker>) {
        *self.queue.waker.lock() = waker;
    }

    /// Takes everything.
    pub(super) fn drain(&self) -> Vec<Event> {
        self.queue.events.lock().drain()
    }

    /// Takes so many at most.
    pub(super) fn take(&self, at_most: usize) -> Vec<Event> {
        let mut events = self.queue.events.lock();
        std::iter::from_fn(|| events.pop()).take(at_most).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.events.lock().is_empty()
    }

    pub(super) fn recent(&self) -> RecentAlerts {
        self.recent.lock().clone()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// Adds a destination, and gives its number.
    pub(super) fn add_destination(&self, destination: &Destination, clock: &Clock) -> u64 {
        self.destinations.add(destination, clock, &self.queue)
    }

    /// In the child of a fork: the destinations of the parent.
    pub(super) fn inherit_destinations(&self, parent: &Self, clock: &Clock) {
        self.destinations.inherit(&parent.destinations, clock, &self.queue);
    }
}
