//! Alerts as JSON objects, by POST.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::alerts::{Alert, Evidence, ProcessEvidence, TraceEvidence};
use crate::clock::Instant3;
use crate::metrics::catalogue::BuiltIn;

use super::delivery::{Ledger, Settled};
use super::transport::{Answer, OpenTransport, Transport};

/// How long a call may take, if nobody says otherwise.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// How long after the first attempt an alert is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// What all destinations have.
#[derive(Clone, Debug)]
pub(super) struct About {
    /// For people: nothing in it is a secret.
    pub(super) address: String,
    pub(super) timeout: Duration,
    pub(super) open: OpenTransport,
}

/// Posts each alert to an address, as one JSON object:
///
/// ```json
/// {
///   "version": 1,
///   "metric": "cpu_usage", "value": 93.5, "threshold": 80.0,
///   "message": "cpu_usage 93.5 % is above its threshold of 80 %",
///   "state": "firing", "level": "warning",
///   "timestamp": 1767225600.0, "since": 1767225590.0, "peak": 97.1,
///   "labels": {}, "window_seconds": null, "annotations": {"runbook": "https://wiki.example.org/cpu"},
///   "evidence": {
///     "timestamp": 1767225600.0,
///     "sample": {"cpu_usage": 93.5, "memory_usage": 41.2},
///     "slowest_open": [{"name": "checkout", "duration_seconds": 12.5, "status": "open", "start_time": 1767225587.5,
///                       "trace_id": 1099511627777, "parent_id": null, "task_name": "Task-7"}],
///     "slowest_recent": [],
///     "biggest_processes": [{"pid": 4711, "name": "python", "is_own": true, "rss_bytes": 536870912,
///                            "cpu_cores_used": 0.97, "cpu_window_seconds": 5.0, "cpu_is_lifetime_mean": false,
///                            "threads": 12}],
///     "processes_age_seconds": 0.0
///   }
/// }
/// ```
///
/// The fields are those of [`Alert`], `null` where there is none; times are seconds since the epoch. `sample` holds the
/// metrics of the catalogue that were measured, by their names; with its lists of at most five and ten, `evidence` is
/// some kilobytes. A status of 200 to
/// 299 means that the alert was taken. 408, 429 and 500 to 599, and whatever else keeps an answer away, are tried again,
/// after 0.5 s and twice as long each time, with `Retry-After` heeded, for a minute; other answers, redirects among
/// them, are final. Alerts go out one by one in the order in which they came. While one waits, the newest state of each
/// of the others does, and the one before it, 200 000 at most.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub(super) about: About,
    retry: Duration,
}

impl Webhook {
    /// A webhook over a way of its own to get there, and a name for it.
    pub fn over(name: &str, open: impl Fn() -> Box<dyn Transport> + Send + Sync + 'static) -> Self {
        let about = About { address: name.to_owned(), timeout: TIMEOUT, open: OpenTransport::new(open) };
        Self { about, retry: RETRY }
    }

    /// Tries an alert again for so long after the first attempt; 60 s by default.
    #[must_use]
    pub fn with_retry(mut self, retry: Duration) -> Self {
        self.retry = retry;
        self
    }

    pub(super) fn ledger(&self) -> Outgoing {
        Outgoing { retry_ns: u64::try_from(self.retry.as_nanos()).unwrap_or(u64::MAX), current: None }
    }
}

/// The alert that is being sent.
pub(super) struct Outgoing {
    retry_ns: u64,
    /// With the moment of its first attempt.
    current: Option<(Alert, Option<u64>)>,
}

impl Ledger for Outgoing {
    fn has_room(&self) -> bool {
        self.current.is_none()
    }

    fn take(&mut self, alert: Alert, _now: Instant3) -> u64 {
        u64::from(self.current.replace((alert, None)).is_some())
    }

    fn is_waiting(&self) -> bool {
        self.current.is_some()
    }

    fn due_ns(&self) -> Option<u64> {
        self.current.as_ref().map(|_| 0)
    }

    fn body(&mut self, now: Instant3, _owed_only: bool) -> Vec<u8> {
        let Some((alert, first_ns)) = &mut self.current else { return Vec::new() };
        first_ns.get_or_insert(now.monotonic_ns);
        object(alert).to_string().into_bytes()
    }

    fn answered(&mut self, answer: &Answer, now: Instant3, next_ns: u64) -> Settled {
        let settled = match answer {
            Answer::Taken => Settled { sent: 1, dropped: 0 },
            Answer::Refused { .. } => Settled { sent: 0, dropped: 1 },
            Answer::Failed { .. } => {
                let first_ns = self.current.as_ref().and_then(|(_, first_ns)| *first_ns);
                if next_ns <= first_ns.unwrap_or(now.monotonic_ns).saturating_add(self.retry_ns) {
                    return Settled::default();
                }
                Settled { sent: 0, dropped: 1 }
            }
        };
        self.current = None;
        settled
    }

