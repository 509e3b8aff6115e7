//! The queue and the thread of one destination.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::alerts::Alert;
use crate::clock::{Clock, Instant3, NANOS_PER_SECOND};
use crate::lock::{Condvar, Mutex};

use super::super::coalesced::{Coalesced, ROOM};
use super::super::outbox::{Event, Queue};
use super::Destination;
use super::backoff::Backoff;
use super::transport::{Answer, OpenTransport, Transport};

/// How long a thread waits that has nothing to wait for: the bell wakes it.
const UNTIL_THE_BELL: Duration = Duration::from_secs(3_600);
/// Between two lines in the log about one destination.
const QUIET_NS: u64 = 60 * NANOS_PER_SECOND;

/// What a destination has still to send. Pure: alerts, answers and moments in, bodies and counts out.
pub(super) trait Ledger: Send {
    /// Whether it takes another alert now. Those that it does not take wait in the queue, where newer ones replace them.
    fn has_room(&self) -> bool;
    /// Takes an alert, and says how many that were told before it will never be sent because of it.
    fn take(&mut self, alert: Alert, now: Instant3) -> u64;
    /// Whether an alert waits that was never sent.
    fn is_waiting(&self) -> bool;
    /// The moment of the monotonic clock at which there is something to send.
    fn due_ns(&self) -> Option<u64>;
    /// What to send now. With `owed_only`, nothing that was sent before.
    fn body(&mut self, now: Instant3, owed_only: bool) -> Vec<u8>;
    /// What came of the last body, and when the next attempt would be.
    fn answered(&mut self, answer: &Answer, now: Instant3, next_ns: u64) -> Settled;
    /// Gives up on the alerts that were never sent, and says how many they were.
    fn give_up(&mut self) -> u64;
}

/// Alerts that an answer has settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) sent: u64,
    pub(super) dropped: u64,
}

/// How one destination is doing. Every alert that it was told of is sent, dropped or waiting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationHealth {
    /// The number that it was added under.
    pub number: u64,
    /// `"webhook"` or `"alertmanager"`.
    pub kind: &'static str,
    /// Where it is: scheme, host and port. What follows them in an address may be a secret.
    pub address: String,
    /// Alerts that the other side has taken.
    pub sent: u64,
    /// Calls that went wrong, whether they were tried again or not.
    pub failed: u64,
    /// Alerts that were not sent: a newer state of the same one took their place, the other side refused them or was
    /// away for too long, there was no room, or the monitor stopped.
    pub dropped: u64,
    /// Alerts that are yet to be sent.
    pub waiting: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// One destination at work.
pub(super) struct Delivery {
    kind: &'static str,
    address: String,
    timeout: Duration,
    open: OpenTransport,
    clock: Clock,
    desk: Mutex<Desk>,
    bell: Condvar,
    /// Held by the thread for as long as it runs, so that there is one at a time: also when the one before it hangs in a
    /// call after its monitor was stopped and started again.
    ledger: Mutex<Box<dyn Ledger>>,
    told: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    trouble: Mutex<Trouble>,
    /// Where there is told what people should read. It ends with the monitor.
    queue: Weak<Queue>,
}

/// What went wrong.
#[derive(Default)]
struct Trouble {
    last_error: Option<String>,
    /// What the log says, unless it has gone well since.
    said: Option<String>,
    said_ns: Option<u64>,
}

impl Trouble {
    /// Whether the log is to hear of it: of each trouble once, and not too often.
    fn is_news(&mut self, why: &str, now_ns: u64) -> bool {
        let is_quiet = self.said_ns.is_some_and(|said_ns| now_ns < said_ns + QUIET_NS);
        if is_quiet || self.said.as_deref() == Some(why) {
            return false;
        }
        (self.said, self.said_ns) = (Some(why.to_owned()), Some(now_ns));
        true
    }
}

/// What the thread is told. Held for microseconds, because whoever has an alert waits for it.
#[derive(Default)]
struct Desk {
    alerts: Coalesced<Alert>,
    /// The thread that may run; any other one ends after the call that it is in.
    current: Option<u64>,
    started: u64,
    /// Threads that have not ended yet.
    alive: usize,
    closing: Option<Closing>,
    /// Whether it was taken away: whoever has the list of yesterday may still tell it of an alert.
    is_over: bool,
}

