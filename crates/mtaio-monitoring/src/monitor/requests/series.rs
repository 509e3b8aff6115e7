//! What is recorded of requests, and where: bounded by what the service's code has, never by what clients send.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::error::Result;
use crate::lock::RwLock;
use crate::monitor::{Gauge, Histogram, ResourceMonitor};

/// What the conventions advise.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Routes, and series of one of them, that are kept for the next request.
const MOST_KEPT: usize = 2_000;

/// Bytes of a route that are kept.
const LONGEST_ROUTE: usize = 200;

/// The methods that the conventions know; of others there is no end.
const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

pub(super) const OTHER_METHOD: &str = "_OTHER";

/// A method, as a label.
pub(super) fn method(method: &Method) -> &'static str {
    METHODS.iter().find(|known| **known == method.as_str()).copied().unwrap_or(OTHER_METHOD)
}

/// Both metrics, and what is kept of their series.
pub(super) struct Series {
    duration: Histogram,
    active: Gauge,
    actives: RwLock<HashMap<(&'static str, &'static str), Gauge>>,
    routes: RwLock<HashMap<Box<str>, Arc<Route>>>,
    unrouted: Arc<Route>,
}

impl fmt::Debug for Series {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Series").finish_non_exhaustive()
    }
}

/// A route, with the series of its requests.
pub(super) struct Route {
    /// None where the request took none that is known.
    pub(super) template: Option<Box<str>>,
    durations: RwLock<HashMap<Outcome, Histogram>>,
}

/// How a request went, as labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Outcome {
    pub(super) method: &'static str,
    pub(super) scheme: &'static str,
    pub(super) status: Option<u16>,
    pub(super) error: Option<&'static str>,
}

impl Route {
    fn new(template: Option<&str>) -> Arc<Self> {
        let template = template.map(|text| text[..text.floor_char_boundary(LONGEST_ROUTE)].into());
        Arc::new(Self { template, durations: RwLock::default() })
    }

    /// The name of a trace.
    pub(super) fn name(&self, method: &'static str) -> String {
        // The conventions' word for a method that nobody knows.
        let shown = if method == OTHER_METHOD { "HTTP" } else { method };
        self.template.as_ref().map_or_else(|| shown.to_owned(), |template| format!("{shown} {template}"))
    }
}

impl Series {
    pub(super) fn new(monitor: &ResourceMonitor) -> Result<Self> {
        let (name, help) = ("http.server.request.duration", "Duration of HTTP server requests.");
        let duration = monitor.histogram_with_bounds(name, "s", help, &BOUNDS)?;
        let (name, help) = ("http.server.active_requests", "Number of active HTTP server requests.");
        let active = monitor.gauge(name, "{request}", help)?;
        Ok(Self {
            duration,
            active,
            actives: RwLock::default(),
            routes: RwLock::default(),
            unrouted: Route::new(None),
        })
    }

    pub(super) fn route(&self, template: Option<&str>) -> Arc<Route> {
        let Some(template) = template else { return Arc::clone(&self.unrouted) };
        if let Some(known) = self.routes.read().get(template) {
            return Arc::clone(known);
        }
        let route = Route::new(Some(template));
        let mut routes = self.routes.write();
        if routes.len() < MOST_KEPT {
            return Arc::clone(routes.entry(template.into()).or_insert(route));
        }
        route
    }

    /// The series of requests of this sort that are under way. `None` cannot be: these labels have names.
    pub(super) fn active(&self, method: &'static str, scheme: &'static str) -> Option<Gauge> {
        if let Some(known) = self.actives.read().get(&(method, scheme)) {
            return Some(known.clone());
        }
        let made = self.active.labels([("http.request.method", method), ("url.scheme", scheme)]).ok()?;
        Some(self.actives.write().entry((method, scheme)).or_insert(made).clone())
    }

    pub(super) fn record(&self, route: &Route, outcome: Outcome, seconds: f64) {
        if let Some(known) = route.durations.read().get(&outcome) {
            known.record(seconds);
            return;
        }
        let status = outcome.status.map(|status| status.to_string());
        let labels = [
            ("http.request.method", Some(outcome.method)),
            ("url.scheme", Some(outcome.scheme)),
            ("http.route", route.template.as_deref()),
            ("http.response.status_code", status.as_deref()),
            ("error.type", outcome.error.or(status.as_deref().filter(|_| outcome.is_server_error()))),
        ];
        let labels = labels.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let Ok(made) = self.duration.labels(labels) else { return };
        made.record(seconds);
        let mut durations = route.durations.write();
        if durations.len() < MOST_KEPT {
            durations.insert(outcome, made);
        }
    }
}

impl Outcome {
    /// Whether the status alone says that it failed.
    pub(super) fn is_server_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
    }
}
