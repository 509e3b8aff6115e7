//! Spans of `tracing` as traces, one picture a case.

use std::convert::Infallible;

use mtaio_monitoring::Profiler;
use mtaio_monitoring::clock::Clock;
use mtaio_monitoring::profiler::{Trace, TracingLayer};
use tower::ServiceExt as _;
use tower_http::trace::TraceLayer;
use tracing::instrument::WithSubscriber as _;
use tracing::{info_span, instrument};
use tracing_subscriber::layer::SubscriberExt as _;

use super::check;

fn dispatch(profiler: &Profiler) -> tracing::Dispatch {
    tracing::Dispatch::new(tracing_subscriber::registry().with(TracingLayer::new(profiler)))
}

#[instrument(fields(table = "users"))]
async fn query(rows: u64) -> u64 {
    tokio::task::yield_now().await;
    rows
}

#[instrument(skip_all, err)]
async fn handle(profiler: Profiler, fails: bool) -> Result<u64, String> {
    let rows = query(3).await;
    let sum = profiler.trace("sum", async { query(rows).await }).await;
    drop(profiler.enter("render"));
    if fails { Err("no such page".to_owned()) } else { Ok(sum) }
}

#[test]
fn instrumented_code_on_many_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let profiler = Profiler::new();
    let service = {
        let profiler = profiler.clone();
        async move {
            let tasks: Vec<_> = (0..50)
                .map(|number| {
                    let handled = profiler.trace("task", handle(profiler.clone(), number % 2 == 1));
                    tokio::spawn(handled.with_current_subscriber())
                })
                .collect();
            for task in tasks {
                let _handled = task.await.unwrap();
            }
        }
    };
    runtime.block_on(profiler.trace("service", service.with_subscriber(dispatch(&profiler))));
    let profile = profiler.profile();
    assert_eq!(profile.open_traces().len(), 0);
    assert_eq!(profile.traces().len(), 1 + 50 * 6);
    let service = profile.traces().find(|trace| trace.name() == "service").unwrap().trace_id();
    for handled in profile.traces().filter(|trace| trace.name() == "handle") {
        assert!(matches!(
            (handled.status().name(), handled.error()),
            ("ok", None) | ("error", Some("no such page"))
        ));
        let task = profile.traces().find(|trace| Some(trace.trace_id()) == handled.parent_id()).unwrap();
        assert_eq!((task.name(), task.parent_id()), ("task", Some(service)));
        let children: Vec<_> =
            profile.traces().filter(|trace| trace.parent_id() == Some(handled.trace_id())).collect();
        let mut names: Vec<_> = children.iter().map(Trace::name).collect();
        names.sort_unstable();
        assert_eq!(names, ["query", "render", "sum"]);
        let sum = children.iter().find(|trace| trace.name() == "sum").unwrap();
        let inner = profile.traces().find(|trace| trace.parent_id() == Some(sum.trace_id())).unwrap();
        assert_eq!((inner.name(), &inner.metadata()["table"]), ("query", &"users".into()));
        assert_eq!(inner.metadata()["rows"], 3);
    }
    assert_eq!(profile.metrics(Some("handle")).error_count, 25);
}

#[test]
fn a_span_runs_while_it_is_entered() {
    let (clock, hand) = Clock::manual();
    let profiler = Profiler::with_clock(10, &clock);
    tracing::dispatcher::with_default(&dispatch(&profiler), || {
        let span = info_span!("span", error = tracing::field::Empty);
        hand.advance(1.0);
        span.in_scope(|| {
            hand.advance(2.0);
            // Again inside itself: it runs but once.
            span.in_scope(|| hand.advance(4.0));
            drop(profiler.enter("native"));
        });
        hand.advance(8.0);
        span.record("error", "it failed");
    });
    let profile = profiler.profile();
    check(&profile, "span error\n  native ok");
    let span = profile.traces().next().unwrap();
    assert_eq!((span.duration(), span.run_time(), span.error()), (15.0, Some(6.0), Some("it failed")));
}

#[test]
fn two_profilers_keep_apart() {
    let (first, second) = (Profiler::new(), Profiler::new());
    let layers = tracing_subscriber::registry().with(TracingLayer::new(&first)).with(TracingLayer::new(&second));
    tracing::subscriber::with_default(layers, || {
        let _outer = info_span!("outer").entered();
        let root = info_span!(parent: None, "root");
        let _inner = info_span!(parent: &root, "inner").entered();
        drop(second.enter("native"));
    });
    check(&first.profile(), "outer ok\nroot ok\n  inner ok");
    check(&second.profile(), "outer ok\nroot ok\n  inner ok\n    native ok");
}

/// tower-http's spans, which nobody here wrote: what a web service of hyper and axum has.
#[tokio::test]
async fn requests_of_a_service_that_tower_http_traces() {
    let profiler = Profiler::new();
    let handler = {
        let profiler = profiler.clone();
        tower::service_fn(move |request: http::Request<String>| {
            let profiler = profiler.clone();
            async move {
                let rows = profiler.trace("query", query(request.body().len() as u64)).await;
                Ok::<_, Infallible>(http::Response::builder().header("rows", rows).body(String::new()).unwrap())
            }
        })
    };
    let service = tower::ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(handler);
    let requests = (0..20).map(|number| {
        let request = http::Request::get(format!("/users/{number}")).body("x".repeat(number)).unwrap();
        service.clone().oneshot(request).with_subscriber(dispatch(&profiler))
    });
    let tasks: Vec<_> = requests.map(tokio::spawn).collect();
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap().headers()["rows"], number.to_string());
    }
    let profile = profiler.profile();
    assert_eq!((profile.open_traces().len(), profile.traces().len()), (0, 20 * 3));
    for request in profile.traces().filter(|trace| trace.name() == "request") {
        assert_eq!((request.parent_id(), request.status().name()), (None, "ok"));
        let child = |of: &Trace<'_>| {
            let id = of.trace_id();
            profile.traces().find(|trace| trace.parent_id() == Some(id)).unwrap()
        };
        let traced = child(&request);
        let instrumented = child(&traced);
        assert_eq!((traced.name(), instrumented.name()), ("query", "query"));
        assert_eq!(request.metadata()["method"], "GET");
        let rows = &instrumented.metadata()["rows"];
        assert_eq!(request.metadata()["uri"], format!("/users/{rows}"));
    }
}
