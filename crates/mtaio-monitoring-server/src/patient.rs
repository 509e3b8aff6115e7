//! A connection that does not wait for ever for a client to take its answer.
//!
//! hyper gives a client a time to send the head of its request, and none to take what it asked for: one that asks for
//! much and reads nothing would hold its place, and the answer's memory, for as long as it likes.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::connection::Connection;
use crate::gate::Place;

pub(crate) struct Patient {
    /// Before the socket, so that it goes first: see [`Place`].
    _place: Place,
    socket: TcpStream,
    patience: Duration,
    about: Arc<Connection>,
    /// Since the client first let an answer wait. Nothing that it takes makes it longer, unless it is a stream, which has no
    /// end that could be waited for; its next request ends it.
    waited: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(crate) fn new(place: Place, socket: TcpStream, patience: Duration, about: Arc<Connection>) -> Self {
        Self { _place: place, socket, patience, about, waited: None }
    }

    /// What a write gives, unless it waits and the client has had its time.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.about.is_streaming() {
                self.waited = None;
            }
            return written;
        }
        let patience = self.patience;
        let waited = self.waited.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waited.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answer")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        // Bytes that come while an answer waits are no sign that it is taken; hyper asks for them only when it was.
        if buffer.filled().len() > before {
            self.waited = None;
        }
        read
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, parts);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(cx);
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.in_time(cx, shut)
    }
}
