//! The server: its socket, its thread, and how both end.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use mtaio_monitoring::monitor::Attached;
use mtaio_monitoring::{MonitoringError, error::Result, thread};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::answers::{Served, router};
use crate::connection::Connection;
use crate::gate::Gate;
use crate::guard::Guard;
use crate::monitored::Monitored;
use crate::options::Options;
use crate::patient::Patient;
use crate::stream::Streams;

/// Bytes of a request's head.
const MOST_HEAD_BYTES: usize = 16 * 1024;

/// How much longer than its request a client may take for the answer.
const ANSWER_PATIENCE: u32 = 6;

/// Where the system has no more descriptors, asking again at once would only keep a processor busy.
const BREATH: Duration = Duration::from_millis(100);

/// How long [`Server::close`] waits for the thread, which may be in the midst of an answer.
const CLOSE_BUDGET: Duration = Duration::from_secs(5);

/// A server that answers until it is closed or dropped, or its monitor is stopped.
///
/// In the child of a fork it does not serve: the monitor, when it is told of the fork or notices it, closes what the child has
/// of the server's sockets, and so does every call of the server's own. The parent's goes on.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    running: Arc<Running>,
}

/// What the thread and the [`Server`] share.
#[derive(Debug)]
struct Running {
    process_id: u32,
    gate: Arc<Gate>,
    streams: Arc<Streams>,
    closing: Notify,
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Server {
    /// Serves the monitor, which needs not run, from a thread of its own. See also [`Monitored::serve`].
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`] for another address than the loopback without a token, and where the address or
    /// the port is not to be had; [`MonitoringError::Unavailable`] where the system gives no thread.
    pub fn start(monitor: impl Monitored, options: &Options) -> Result<Self> {
        options.check()?;
        let wanted = SocketAddr::new(options.host, options.port);
        let listener = TcpListener::bind(wanted).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        });
        let (address, listener) = listener.map_err(|error| {
            MonitoringError::Configuration(format!(
                "cannot listen on {wanted}: {error}; give another port, or 0 for one that is free"
            ))
        })?;
        let unavailable = |error: std::io::Error| {
            MonitoringError::Unavailable(format!("the server could not be started: {error}"))
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(unavailable)?;
        let monitor: Arc<dyn Monitored> = Arc::new(monitor);
        let streams = Arc::new(Streams::default());
        let running = Arc::new(Running {
            process_id: std::process::id(),
            gate: Arc::new(Gate::new(number_of(&listener), address.port())),
            streams: Arc::clone(&streams),
            closing: Notify::new(),
            ended: Mutex::new(false),
            changed: Condvar::new(),
        });
        let attached: Arc<dyn Attached> = Arc::clone(&running) as Arc<dyn Attached>;
        monitor.core().attach(&Arc::downgrade(&attached));
        let served = Served::new(Arc::clone(&monitor), options.recorder.clone(), streams);
        let router = router(served, Guard::new(options));
        let (own, patience) = (Arc::clone(&running), options.patience);
        let run = move || {
            // What is declared first goes last: it tells when everything else is gone.
            let told = Told(own);
            let runtime = runtime;
            serve(&runtime, listener, &router, &monitor, &told.0, patience);
        };
        thread::spawn("mtaio-server", run).map_err(unavailable)?;
        Ok(Self { address, running })
    }

    /// Where it answers: `http://127.0.0.1:8000/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The port that it listens on, also where 0 was asked for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections that were closed at once, because there were 256 already.
    #[must_use]
    pub fn refused_connections(&self) -> u64 {
        self.running.gate.refused()
    }

    /// Clients of `/api/v1/stream` that were let go because they did not take what they were sent.
    #[must_use]
    pub fn dropped_streams(&self) -> u64 {
        self.running.streams.dropped()
    }

    /// Whether it answers no more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.running.is_own() || self.running.wait_stopped(Duration::ZERO)
    }

    /// Stops listening, closes every connection and waits for the thread, for 5 s at most. Does nothing where it was closed
    /// before.
    pub fn close(&self) {
        self.running.request_stop();
        self.running.wait_stopped(CLOSE_BUDGET);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
        if !self.running.is_own() {
            // What the parent's thread shares with us must not be torn down here.
            std::mem::forget(Arc::clone(&self.running));
        }
    }
}

impl Running {
    /// Not of the parent of this process.
    fn is_own(&self) -> bool {
        self.process_id == std::process::id()
    }
}

impl Attached for Running {
    fn request_stop(&self) {
        if self.is_own() {
            self.closing.notify_one();
        } else {
            self.gate.close_in_child();
        }
    }

    fn wait_stopped(&self, budget: Duration) -> bool {
        if !self.is_own() {
            return true;
        }
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(ended, budget, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Closes the child's copies of the sockets, which else would take connections that nobody answers. Nothing else is used
    /// there, because any lock of the runtime may be held by a thread that is gone.
    fn after_fork_in_child(&self) {
        if !self.is_own() {
            self.gate.close_in_child();
        }
    }
}

/// Says that the thread has ended, however it did.
struct Told(Arc<Running>);

impl Drop for Told {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}

#[cfg(unix)]
fn number_of(socket: &impl std::os::fd::AsRawFd) -> i32 {
    socket.as_raw_fd()
}

/// Elsewhere there is no fork; the places are counted all the same.
#[cfg(not(unix))]
fn number_of<T>(_socket: &T) -> i32 {
    0
}

/// The thread.
fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    router: &Router,
    monitor: &Arc<dyn Monitored>,
    running: &Running,
    patience: Duration,
) {
    runtime.block_on(async {
        // Both are there: a current reactor, and a socket that does not block.
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let (streams, fed) = (Arc::clone(&running.streams), Arc::clone(monitor));
        tokio::spawn(async move {
            // It ends by a panic only, and then goes on with the clients that there are.
            while tokio::spawn(Arc::clone(&streams).feed(Arc::clone(&fed))).await.is_err() {
                tokio::time::sleep(BREATH).await;
            }
        });
        let mut connections = JoinSet::new();
        loop {
            let socket = tokio::select! {
                biased;
                () = running.closing.notified() => break,
                // Those that have ended, with a panic or without.
                Some(_ended) = connections.join_next() => continue,
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => socket,
                    Err(_) => {
                        tokio::time::sleep(BREATH).await;
                        continue;
                    }
                },
            };
            let Some(place) = running.gate.enter(number_of(&socket)) else { continue };
            // Small answers, each written at once: waiting for more to send only delays them.
            let _no_delay = socket.set_nodelay(true);
            let about = Arc::new(Connection::default());
            let patient = Patient::new(place, socket, patience * ANSWER_PATIENCE, Arc::clone(&about));
            let routes = router.clone().layer(axum::Extension(Arc::clone(&about)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience)
                .max_buf_size(MOST_HEAD_BYTES)
                .serve_connection(TokioIo::new(patient), TowerToHyperService::new(routes));
            connections.spawn(async move {
                tokio::select! {
                    // A client that is slow, rude or gone is no news.
                    _ended = connection => {}
                    () = about.is_cut_off() => {}
                }
            });
        }
        running.gate.forget_listener();
        drop(listener);
        connections.shutdown().await;
    });
}