/// The thread is to try what waits once and end.
#[derive(Clone, Copy)]
struct Closing {
    deadline_ns: Option<u64>,
}

impl Delivery {
    pub(super) fn new(destination: &Destination, clock: Clock, queue: Weak<Queue>) -> Self {
        let (kind, about, ledger): (_, _, Box<dyn Ledger>) = match destination {
            Destination::Webhook(webhook) => ("webhook", &webhook.about, Box::new(webhook.ledger())),
            Destination::Alertmanager(manager) => ("alertmanager", &manager.about, Box::new(manager.ledger())),
        };
        Self {
            kind,
            address: about.address.clone(),
            timeout: about.timeout,
            open: about.open.clone(),
            clock,
            desk: Mutex::default(),
            bell: Condvar::new(),
            ledger: Mutex::new(ledger),
            told: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            trouble: Mutex::default(),
            queue,
        }
    }

    /// Queues an alert, and starts the thread if there is none.
    pub(super) fn offer(self: &Arc<Self>, alert: Alert) {
        let mut desk = self.desk.lock();
        if desk.is_over {
            return;
        }
        self.told.fetch_add(1, Ordering::Relaxed);
        self.dropped.fetch_add(desk.alerts.push(alert), Ordering::Relaxed);
        self.ensure_thread(&mut desk);
    }

    /// Starts the thread if it once ran: it may have something to repeat.
    pub(super) fn resume(self: &Arc<Self>) {
        let mut desk = self.desk.lock();
        if desk.started > 0 {
            self.ensure_thread(&mut desk);
        }
    }

    /// Has the thread try what waits once more and end, by a deadline of the monotonic clock: no call lasts longer.
    pub(super) fn close(&self, deadline_ns: u64) {
        self.close_desk(&mut self.desk.lock(), Some(deadline_ns));
    }

    /// The same without a deadline, and for good.
    pub(super) fn end(&self) {
        let mut desk = self.desk.lock();
        desk.is_over = true;
        self.close_desk(&mut desk, None);
    }

    fn close_desk(&self, desk: &mut Desk, deadline_ns: Option<u64>) {
        if desk.current.is_some() {
            desk.closing = Some(Closing { deadline_ns });
        }
        self.bell.notify_all();
    }

    /// Gives up on what waits. A call under way is counted when it ends.
    pub(super) fn abandon(&self) {
        let mut desk = self.desk.lock();
        desk.current = None;
        desk.closing = None;
        self.dropped.fetch_add(desk.alerts.clear(), Ordering::Relaxed);
        self.bell.notify_all();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.desk.lock().alive == 0
    }

