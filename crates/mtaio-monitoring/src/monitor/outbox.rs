//! What there is to tell, until somebody on the right thread tells it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::lock::Mutex;

use crate::alerts::{Alert, PressureEvent};

use super::destinations::Destinations;

/// Events that wait at most. A loop that is blocked while everything flaps must not make the monitor grow.
const CAPACITY: usize = 4096;
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

/// A bounded queue of events and a call that says "there is something".
#[derive(Default)]
pub(super) struct Outbox {
    events: Mutex<VecDeque<Event>>,
    recent: Mutex<RecentAlerts>,
    waker: Mutex<Option<Waker>>,
    /// They hear of every alert at once, whether or not somebody empties the queue.
    pub(super) destinations: Destinations,
    dropped: AtomicU64,
}

impl Outbox {
    /// Adds an event; the oldest goes where there is no more room, because the newest state is the one that counts.
    pub(super) fn push(&self, event: Event) {
        if let Event::Exceeded(alert) | Event::Cleared(alert) | Event::Raised(alert) = &event {
            let mut recent = self.recent.lock();
            if recent.newest.len() == REMEMBERED {
                recent.newest.pop_front();
            }
            recent.newest.push_back(alert.clone());
            recent.total += 1;
            drop(recent);
            self.destinations.offer(alert);
        }
        let mut events = self.events.lock();
        if events.len() == CAPACITY {
            events.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        events.push_back(event);
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

    pub(super) fn set_waker(&self, waker: Option<Waker>) {
        *self.waker.lock() = waker;
    }

    /// Takes everything.
    pub(super) fn drain(&self) -> Vec<Event> {
        self.events.lock().drain(..).collect()
    }

    pub(super) fn recent(&self) -> RecentAlerts {
        self.recent.lock().clone()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
