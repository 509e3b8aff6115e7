//! The handlers of a tokio service, and those of their calls that are under way.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::lock::Mutex;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, Id};

use crate::alerts::{Alert, PressureEvent};

use super::coalesced::{Coalesce, Coalesced};
use super::outbox::Event;

/// Calls of one handler that may be under way at once.
const CALLS_AT_ONCE: usize = 64;

/// Every handler of one monitor.
pub(super) struct Handlers {
    lists: Mutex<Lists>,
    calls: Arc<Calls>,
    /// Calls that have themselves asked the monitor to stop: nobody must wait for one of them, least of all another.
    stopping: Mutex<Vec<Id>>,
}

#[derive(Default)]
struct Lists {
    exceeded: Vec<Handler>,
    cleared: Vec<Handler>,
    alert: Vec<Handler>,
    /// With the number of the rule that each was added for.
    pressure: Vec<(u64, Handler<PressureEvent>)>,
}

/// What the calls of all handlers share.
#[derive(Default)]
struct Calls {
    /// How long one may take.
    timeout: Option<Duration>,
    handles: Mutex<Vec<AbortHandle>>,
    errors: AtomicU64,
    /// Calls that were not made, and those that wait for room and may still be.
    dropped: AtomicU64,
    /// How often all that were under way were ended.
    aborts: AtomicU64,
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is called with a `T`.
pub(super) struct Handler<T = Alert> {
    call: Arc<dyn Fn(T) -> BoxFuture + Send + Sync>,
    queue: Arc<Mutex<Queue<T>>>,
}

/// The calls of one handler.
struct Queue<T> {
    under_way: usize,
    waiting: Coalesced<T>,
}

impl<T> Clone for Handler<T> {
    fn clone(&self) -> Self {
        Self { call: Arc::clone(&self.call), queue: Arc::clone(&self.queue) }
    }
}

impl<T: Coalesce + Send + 'static> Handler<T> {
    pub(super) fn new<F, Fut>(handler: F) -> Self
    where
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let queue = Queue { under_way: 0, waiting: Coalesced::default() };
        Self { call: Arc::new(move |told| Box::pin(handler(told))), queue: Arc::new(Mutex::new(queue)) }
    }

    /// Calls it, at once or as soon as there is room.
    fn tell(&self, runtime: &Handle, calls: &Arc<Calls>, told: T) {
        // One that waits has been counted already; of two that wait and are of one instance, the older one is lost.
        let lost = self.queue.lock().waiting.push(told);
        calls.dropped.fetch_add(1, Ordering::Relaxed);
        debug_assert!(lost <= 1, "a call costs one other its place at most");
        self.start_waiting(runtime, calls);
    }

    /// Starts calls as long as there are some to make and there is room for them.
    fn start_waiting(&self, runtime: &Handle, calls: &Arc<Calls>) {
        loop {
            let mut queue = self.queue.lock();
            if queue.under_way == CALLS_AT_ONCE {
                return;
            }
            let Some(told) = queue.waiting.pop() else { return };
            queue.under_way += 1;
            drop(queue);
            calls.dropped.fetch_sub(1, Ordering::Relaxed);
            let call = Call {
                handler: self.clone(),
                calls: Arc::downgrade(calls),
                runtime: runtime.clone(),
                aborts: calls.aborts.load(Ordering::Relaxed),
                ended: None,
            };
            let task = runtime.spawn(call.run(told, calls.timeout));
            let mut handles = calls.handles.lock();
            handles.retain(|call| !call.is_finished());
            handles.push(task.abort_handle());
        }
    }

    /// Those that wait will not be called.
    fn forget_waiting(&self) {
        self.queue.lock().waiting.clear();
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
    /// Handlers whose calls may take so long.
    pub(super) fn new(timeout: Option<Duration>) -> Self {
        let calls = Calls { timeout, ..Calls::default() };
        Self { lists: Mutex::default(), calls: Arc::new(calls), stopping: Mutex::default() }
    }

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
        let (alert, listeners, others) = match event {
            Event::Exceeded(alert) => (alert, lists.exceeded.clone(), &lists.cleared),
            Event::Cleared(alert) => (alert, lists.cleared.clone(), &lists.exceeded),
            Event::Raised(alert) => (alert, Vec::new(), &Vec::new()),
            Event::Pressure { rule, event } => {
                let of_rule = lists.pressure.iter().filter(|(number, _)| *number == rule);
                let listeners: Vec<_> = of_rule.map(|(_, handler)| handler.clone()).collect();
                drop(lists);
                listeners.iter().for_each(|handler| handler.tell(runtime, &self.calls, event));
                return None;
            }
            Event::NoData(message) | Event::Notice(message) | Event::Fault(message) => return Some(message),
        };
        // Who hears of beginnings alone need not hear of one that is over by now, and the other way round.
        others.iter().for_each(|handler| handler.queue.lock().waiting.outdate(&alert));
        let listeners = [listeners, lists.alert.clone()].concat();
        drop(lists);
        for handler in &listeners {
            handler.tell(runtime, &self.calls, alert.clone());
        }
        listeners.is_empty().then_some(alert.message)
    }

    /// Calls that have not ended, but for those that wait for this very answer.
    pub(super) fn under_way(&self) -> usize {
        let stopping = self.stopping.lock();
        self.calls
            .handles
            .lock()
            .iter()
            .filter(|call| !call.is_finished() && !stopping.contains(&call.id()))
            .count()
    }

    /// Ends every call that is still under way, at the next point where it waits. Those that wait for room are not made.
    pub(super) fn abort(&self) {
        {
            let lists = self.lists.lock();
            let of_alerts = [&lists.exceeded, &lists.cleared, &lists.alert];
            of_alerts.into_iter().flatten().for_each(Handler::forget_waiting);
            lists.pressure.iter().for_each(|(_, handler)| handler.forget_waiting());
        }
        self.calls.aborts.fetch_add(1, Ordering::Relaxed);
        let stopping = self.stopping.lock();
        for call in self.calls.handles.lock().drain(..).filter(|call| !stopping.contains(&call.id())) {
            call.abort();
        }
    }

    /// Says, until it is dropped, that the current task waits for the calls: it may be one of them.
    pub(super) fn stopping(&self) -> Stopping<'_> {
        let task = tokio::task::try_id();
        self.stopping.lock().extend(task);
        Stopping { handlers: self, task }
    }

    /// Calls that panicked, took too long or were aborted.
    pub(super) fn errors(&self) -> u64 {
        self.calls.errors.load(Ordering::Relaxed)
    }

    /// Calls that were not made because too many were under way, or that still wait for that reason.
    pub(super) fn dropped(&self) -> u64 {
        self.calls.dropped.load(Ordering::Relaxed)
    }
}

