//! `/api/v1/stream`: what the monitor knows, and then what has changed, as server-sent events.
//!
//! The first event a client gets, `snapshot`, is one JSON object; each `patch` after it is a merge patch of that object
//! (RFC 7386): it has what is new or different, and null for what is gone. An `alert` is told once, whole.
//!
//! One task looks at the monitor, for all clients together, and only while there are any. Each client has a queue of
//! events, whose bytes all share; one whose queue is full does not take what it is sent, and is let go: its answer would
//! be a history that nobody asked for.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use mtaio_monitoring::Snapshot;
use mtaio_monitoring::monitor::MonitorCore;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;

use crate::connection::Connection;
use crate::monitored::Monitored;
use crate::seen::Seen;
use crate::shown::alert_json;

/// Clients at once.
pub(crate) const MOST_STREAMS: usize = 32;

/// Events that wait for a client, and their bytes: but for one event, however large it is.
const QUEUE: usize = 64;
const QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// How often the monitor is looked at: as often as it samples, within these bounds. Recorded values change between samples.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);
const LONGEST_PERIOD: Duration = Duration::from_secs(1);

/// After so many periods without an event a comment is sent, which finds out whether the client is still there.
const QUIET_PERIODS: u32 = 15;

/// The clients of one server.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    clients: Mutex<Vec<Client>>,
    /// Somebody has come.
    joined: Notify,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct Client {
    queue: Sender<Bytes>,
    /// Bytes in the queue.
    waiting: Arc<AtomicUsize>,
    connection: Arc<Connection>,
    /// Has been sent the snapshot that patches build on.
    is_begun: bool,
}

/// The answer to a client: its queue.
pub(crate) struct Events {
    queue: Receiver<Bytes>,
    waiting: Arc<AtomicUsize>,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let event = std::task::ready!(self.queue.poll_recv(cx));
        Poll::Ready(event.map(|event| {
            self.waiting.fetch_sub(event.len(), Ordering::Relaxed);
            Ok(Frame::data(event))
        }))
    }
}

impl Streams {
    /// A new client's events; `None` where there are as many clients as there may be.
    pub(crate) fn join(&self, connection: Arc<Connection>) -> Option<Events> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| !client.queue.is_closed());
        if clients.len() >= MOST_STREAMS {
            return None;
        }
        let (queue, events) = channel(QUEUE);
        let waiting = Arc::<AtomicUsize>::default();
        connection.begin_stream();
        clients.push(Client { queue, waiting: Arc::clone(&waiting), connection, is_begun: false });
        self.joined.notify_one();
        Some(Events { queue: events, waiting })
    }

    /// Clients that did not take what they were sent.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Tells the clients what changes, for as long as the server runs.
    pub(crate) async fn feed(self: Arc<Self>, monitor: Arc<dyn Monitored>) {
        let period =
            Duration::try_from_secs_f64(monitor.core().config().interval_seconds()).unwrap_or(LONGEST_PERIOD);
        let period = period.clamp(SHORTEST_PERIOD, LONGEST_PERIOD);
        let mut told = Told::default();
        loop {
            if self.has_clients() {
                tokio::select! {
                    () = sleep(period) => {}
                    () = self.joined.notified() => {}
                }
            } else {
                told = Told::default();
                self.joined.notified().await;
            }
            self.tell(&*monitor, &mut told);
        }
    }

    fn has_clients(&self) -> bool {
        !self.clients.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Sends each client what it does not know yet.
    fn tell(&self, monitor: &dyn Monitored, told: &mut Told) {
        let snapshot = &monitor.snapshot();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = !clients.iter().any(|client| client.is_begun);
        let mut events = if is_first { Vec::new() } else { told.events(monitor.core(), snapshot) };
        if events.is_empty() {
            told.quiet += 1;
            if told.quiet >= QUIET_PERIODS {
                told.quiet = 0;
                events.push(Bytes::from_static(b":\n\n"));
            }
        } else {
            told.quiet = 0;
        }
        let whole = clients.iter().any(|client| !client.is_begun).then(|| {
            told.seen = Seen::default();
            let whole = told.seen.patch(monitor.core(), snapshot);
            told.alerts = snapshot.alerts.total;
            event("snapshot", &Value::Object(whole))
        });
        clients.retain_mut(|client| {
            let begin = (!client.is_begun).then_some(&whole).and_then(Option::as_ref);
            let news: &[Bytes] = if client.is_begun { &events } else { &[] };
            client.is_begun = true;
            begin.into_iter().chain(news).all(|event| match client.send(event) {
                Ok(()) => true,
                Err(TrySendError::Closed(())) => false,
                Err(TrySendError::Full(())) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    client.connection.cut_off();
                    false
                }
            })
        });
    }
}

impl Client {
    fn send(&self, event: &Bytes) -> Result<(), TrySendError<()>> {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting > 0 && waiting + event.len() > QUEUE_BYTES {
            return Err(TrySendError::Full(()));
        }
        // Before it is sent: who takes it takes its bytes away.
        self.waiting.fetch_add(event.len(), Ordering::Relaxed);
        self.queue.try_send(event.clone()).map_err(|error| match error {
            TrySendError::Full(_) => TrySendError::Full(()),
            TrySendError::Closed(_) => TrySendError::Closed(()),
        })
    }
}

/// What every client knows by now.
#[derive(Default)]
struct Told {
    seen: Seen,
    alerts: u64,
    quiet: u32,
}

impl Told {
    /// What is new since the last time.
    fn events(&mut self, core: &MonitorCore, snapshot: &Snapshot) -> Vec<Bytes> {
        let mut events = Vec::new();
        let recent = &snapshot.alerts;
        // Those that came and went between two looks are counted in the patch, and told no more.
        let new = usize::try_from(recent.total.saturating_sub(self.alerts)).unwrap_or(usize::MAX);
        let known = recent.newest.len().saturating_sub(new);
        self.alerts = recent.total;
        events.extend(recent.newest.iter().skip(known).map(|alert| event("alert", &alert_json(alert))));
        let patch = self.seen.patch(core, snapshot);
        if !patch.is_empty() {
            events.push(event("patch", &Value::Object(patch)));
        }
        events
    }
}

/// One event. JSON has no line feed outside of its strings, and none inside that is not escaped.
fn event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}
