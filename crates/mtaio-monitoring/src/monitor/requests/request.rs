//! One request, from the service's call until the last part of its body.

use std::sync::Arc;

use http::Uri;

use crate::clock::Clock;
use crate::monitor::Gauge;
use crate::profiler::{Piecewise, Profiler, Status};

use super::series::{self, Outcome, Route, Series};

/// Bytes of a path, or of a method that nobody knows, that a trace carries.
const LONGEST_TEXT: usize = 256;

/// What requests are recorded into.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) series: Series,
    pub(super) profiler: Profiler,
    pub(super) clock: Clock,
}

/// A request that is under way. Dropped before it has ended, it was given up.
pub(super) struct Request {
    watch: Arc<Watch>,
    route: Arc<Route>,
    active: Option<Gauge>,
    trace: Piecewise,
    started_ns: u64,
    outcome: Outcome,
    is_over: bool,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Request").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

/// What a response says beside its status.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether no body follows: then nobody may ask for its end.
    pub(super) is_whole: bool,
}

impl Request {
    pub(super) fn begin(watch: &Arc<Watch>, given: &http::Method, uri: &Uri, template: Option<&str>) -> Self {
        let method = series::method(given);
        // What a client writes there is one of these, or is not what the connection is.
        let scheme = if uri.scheme() == Some(&http::uri::Scheme::HTTPS) { "https" } else { "http" };
        let route = watch.series.route(template);
        let started_ns = watch.clock.monotonic_ns();
        let active = watch.series.active(method, scheme);
        if let Some(active) = &active {
            active.add(1.0);
        }
        let mut trace = match watch.profiler.recorder() {
            Some(recorder) => Piecewise::begin(Some(recorder), &route.name(method)),
            None => Piecewise::begin(None, ""),
        };
        if trace.is_open() {
            trace.record("http.request.method", method);
            trace.record("url.scheme", scheme);
            trace.record("url.path", shortened(uri.path()));
            if let Some(template) = &route.template {
                trace.record("http.route", &**template);
            }
            if method == series::OTHER_METHOD {
                trace.record("http.request.method_original", shortened(given.as_str()));
            }
        }
        let outcome = Outcome { method, scheme, status: None, error: None };
        Self { watch: Arc::clone(watch), route, active, trace, started_ns, outcome, is_over: false }
    }

    /// Does a part of its work: what is traced meanwhile is below it.
    pub(super) fn work<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.trace.work(work)
    }

    pub(super) fn answered(&mut self, answer: Answer) {
        self.outcome.status = Some(answer.status);
        if answer.is_whole {
            self.sent();
        }
    }

    /// The last part of the response is made.
    pub(super) fn sent(&mut self) {
        if self.outcome.is_server_error() {
            let status = self.outcome.status.map(|status| status.to_string());
            self.end(Status::Error, status.map(Into::into));
        } else {
            self.end(Status::Ok, None);
        }
    }

    /// The service, or its body, failed: with an error of this type.
    pub(super) fn failed(&mut self, kind: &'static str) {
        self.outcome.error = Some(kind);
        self.end(Status::Error, Some(kind.into()));
    }

    fn end(&mut self, status: Status, error: Option<Box<str>>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        if let Some(active) = self.active.take() {
            active.add(-1.0);
        }
        let nanoseconds = self.watch.clock.monotonic_ns().saturating_sub(self.started_ns);
        self.watch.series.record(&self.route, self.outcome, nanoseconds as f64 / 1e9);
        if let Some(status) = self.outcome.status {
            self.trace.record("http.response.status_code", status);
        }
        if let Some(error) = self.outcome.error {
            self.trace.record("error.type", error);
        } else if let (true, Some(status)) = (self.outcome.is_server_error(), self.outcome.status) {
            self.trace.record("error.type", status.to_string());
        }
        self.trace.end(status, error);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if std::thread::panicking() {
            self.failed("panic");
        } else {
            // Before the response: somebody gave up waiting. After it: the connection is gone, most often.
            self.outcome.error =
                Some(if self.outcome.status.is_none() { "cancelled" } else { "incomplete_response" });
            self.end(Status::Cancelled, None);
        }
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}
