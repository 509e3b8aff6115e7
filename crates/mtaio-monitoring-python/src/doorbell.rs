//! Waking an event loop from the sampling thread without the interpreter: one byte through a socket that the loop
//! watches.
//!
//! The obvious way, `loop.call_soon_threadsafe`, needs the GIL, and would hold up sampling whenever a thread of the
//! host does not let go of it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
type Stream = std::os::unix::net::UnixStream;
#[cfg(not(unix))]
type Stream = std::net::TcpStream;

/// The end that rings.
pub(crate) struct Doorbell {
    stream: Stream,
    rung: AtomicBool,
}

impl Doorbell {
    /// A bell, and the descriptor that the loop watches: the caller's to close.
    pub(crate) fn new() -> io::Result<(Arc<Self>, i64)> {
        let (near, far) = pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        Ok((Arc::new(Self { stream: near, rung: AtomicBool::new(false) }), into_raw(far)))
    }

    /// Rings, unless it has been rung and nobody has answered yet. Never blocks: a full socket is a rung bell.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            let _full_or_gone = (&self.stream).write(&[1]);
        }
    }

    /// Somebody has come: the next event rings again.
    pub(crate) fn answer(&self) {
        self.rung.store(false, Ordering::Release);
    }
}

#[cfg(unix)]
fn pair() -> io::Result<(Stream, Stream)> {
    Stream::pair()
}

#[cfg(unix)]
fn into_raw(stream: Stream) -> i64 {
    use std::os::fd::IntoRawFd;
    i64::from(stream.into_raw_fd())
}

#[cfg(not(unix))]
fn pair() -> io::Result<(Stream, Stream)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let near = Stream::connect(listener.local_addr()?)?;
    loop {
        let (far, peer) = listener.accept()?;
        // Somebody else may have found the port first.
        if peer == near.local_addr()? {
            return Ok((near, far));
        }
    }
}

#[cfg(not(unix))]
fn into_raw(stream: Stream) -> i64 {
    use std::os::windows::io::IntoRawSocket;
    stream.into_raw_socket() as i64
}