    fn give_up(&mut self) -> u64 {
        u64::from(self.current.take().is_some())
    }
}

/// See [`Webhook`]. Numbers that are not finite become `null`: JSON has none.
fn object(alert: &Alert) -> Value {
    let texts: Map<_, _> =
        alert.annotations.iter().map(|(name, text)| (name.to_string(), json!(&**text))).collect();
    let labels: Map<_, _> = alert.labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "version": 1,
        "metric": alert.metric.as_deref(),
        "value": alert.value,
        "threshold": alert.threshold,
        "message": alert.message,
        "state": alert.state.name(),
        "level": alert.level.name(),
        "timestamp": alert.timestamp,
        "since": alert.since,
        "peak": alert.peak,
        "labels": labels,
        "window_seconds": alert.window_seconds,
        "annotations": texts,
        "evidence": alert.evidence.as_deref().map(evidence),
    })
}

fn evidence(evidence: &Evidence) -> Value {
    let sample = evidence.sample.as_ref().map(|sample| {
        let measured =
            |metric: &BuiltIn| Some((metric.description().name.to_owned(), json!(sample.value(*metric)?)));
        BuiltIn::ALL.iter().filter_map(measured).collect::<Map<_, _>>()
    });
    json!({
        "timestamp": evidence.timestamp,
        "sample": sample,
        "slowest_open": evidence.slowest_open.iter().map(trace).collect::<Vec<_>>(),
        "slowest_recent": evidence.slowest_recent.iter().map(trace).collect::<Vec<_>>(),
        "biggest_processes": evidence.biggest_processes.iter().map(process).collect::<Vec<_>>(),
        "processes_age_seconds": evidence.processes_age_seconds,
    })
}

fn trace(trace: &TraceEvidence) -> Value {
    json!({
        "name": &*trace.name,
        "duration_seconds": trace.duration_seconds,
        "status": trace.status.name(),
        "start_time": trace.start_time,
        "trace_id": trace.trace_id,
        "parent_id": trace.parent_id,
        "task_name": trace.task_name,
    })
}

fn process(process: &ProcessEvidence) -> Value {
    json!({
        "pid": process.pid,
        "name": process.name,
        "is_own": process.is_own,
        "rss_bytes": process.rss_bytes,
        "cpu_cores_used": process.cpu_cores_used,
        "cpu_window_seconds": process.cpu_window_seconds,
        "cpu_is_lifetime_mean": process.cpu_is_lifetime_mean,
        "threads": process.threads,
    })
}

#[cfg(feature = "destinations")]
mod by_http {
    use super::{About, OpenTransport, TIMEOUT, Webhook};
    use crate::error::Result;

    use super::super::http::{Http, timeout};
    use super::super::url::Url;

    impl Webhook {
        /// A webhook at this address, `http://` or `https://`. A user and a password in it are sent as basic
        /// authentication, and nothing of it but scheme, host and port is ever shown.
        ///
        /// # Errors
        ///
        /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) for an address that is none.
        ///
        /// ```
        /// use mtaio_monitoring::monitor::Webhook;
        /// let webhook = Webhook::new("https://hooks.example.org/services/secret").unwrap();
        /// assert!(!format!("{webhook:?}").contains("secret"));
        /// assert!(Webhook::new("hooks.example.org").is_err());
        /// ```
        pub fn new(url: &str) -> Result<Self> {
            let url = Url::parse("url", url)?;
            let address = url.shown().to_owned();
            let http = Http::new(url);
            let about = About { address, timeout: TIMEOUT, open: OpenTransport::new(move || http.open()) };
            Ok(Self { about, retry: super::RETRY })
        }

        /// The same with these headers in each request, such as `Authorization`.
        ///
        /// # Errors
        ///
        /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) for names and values that no header
        /// can have, an address that is none.
        pub fn with_headers<'a>(url: &str, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
            let mut this = Self::new(url)?;
            let http = Http::new(Url::parse("url", url)?).with_headers(headers)?;
            this.about.open = OpenTransport::new(move || http.open());
            Ok(this)
        }

        /// How long one call may take, from looking up the name to the end of the answer: above 0, up to 300 s; 10 by
        /// default.
        ///
        /// # Errors
        ///
        /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) outside that.
        pub fn with_timeout_seconds(mut self, seconds: f64) -> Result<Self> {
            self.about.timeout = timeout(seconds)?;
            Ok(self)
        }
    }
}
