//! What carries a body to the other side.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The other side has it.
    Taken,
    /// Not this time: nobody answered, or the other side is busy or broken. It is worth trying again.
    Failed {
        /// What happened, without the address: it may hold secrets.
        why: String,
        /// How long the other side asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The other side will not take this, however often it is asked.
    Refused {
        /// As above.
        why: String,
    },
}

/// Carries bodies to one destination. It is called on a thread of its own, and may block.
///
/// ```
/// use std::time::Duration;
/// use mtaio_monitoring::monitor::{Answer, Config, MonitorCore, Transport, Webhook};
///
/// struct Printer;
///
/// impl Transport for Printer {
///     fn post(&mut self, body: &[u8], _timeout: Duration) -> Answer {
///         println!("{}", String::from_utf8_lossy(body));
///         Answer::Taken
///     }
/// }
///
/// let monitor = MonitorCore::new(Config::default());
/// monitor.add_destination(Webhook::over("printer", || Box::new(Printer)));
/// ```
pub trait Transport: Send {
    /// Carries one body, and returns within about `timeout`.
    fn post(&mut self, body: &[u8], timeout: Duration) -> Answer;
}

/// Opens a transport: for each thread a new one, since none of the parent's works in the child of a fork.
#[derive(Clone)]
pub(super) struct OpenTransport(Arc<dyn Fn() -> Box<dyn Transport> + Send + Sync>);

impl OpenTransport {
    pub(super) fn new(open: impl Fn() -> Box<dyn Transport> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    pub(super) fn open(&self) -> Box<dyn Transport> {
        (self.0)()
    }
}

impl fmt::Debug for OpenTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenTransport")
    }
}
