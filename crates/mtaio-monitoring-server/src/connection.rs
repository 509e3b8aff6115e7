//! What an answer has to do with the connection that it goes out on.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// One connection, as the answers on it see it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    streaming: AtomicBool,
    cut_off: Notify,
}

impl Connection {
    /// What goes out from now on has no end.
    pub(crate) fn begin_stream(&self) {
        self.streaming.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_streaming(&self) -> bool {
        self.streaming.load(Ordering::Relaxed)
    }

    /// Closes it at once, whatever waits to be written.
    pub(crate) fn cut_off(&self) {
        self.cut_off.notify_one();
    }

    /// Returns when somebody has cut it off.
    pub(crate) async fn is_cut_off(&self) {
        self.cut_off.notified().await;
    }
}