/// A call under way. Dropped when the call ends, however it ends: also with the runtime that it ran on.
struct Call<T: Coalesce + Send + 'static> {
    handler: Handler<T>,
    calls: Weak<Calls>,
    runtime: Handle,
    /// See [`Calls::aborts`].
    aborts: u64,
    /// How, where it did by itself.
    ended: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    Late,
}

impl<T: Coalesce + Send + 'static> Call<T> {
    async fn run(mut self, told: T, timeout: Option<Duration>) {
        let call = (self.handler.call)(told);
        let Some(timeout) = timeout else {
            call.await;
            self.ended = Some(End::Well);
            return;
        };
        if tokio::time::timeout(timeout, call).await.is_ok() {
            self.ended = Some(End::Well);
            return;
        }
        self.ended = Some(End::Late);
        let seconds = timeout.as_secs_f64();
        tracing::error!(
            target: "mtaio.monitoring",
            "a handler has not ended within {seconds} s (handler_timeout) and was cancelled; sampling goes on"
        );
    }
}

impl<T: Coalesce + Send + 'static> Drop for Call<T> {
    fn drop(&mut self) {
        self.handler.queue.lock().under_way -= 1;
        let panicked = std::thread::panicking();
        let calls = self.calls.upgrade();
        if self.ended != Some(End::Well)
            && let Some(calls) = &calls
        {
            calls.errors.fetch_add(1, Ordering::Relaxed);
        }
        if self.ended.is_none() {
            let how = if panicked { "panicked" } else { "was aborted before it had finished" };
            tracing::error!(target: "mtaio.monitoring", "a handler {how}; sampling goes on");
        }
        // Where the runtime ends, nobody is to be called any more. What waits for one that was aborted came later.
        let goes_on = |calls: &Arc<Calls>| {
            self.ended.is_some() || panicked || self.aborts != calls.aborts.load(Ordering::Relaxed)
        };
        if let Some(calls) = calls.filter(goes_on) {
            self.handler.start_waiting(&self.runtime, &calls);
        }
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
