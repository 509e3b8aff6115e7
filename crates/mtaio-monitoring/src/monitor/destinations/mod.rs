//! Where alerts go besides handlers: to other programs, by HTTP.
//!
//! Each destination has a bounded queue and a native thread of its own (`delivery.rs`), so that alerts get out while the
//! event loop is blocked or somebody holds the GIL, and so that a destination that hangs delays neither the sampler nor
//! the caller of `record` nor another destination. What is sent, and when again, its ledger decides (`webhook.rs`,
//! `alertmanager.rs`), which is pure: alerts, answers and a time in, bodies out. A [`Transport`] carries them.

mod alertmanager;
mod backoff;
mod delivery;
#[cfg(feature = "destinations")]
mod http;
mod moment;
mod transport;
#[cfg(feature = "destinations")]
mod url;
mod webhook;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::alerts::Alert;
use crate::clock::Clock;

use super::outbox::Queue;
use delivery::Delivery;

pub use alertmanager::Alertmanager;
pub use delivery::DestinationHealth;
pub use moment::retry_after;
pub use transport::{Answer, Transport};
pub use webhook::Webhook;

/// Where alerts go.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Destination {
    /// A JSON object an alert, by POST.
    Webhook(Webhook),
    /// Prometheus' Alertmanager.
    Alertmanager(Alertmanager),
}

impl From<Webhook> for Destination {
    fn from(webhook: Webhook) -> Self {
        Self::Webhook(webhook)
    }
}

impl From<Alertmanager> for Destination {
    fn from(alertmanager: Alertmanager) -> Self {
        Self::Alertmanager(alertmanager)
    }
}

/// The destinations of one monitor, to be read without a lock after a fork.
#[derive(Default)]
pub(super) struct Destinations {
    list: ArcSwap<Vec<Entry>>,
    /// The number of the next one: a number is never given twice.
    next: AtomicU64,
}

#[derive(Clone)]
struct Entry {
    number: u64,
    destination: Destination,
    delivery: Arc<Delivery>,
}

impl Destinations {
    /// Adds one, and gives its number.
    pub(super) fn add(&self, destination: &Destination, clock: &Clock, queue: &Arc<Queue>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let delivery = Arc::new(Delivery::new(destination, clock.clone(), Arc::downgrade(queue)));
        let entry = Entry { number, destination: destination.clone(), delivery };
        self.list.rcu(|list| [&***list, std::slice::from_ref(&entry)].concat());
        number
    }

    /// Takes one away and says whether it was there. What waits is tried once more.
    pub(super) fn remove(&self, number: u64) -> bool {
        let before =
            self.list.rcu(|list| list.iter().filter(|entry| entry.number != number).cloned().collect::<Vec<_>>());
        let removed = before.iter().find(|entry| entry.number == number);
        removed.inspect(|entry| entry.delivery.end()).is_some()
    }

    /// In the child of a fork: the same ones, each with its number, and nothing of what the parent sent.
    pub(super) fn inherit(&self, parent: &Self, clock: &Clock, queue: &Arc<Queue>) {
        let anew = |entry: &Entry| Entry {
            delivery: Arc::new(Delivery::new(&entry.destination, clock.clone(), Arc::downgrade(queue))),
            ..entry.clone()
        };
        self.list.store(Arc::new(parent.list.load().iter().map(anew).collect()));
        self.next.store(parent.next.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Tells all of them. Takes microseconds, whatever they do.
    pub(super) fn offer(&self, alert: &Alert) {
        self.list.load().iter().for_each(|entry| entry.delivery.offer(alert.clone()));
    }

    /// Goes on with what they were told to repeat.
    pub(super) fn resume(&self) {
        self.list.load().iter().for_each(|entry| entry.delivery.resume());
    }

    /// Has each try what waits once more and end, by `deadline_ns` of the monotonic clock.
    pub(super) fn close(&self, deadline_ns: u64) {
        self.list.load().iter().for_each(|entry| entry.delivery.close(deadline_ns));
    }

    /// Whether no thread of theirs is left.
    pub(super) fn have_ended(&self) -> bool {
        self.list.load().iter().all(|entry| entry.delivery.has_ended())
    }

    /// Gives up on what waits. A call that hangs ends with its own time-out, and nobody waits for it.
    pub(super) fn abandon(&self) {
        self.list.load().iter().for_each(|entry| entry.delivery.abandon());
    }

    pub(super) fn health(&self) -> Vec<DestinationHealth> {
        self.list.load().iter().map(|entry| entry.delivery.health(entry.number)).collect()
    }
}
