//! What is answered at which path.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use mtaio_monitoring::SystemStats;
use mtaio_monitoring::export::{PROTOBUF_CONTENT_TYPE, sample_json};
use mtaio_monitoring::profiler::Recorder;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::about::about_json;
use crate::accepted::{self, Scrape};
use crate::connection::Connection;
use crate::guard::{Guard, stand};
use crate::held::{Room, held};
use crate::monitored::Monitored;
use crate::page::FILES;
use crate::profile::Profiles;
use crate::ranges::range_json;
use crate::shown::{alerts_json, metrics_json};
use crate::stream::Streams;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Samples in one answer, at most and by default: a whole history may be gigabytes.
const MOST_SAMPLES: usize = 1_000;
const USUAL_SAMPLES: usize = 100;

/// What is served, and what is written of it: the page that names it all, and the description that programs read.
const INDEX: &str = include_str!("pages/index.html");
const OPENAPI: &str = include_str!("pages/openapi.json");

/// What answers are made of.
#[derive(Clone)]
pub(crate) struct Served(Arc<Parts>);

struct Parts {
    monitor: Arc<dyn Monitored>,
    profiles: Profiles,
    /// Whose turn it is to be told of the past.
    ranges: Arc<Semaphore>,
    streams: Arc<Streams>,
}

impl Served {
    pub(crate) fn new(
        monitor: Arc<dyn Monitored>,
        recorder: Option<Arc<Recorder>>,
        streams: Arc<Streams>,
    ) -> Self {
        let (profiles, ranges) = (Profiles::of(recorder), Arc::new(Semaphore::new(1)));
        Self(Arc::new(Parts { monitor, profiles, ranges, streams }))
    }
}

/// What is told; the guard knows the methods.
fn paths() -> [(&'static str, MethodRouter<Served>); 14] {
    [
        ("/api", any(|| async { answer(StatusCode::OK, "text/html; charset=utf-8", INDEX) })),
        ("/healthz", any(|| async { answer(StatusCode::OK, TEXT, "ok\n") })),
        ("/metrics", any(metrics_text)),
        ("/api/v1/stats", any(stats)),
        ("/api/v1/history", any(history)),
        ("/api/v1/range", any(range)),
        ("/api/v1/metrics", any(metrics)),
        ("/api/v1/alerts", any(alerts)),
        ("/api/v1/stream", any(stream)),
        ("/api/v1/profile", any(profile)),
        ("/api/v1/operations", any(operations)),
        ("/api/v1/about", any(about)),
        ("/profile", any(profile_page)),
        ("/api/v1/openapi.json", any(|| async { answer(StatusCode::OK, JSON, OPENAPI) })),
    ]
}

/// Every route, behind the guard.
pub(crate) fn router(served: Served, guard: Guard) -> Router {
    let files = FILES.map(|file| (file.path, any(move || async move { file.answer() })));
    let routes = paths().into_iter().chain(files);
    routes
        .fold(Router::new(), |routes, (path, route)| routes.route(path, route))
        .fallback(|| async {
            let names = paths().map(|(path, _)| path).join(", ");
            refusal(StatusCode::NOT_FOUND, &format!("there is nothing here; there is /, {names}"))
        })
        .with_state(served)
        .layer(from_fn_with_state(Room::default(), held))
        .layer(from_fn_with_state(Arc::new(guard), stand))
}

pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// `{"error": why}`.
pub(crate) fn refusal(status: StatusCode, why: &str) -> Response {
    answer(status, JSON, json!({ "error": why }).to_string())
}

/// The refusal of what may be had a little later.
pub(crate) fn busy(why: &str) -> Response {
    let mut busy = refusal(StatusCode::SERVICE_UNAVAILABLE, why);
    busy.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    busy
}

/// What takes long to make, on a thread where nobody else waits to be answered. The turn ends with it, be the client there
/// or not.
pub(crate) async fn made_elsewhere<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    what: &str,
    make: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Response> {
    let made = tokio::task::spawn_blocking(move || {
        let made = make();
        drop(turn);
        made
    });
    let failed = |_| refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("the {what} could not be made"));
    made.await.map_err(failed)
}

async fn metrics_text(State(served): State<Served>, request: Request) -> Response {
    let accept = request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let core = served.0.monitor.core();
    let health = served.0.monitor.health();
    let mut answer = match accepted::scrape(&accept.collect::<Vec<_>>().join(",")) {
        Scrape::Text(format) => answer(StatusCode::OK, format.content_type(), core.exposition(&health, format)),
        Scrape::Protobuf => answer(StatusCode::OK, PROTOBUF_CONTENT_TYPE, core.exposition_protobuf(&health)),
    };
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    answer
}

async fn stats(State(served): State<Served>) -> Response {
    match served.0.monitor.core().latest_stats() {
        Some(stats) => answer(StatusCode::OK, JSON, sample_json(&stats)),
        None => refusal(StatusCode::SERVICE_UNAVAILABLE, "there is no sample yet: is the monitor started?"),
    }
}

async fn history(State(served): State<Served>, uri: Uri) -> Response {
    let page = Page::of(uri.query().unwrap_or_default()).and_then(|page| {
        // One more than is shown says whether there are more.
        let rows = served.0.monitor.core().history_page(page.start, page.end, page.limit + 1);
        rows.map(|rows| (page.limit, rows)).map_err(|error| error.to_string())
    });
    let (limit, rows) = match page {
        Ok(page) => page,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, &why),
    };
    let samples: Vec<String> = rows.iter().take(limit).map(|row| sample_json(&SystemStats::from(row))).collect();
    let next = rows.get(limit).map(|row| SystemStats::from(row).timestamp);
    let body = format!("{{\"samples\":[{}],\"next_start\":{}}}", samples.join(","), json!(next));
    answer(StatusCode::OK, JSON, body)
}

