//! The handlers of a tokio service, and those of their calls that are under way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::lock::Mutex;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, Id};

use crate::alerts::{Alert, PressureEvent};

use super::outbox::Event;

/// Calls of one handler that may be under way at once.
const CALLS_AT_ONCE: usize = 64;

/// Every handler of one monitor.
#[derive(Default)]
pub(super) struct Handlers {
    lists: Mutex<Lists>,
    calls: Mutex<Vec<AbortHandle>>,
    /// Calls that have themselves asked the monitor to stop: nobody must wait for one of them, least of all another.
    stopping: Mutex<Vec<Id>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Lists {
    exceeded: Vec<Handler>,
    cleared: Vec<Handler>,
    alert: Vec<Handler>,
    /// With the number of the rule that each was added for.
    pressure: Vec<(u64, Handler<PressureEvent>)>,
}

#[derive(Default)]
struct Counts {
    errors: AtomicU64,
    dropped: AtomicU64,
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is called with a `T`.
pub(super) struct Handler<T = Alert> {
    call: Arc<dyn Fn(T) -> BoxFuture + Send + Sync>,
    under_way: Arc<AtomicUsize>,
}

impl<T> Clone for Handler<T> {
    fn clone(&self) -> Self {
        Self { call: Arc::clone(&self.call), under_way: Arc::clone(&self.under_way) }
    }
}

impl<T> Handler<T> {
    pub(super) fn new<F, Fut>(handler: F) -> Self
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self { call: Arc::new(move |told| Box::pin(handler(told))), under_way: Arc::default() }
    }
}

impl Handler {
    pub(super) fn of_threshold<F, Fut>(handler: F) -> Self
    where
        F: Fn(String, f64, f64) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::new(move |alert: Alert| {
            let metric = alert.metric.as_deref().unwrap_or_default().to_owned();
            // A threshold's alert always has both numbers; NaN could only mean that it does not.
            let number = |number: Option<f64>| number.unwrap_or(f64::NAN);
            handler(metric, number(alert.value), number(alert.threshold))
        })
    }
}

impl Handlers {
    pub(super) fn add_exceeded(&self, handler: Handler) {
        self.lists.lock().exceeded.push(handler);
    }

    pub(super) fn add_cleared(&self, handler: Handler) {
        self.lists.lock().cleared.push(handler);
    }

    pub(super) fn add_alert(&self, handler: Handler) {
        self.lists.lock().alert.push(handler);
    }

    pub(super) fn add_pressure(&self, rule: u64, handler: Handler<PressureEvent>) {
        self.lists.lock().pressure.push((rule, handler));
    }

    /// Starts the calls that an event asks for, each as a task. Returns what has to be said in the log instead.
    pub(super) fn tell(&self, runtime: &Handle, event: Event) -> Option<String> {
        let lists = self.lists.lock();
        let (alert, listeners) = match event {
            Event::Exceeded(alert) => (alert, lists.exceeded.clone()),
            Event::Cleared(alert) => (alert, lists.cleared.clone()),
            Event::Raised(alert) => (alert, Vec::new()),
            Event::Pressure { rule, event } => {
                let of_rule = lists.pressure.iter().filter(|(number, _)| *number == rule);
                let listeners: Vec<_> = of_rule.map(|(_, handler)| handler.clone()).collect();
                drop(lists);
                listeners.iter().for_each(|handler| self.call(runtime, handler, event));
                return None;
            }
            Event::NoData(message) | Event::Notice(message) | Event::Fault(message) => return Some(message),
        };
        let listeners = [listeners, lists.alert.clone()].concat();
        drop(lists);
        for handler in &listeners {
            self.call(runtime, handler, alert.clone());
        }
        listeners.is_empty().then_some(alert.message)
    }

    /// Calls that have not ended, but for those that wait for this very answer.
    pub(super) fn under_way(&self) -> usize {
        let stopping = self.stopping.lock();
        self.calls.lock().iter().filter(|call| !call.is_finished() && !stopping.contains(&call.id())).count()
    }

    /// Ends every call that is still under way, at the next point where it waits.
    pub(super) fn abort(&self) {
        let stopping = self.stopping.lock();
        for call in self.calls.lock().drain(..).filter(|call| !stopping.contains(&call.id())) {
            call.abort();
        }
    }

    /// Says, until it is dropped, that the current task waits for the calls: it may be one of them.
    pub(super) fn stopping(&self) -> Stopping<'_> {
        let task = tokio::task::try_id();
        self.stopping.lock().extend(task);
        Stopping { handlers: self, task }
    }

    /// Calls that panicked or were aborted.
    pub(super) fn errors(&self) -> u64 {
        self.counts.errors.load(Ordering::Relaxed)
    }

    /// Calls that were not made because too many were under way.
    pub(super) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    fn call<T: Send + 'static>(&self, runtime: &Handle, handler: &Handler<T>, told: T) {
        if handler.under_way.fetch_add(1, Ordering::AcqRel) >= CALLS_AT_ONCE {
            handler.under_way.fetch_sub(1, Ordering::AcqRel);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (under_way, counts) = (Arc::clone(&handler.under_way), Arc::clone(&self.counts));
        let call = Call { under_way, counts, ended: false };
        let handler = Arc::clone(&handler.call);
        let task = runtime.spawn(async move {
            handler(told).await;
            call.has_ended();
        });
        let mut calls = self.calls.lock();
        calls.retain(|call| !call.is_finished());
        calls.push(task.abort_handle());
    }
}

/// A call under way. Dropped when the call ends, however it ends: also with the runtime that it ran on.
struct Call {
    under_way: Arc<AtomicUsize>,
    counts: Arc<Counts>,
    ended: bool,
}

impl Call {
    fn has_ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::AcqRel);
        if self.ended {
            return;
        }
        self.counts.errors.fetch_add(1, Ordering::Relaxed);
        let how = if std::thread::panicking() { "panicked" } else { "was aborted before it had finished" };
        tracing::error!(target: "mtaio.monitoring", "a handler {how}; sampling goes on");
    }
}

/// See [`Handlers::stopping`].
pub(super) struct Stopping<'a> {
    handlers: &'a Handlers,
    task: Option<Id>,
}

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.handlers.stopping.lock().retain(|task| Some(*task) != self.task);
    }
}