    pub(super) fn health(&self, number: u64) -> DestinationHealth {
        let (sent, dropped) = (self.sent.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed));
        DestinationHealth {
            number,
            kind: self.kind,
            address: self.address.clone(),
            sent,
            failed: self.failed.load(Ordering::Relaxed),
            dropped,
            waiting: self.told.load(Ordering::Relaxed).saturating_sub(sent + dropped),
            last_error: self.trouble.lock().last_error.clone(),
        }
    }

    fn ensure_thread(self: &Arc<Self>, desk: &mut Desk) {
        if desk.current.is_none() {
            desk.closing = None;
            desk.started += 1;
            let (own, this) = (desk.started, Arc::clone(self));
            match crate::thread::spawn("mtaio-delivery", move || this.run(own)) {
                Ok(_) => {
                    desk.current = Some(own);
                    desk.alive += 1;
                }
                // The next alert tries again; until then this one waits.
                Err(error) => {
                    self.trouble.lock().last_error = Some(format!("no thread could be started: {error}"));
                }
            }
        }
        self.bell.notify_all();
    }

    /// The thread.
    fn run(&self, own: u64) {
        // A panic would be a bug of ours. The next alert then gets another thread.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.serve(own)));
        let mut desk = self.desk.lock();
        desk.alive -= 1;
        if outcome.is_err() && desk.current == Some(own) {
            desk.current = None;
            self.trouble.lock().last_error = Some("a bug of the delivery was caught".to_owned());
        }
    }

    /// Sends what there is to send, until it is told to end.
    fn serve(&self, own: u64) {
        // Only when it lets go of this may another thread begin.
        let mut ledger = self.ledger.lock();
        let mut backoff = Backoff::default();
        let mut transport: Option<Box<dyn Transport>> = None;
        while let Some(timeout) = self.wait_until_due(own, ledger.as_mut(), &backoff) {
            let owed_only = self.desk.lock().closing.is_some();
            // A panic in here would be a bug of ours, and no reason to lose the alerts that follow.
            let answer = catch_unwind(AssertUnwindSafe(|| {
                let body = ledger.body(self.clock.now(), owed_only);
                transport.get_or_insert_with(|| self.open.open()).post(&body, timeout)
            }));
            let answer = answer.unwrap_or_else(|_| {
                transport = None;
                Answer::Refused { why: "a bug in the transport was caught".to_owned() }
            });
            self.settle(ledger.as_mut(), &mut backoff, &answer, owed_only);
        }
    }

    /// Waits until there is something to send, and gives the time that the call may take. `None`: the thread ends.
    fn wait_until_due(&self, own: u64, ledger: &mut dyn Ledger, backoff: &Backoff) -> Option<Duration> {
        // However many alerts come, it is their turn to be sent.
        let mut taken = 0;
        let mut desk = self.desk.lock();
        loop {
            if desk.current != Some(own) {
                self.dropped.fetch_add(ledger.give_up(), Ordering::Relaxed);
                return None;
            }
            if taken < ROOM
                && ledger.has_room()
                && let Some(alert) = desk.alerts.pop()
            {
                // With many alerts that last it takes a while, and whoever has another one is not to wait for that.
                drop(desk);
                self.dropped.fetch_add(ledger.take(alert, self.clock.now()), Ordering::Relaxed);
                taken += 1;
                desk = self.desk.lock();
                continue;
            }
            let now = self.clock.now();
            if let Some(Closing { deadline_ns }) = desk.closing {
                if !ledger.is_waiting() {
                    desk.current = None;
                    desk.closing = None;
                    return None;
                }
                let left_ns = deadline_ns.map_or(u64::MAX, |deadline| deadline.saturating_sub(now.monotonic_ns));
                return Some(self.timeout.min(Duration::from_nanos(left_ns)).max(Duration::from_millis(1)));
            }
            let due_ns = ledger.due_ns().map(|due_ns| due_ns.max(backoff.not_before_ns()));
            let nap = match due_ns.map(|due_ns| due_ns.saturating_sub(now.monotonic_ns)) {
                Some(0) => return Some(self.timeout),
                Some(left_ns) => self.clock.nap(left_ns),
                None => UNTIL_THE_BELL,
            };
            self.bell.wait_for(&mut desk, nap);
            taken = 0;
        }
    }

    fn settle(&self, ledger: &mut dyn Ledger, backoff: &mut Backoff, answer: &Answer, was_closing: bool) {
        let now = self.clock.now();
        match answer {
            Answer::Failed { retry_after, .. } => backoff.fail(now.monotonic_ns, *retry_after),
            Answer::Taken | Answer::Refused { .. } => backoff.reset(),
        }
        match answer {
            Answer::Failed { why, .. } | Answer::Refused { why } => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.complain(why, now);
            }
            Answer::Taken => self.trouble.lock().said = None,
        }
        let settled = ledger.answered(answer, now, backoff.not_before_ns());
        self.sent.fetch_add(settled.sent, Ordering::Relaxed);
        self.dropped.fetch_add(settled.dropped, Ordering::Relaxed);
        // There is no time for a second attempt.
        if was_closing && matches!(answer, Answer::Failed { .. }) {
            let given_up = ledger.give_up() + self.desk.lock().alerts.clear();
            self.dropped.fetch_add(given_up, Ordering::Relaxed);
        }
    }

    /// Keeps what went wrong for the health report, and has the log say it.
    fn complain(&self, why: &str, now: Instant3) {
        let mut trouble = self.trouble.lock();
        trouble.last_error = Some(why.to_owned());
        let is_news = trouble.is_news(why, now.monotonic_ns);
        drop(trouble);
        if is_news && let Some(queue) = self.queue.upgrade() {
            let (kind, address) = (self.kind, &self.address);
            queue.push(Event::Notice(format!("the {kind} at {address} did not take an alert: {why}")));
            queue.wake();
        }
    }
}