/// Which samples somebody asks for.
#[derive(Debug, PartialEq)]
struct Page {
    start: Option<f64>,
    end: Option<f64>,
    limit: usize,
}

impl Page {
    fn of(query: &str) -> Result<Self, String> {
        let mut page = Self { start: None, end: None, limit: USUAL_SAMPLES };
        // Decoded, since clients are free to write a plus of 1e+9 as %2B, and anything else so too.
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "start" => page.start = Some(parsed(&name, &value, "seconds since the epoch")?),
                "end" => page.end = Some(parsed(&name, &value, "seconds since the epoch")?),
                "limit" => {
                    let accepted = format!("a whole number from 1 to {MOST_SAMPLES}");
                    page.limit = parsed(&name, &value, &accepted)?;
                    if !(1..=MOST_SAMPLES).contains(&page.limit) {
                        return Err(format!("limit must be {accepted}, got {}", page.limit));
                    }
                }
                _ => return Err("there is no such parameter: there are start, end and limit".to_owned()),
            }
        }
        Ok(page)
    }
}

pub(crate) fn parsed<T: FromStr>(name: &str, value: &str, accepted: impl Display) -> Result<T, String> {
    // Foreign text is cut; JSON escapes the rest.
    value.parse().map_err(|_| {
        let shown: String = value.chars().take(40).collect();
        format!("{name} must be {accepted}, got {shown:?}")
    })
}

async fn metrics(State(served): State<Served>) -> Response {
    answer(StatusCode::OK, JSON, metrics_json(&served.0.monitor.snapshot()).to_string())
}

async fn alerts(State(served): State<Served>) -> Response {
    answer(StatusCode::OK, JSON, alerts_json(&served.0.monitor.snapshot()).to_string())
}

async fn stream(
    State(served): State<Served>,
    Extension(connection): Extension<Arc<Connection>>,
    method: Method,
) -> Response {
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        match served.0.streams.join(connection) {
            Some(events) => Body::new(events),
            None => {
                return refusal(StatusCode::SERVICE_UNAVAILABLE, "there are as many streams as there may be: 32");
            }
        }
    };
    answer(StatusCode::OK, "text/event-stream", body)
}

async fn profile(State(served): State<Served>, uri: Uri) -> Response {
    served.0.profiles.answer(uri.query().unwrap_or_default()).await
}

async fn profile_page(State(served): State<Served>) -> Response {
    served.0.profiles.page().await
}

async fn operations(State(served): State<Served>) -> Response {
    served.0.profiles.operations().await
}

async fn about(State(served): State<Served>) -> Response {
    let about = about_json(served.0.monitor.core(), served.0.profiles.there_are());
    answer(StatusCode::OK, JSON, about.to_string())
}

async fn range(State(served): State<Served>, uri: Uri) -> Response {
    let (monitor, query) = (Arc::clone(&served.0.monitor), uri.query().unwrap_or_default().to_owned());
    // One after the other: a second page waits its turn.
    let Ok(turn) = Arc::clone(&served.0.ranges).acquire_owned().await else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "the server ends");
    };
    let told = move || range_json(monitor.core(), &query).map(|range| range.to_string());
    match made_elsewhere(turn, "answer", told).await {
        Ok(Ok(range)) => answer(StatusCode::OK, JSON, range),
        Ok(Err(why)) => refusal(StatusCode::BAD_REQUEST, &why),
        Err(refusal) => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::{FILES, INDEX, OPENAPI, Page, paths};

    /// No path is there and not described, or described and not there.
    #[test]
    fn the_descriptions_name_every_path() {
        let described: serde_json::Value = serde_json::from_str(OPENAPI).expect("JSON");
        let mut described: Vec<_> = described["paths"].as_object().expect("paths").keys().cloned().collect();
        let mut routed: Vec<_> = paths().map(|(path, _)| path.to_owned()).into();
        routed.push(FILES[0].path.to_owned());
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
        for path in &routed {
            assert!(
                INDEX.contains(&format!("href=\"{}\"", if path == "/" { "./" } else { &path[1..] })),
                "{path} is not on the page"
            );
        }
        for active in ["<script", "<style", "style=", "http:", "https:", " on"] {
            assert!(!INDEX.contains(active), "{active:?}: the policy of every answer forbids it");
        }
    }

    #[test]
    fn a_page_is_what_was_asked_for_or_refused_in_words() {
        let page = |start, end, limit| Ok(Page { start, end, limit });
        assert_eq!(Page::of(""), page(None, None, 100));
        assert_eq!(Page::of("start=1.5&end=2e9&limit=1000"), page(Some(1.5), Some(2e9), 1_000));
        assert_eq!(Page::of("&%73tart=%31.5&end=-2e%2B9&"), page(Some(1.5), Some(-2e9), 100));
        let refused = |query| Page::of(query).expect_err(query);
        assert_eq!(refused("limit=0"), "limit must be a whole number from 1 to 1000, got 0");
        assert_eq!(refused("limit=1001"), "limit must be a whole number from 1 to 1000, got 1001");
        assert_eq!(refused("limit=-1"), "limit must be a whole number from 1 to 1000, got \"-1\"");
        assert_eq!(refused("start=now"), "start must be seconds since the epoch, got \"now\"");
        assert_eq!(refused("begin=1"), "there is no such parameter: there are start, end and limit");
        assert!(refused(&format!("end={}", "x".repeat(9_000))).len() < 100);
    }
}
