//! The sockets of a server, by number: how many there may be, and which of them the child of a fork must close.
//!
//! A child has the parent's sockets too. A listening one that it keeps would take connections that nobody answers, long
//! after the parent has gone. It cannot ask the runtime to close them: whatever lock tokio's or hyper's tables have may be
//! held by a thread that is not there. So the numbers are kept here, in atomics, and the child closes them by number
//! and touches nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// Connections at once.
pub(crate) const MOST_CONNECTIONS: usize = 256;

const NONE: i32 = -1;

#[derive(Debug)]
pub(crate) struct Gate {
    port: u16,
    listener: AtomicI32,
    connections: [AtomicI32; MOST_CONNECTIONS],
    refused: AtomicU64,
}

/// The place of one connection. It must go before its socket does, so that a number is never in the list when it is somebody
/// else's already.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    at: usize,
}

impl Gate {
    pub(crate) fn new(listener: i32, port: u16) -> Self {
        Self {
            port,
            listener: AtomicI32::new(listener),
            connections: [const { AtomicI32::new(NONE) }; MOST_CONNECTIONS],
            refused: AtomicU64::new(0),
        }
    }

    /// A place for a connection; `None`, which is counted, where there are as many as there may be.
    pub(crate) fn enter(self: &Arc<Self>, socket: i32) -> Option<Place> {
        let is_free =
            |place: &AtomicI32| place.compare_exchange(NONE, socket, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let at = self.connections.iter().position(is_free);
        if at.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        at.map(|at| Place { gate: Arc::clone(self), at })
    }

    /// Connections that there was no place for.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The listener is about to be closed.
    pub(crate) fn forget_listener(&self) {
        self.listener.store(NONE, Ordering::Release);
    }

    /// In the child of a fork: closes every socket of the parent's. What had them is never used or dropped there.
    #[cfg(unix)]
    pub(crate) fn close_in_child(&self) {
        for place in std::iter::once(&self.listener).chain(&self.connections) {
            let socket = place.swap(NONE, Ordering::AcqRel);
            if socket != NONE && self.is_ours(socket) {
                // It cannot fail but for a number that is none any more.
                let _closed = nix::unistd::close(socket);
            }
        }
    }

    /// Whether the number is still that of a socket of this server: a child that nobody told of its birth may have closed all
    /// that it had, and given the numbers to files of its own.
    #[cfg(unix)]
    fn is_ours(&self, socket: i32) -> bool {
        use nix::sys::socket::{SockaddrStorage, getsockname};

        let Ok(name) = getsockname::<SockaddrStorage>(socket) else { return false };
        let port = name.as_sockaddr_in().map(nix::sys::socket::SockaddrIn::port);
        port.or_else(|| name.as_sockaddr_in6().map(nix::sys::socket::SockaddrIn6::port)) == Some(self.port)
    }

    #[cfg(not(unix))]
    pub(crate) fn close_in_child(&self) {}
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.connections[self.at].store(NONE, Ordering::Release);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::{AsRawFd, IntoRawFd};
    use std::sync::Arc;

    use super::{Gate, MOST_CONNECTIONS};

    #[test]
    fn the_child_closes_what_listens_and_what_is_connected() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut client = TcpStream::connect(address).expect("it listens");
        let (connection, _) = listener.accept().expect("a client");
        let gate = Arc::new(Gate::new(listener.into_raw_fd(), address.port()));
        let place = gate.enter(connection.into_raw_fd()).expect("there is room");
        gate.close_in_child();
        TcpStream::connect(address).expect_err("nothing listens any more");
        assert_eq!(client.read(&mut [0]).expect("an end"), 0, "nobody holds the connection");
        // In the child there is no thread that would drop it.
        std::mem::forget(place);
    }

    #[test]
    fn a_number_that_is_somebody_elses_by_now_is_left_alone() {
        let (file, other) =
            (std::fs::File::open("/dev/null").expect("a file"), TcpListener::bind("127.0.0.1:0").expect("a port"));
        let gate = Arc::new(Gate::new(file.as_raw_fd(), 1));
        let place = gate.enter(other.as_raw_fd()).expect("there is room");
        gate.close_in_child();
        file.metadata().expect("it is open");
        other.local_addr().expect("it is open");
        drop(place);
    }

    #[test]
    fn there_are_so_many_places_and_each_is_free_again() {
        let gate = Arc::new(Gate::new(-1, 0));
        let mut places: Vec<_> = (0..MOST_CONNECTIONS).map(|_| gate.enter(7).expect("a place")).collect();
        assert!(gate.enter(7).is_none());
        assert_eq!(gate.refused(), 1);
        places.truncate(3);
        let again: Vec<_> = std::iter::from_fn(|| gate.enter(8)).collect();
        assert_eq!(again.len(), MOST_CONNECTIONS - 3);
    }
}
