//! Requests of tower services: what the layer makes of them, under axum and by hand.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{MatchedPath, Path};
use axum::routing::get;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use mtaio_monitoring::clock::{Clock, ManualClock};
use mtaio_monitoring::monitor::{Config, Monitored, MonitoringLayer};
use mtaio_monitoring::{MonitoringError, Profile, Profiler, ResourceMonitor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service, ServiceExt, service_fn};

const DURATION: &str = "http.server.request.duration";
const LABELS: [&str; 4] = ["http.request.method", "http.route", "http.response.status_code", "error.type"];

struct Watch {
    monitor: ResourceMonitor,
    profiler: Profiler,
    time: Arc<ManualClock>,
}

impl Watch {
    fn new() -> Self {
        let (clock, time) = Clock::manual();
        let profiler = Profiler::with_clock(1000, &clock);
        let monitor = ResourceMonitor::new(Config::default().with_clock(clock));
        Self { monitor, profiler, time }
    }

    fn layer(&self) -> MonitoringLayer {
        MonitoringLayer::new(&self.monitor, &self.profiler).expect("nobody else has these names")
    }

    /// Each sort of request, `GET /items/{id} 200`, and how many there were.
    fn sorts(&self) -> Vec<String> {
        let by = format!("{DURATION}:count by ({})", LABELS.join(", "));
        let found = self.monitor.query_by(&by, 3600.0).expect("an expression");
        let mut sorts: Vec<_> = found
            .into_iter()
            .map(|(labels, count)| {
                let shown: Vec<_> = LABELS.iter().filter_map(|name| labels.get(name)).collect();
                format!("{} x{}", shown.join(" "), count.unwrap_or(0.0))
            })
            .collect();
        sorts.sort();
        sorts
    }

    fn active(&self) -> f64 {
        self.monitor.metric("http.server.active_requests").expect("declared")
    }

    fn profile(&self) -> Profile {
        self.profiler.profile()
    }
}

fn request(method: Method, path: &str) -> Request<Empty<&'static [u8]>> {
    Request::builder().method(method).uri(path).body(Empty::new()).expect("a request")
}

/// A body that gives its parts one by one, and looks at what was recorded before each.
struct Parts<F> {
    left: u32,
    before_each: F,
}

impl<F: FnMut(u32) -> Option<io::Error> + Unpin> http_body::Body for Parts<F> {
    type Data = &'static [u8];
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, io::Error>>> {
        let left = self.left;
        if let Some(error) = (self.before_each)(left) {
            return Poll::Ready(Some(Err(error)));
        }
        if left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(http_body::Frame::data(b"part"))))
    }
}

#[tokio::test]
async fn a_request_is_a_trace_and_a_duration() {
    let watch = Watch::new();
    let (time, profiler) = (Arc::clone(&watch.time), watch.profiler.clone());
    let service = watch.layer().layer(service_fn(move |_: Request<Empty<&'static [u8]>>| {
        time.advance(0.25);
        let query = profiler.trace("query", async {});
        async move {
            query.await;
            Ok::<_, Infallible>(Response::new(Full::new(&b"all of it"[..])))
        }
    }));
    let response = service.oneshot(request(Method::GET, "/items/7?token=secret")).await.expect("infallible");
    assert_eq!(watch.active(), 1.0);
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "all of it");
    assert_eq!((watch.active(), watch.sorts()), (0.0, vec!["GET 200 x1".to_owned()]));
    assert_eq!(watch.monitor.query(&format!("{DURATION}:max"), 60.0), Ok(Some(0.25)));
    let profile = watch.profile();
    let traces: Vec<_> = profile.traces().collect();
    assert_eq!((traces[0].name(), traces[0].status().name()), ("GET", "ok"));
    assert_eq!(traces[0].metadata()["url.path"], "/items/7");
    assert_eq!(traces[0].metadata()["http.response.status_code"], 200);
    assert_eq!((traces[1].name(), traces[1].parent_id()), ("query", Some(traces[0].trace_id())));
}

#[tokio::test]
async fn it_lasts_until_the_last_part_of_the_body() {
    let watch = Watch::new();
    let (time, profiler, monitor) = (Arc::clone(&watch.time), watch.profiler.clone(), watch.monitor.clone());
    let service = watch.layer().layer(service_fn(move |_: Request<Empty<&'static [u8]>>| {
        let (time, profiler, monitor) = (Arc::clone(&time), profiler.clone(), monitor.clone());
        let before_each = move |_: u32| {
            assert_eq!(monitor.metric("http.server.active_requests"), Ok(1.0));
            let _part = profiler.enter("part");
            time.advance(1.0);
            None
        };
        async move { Ok::<_, Infallible>(Response::new(Parts { left: 3, before_each })) }
    }));
    let response = service.oneshot(request(Method::POST, "/")).await.expect("infallible");
    assert_eq!(watch.sorts(), Vec::<String>::new());
    response.into_body().collect().await.expect("a body");
    assert_eq!((watch.active(), watch.sorts()), (0.0, vec!["POST 200 x1".to_owned()]));
    assert_eq!(watch.monitor.query(&format!("{DURATION}:max"), 60.0), Ok(Some(4.0)));
    let profile = watch.profile();
    let root = profile.traces().find(|trace| trace.name() == "POST").expect("a trace").trace_id();
    let parts: Vec<_> = profile.traces().filter(|trace| trace.name() == "part").collect();
    assert_eq!(parts.len(), 4);
    assert!(parts.iter().all(|part| part.parent_id() == Some(root)));
}

#[tokio::test]
async fn what_fails_or_is_given_up() {
    let watch = Watch::new();
    let layer = watch.layer();
    let fails = layer.layer(service_fn(async |_: Request<Empty<&'static [u8]>>| {
        Err::<Response<Empty<&'static [u8]>>, _>(io::Error::other("no"))
    }));
    fails.oneshot(request(Method::GET, "/")).await.expect_err("it fails");

    let waits = layer.layer(service_fn(async |_: Request<Empty<&'static [u8]>>| {
        std::future::pending::<Result<Response<Empty<&'static [u8]>>, Infallible>>().await
    }));
    let mut waiting = Box::pin(waits.oneshot(request(Method::GET, "/")));
    assert!(futures_poll(waiting.as_mut()).await.is_pending());
    assert_eq!(watch.active(), 1.0);
    drop(waiting);

    let breaks = |at: u32| {
        layer.layer(service_fn(move |_: Request<Empty<&'static [u8]>>| {
            let before_each = move |left: u32| (left == at).then(|| io::Error::other("broken"));
            async move { Ok::<_, Infallible>(Response::new(Parts { left: 3, before_each })) }
        }))
    };
    let response = breaks(1).oneshot(request(Method::GET, "/")).await.expect("infallible");
    response.into_body().collect().await.map(drop).expect_err("it breaks");
    let mut left = breaks(9).oneshot(request(Method::GET, "/")).await.expect("infallible").into_body();
    left.frame().await.expect("a part").expect("a part");
    drop(left);

    let status = |status: StatusCode| {
        layer.layer(service_fn(move |_: Request<Empty<&'static [u8]>>| async move {
            let mut response = Response::new(Full::new(&b"sorry"[..]));
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }))
    };
    let all = |response: Response<_>| BodyExt::collect(response.into_body());
    all(status(StatusCode::SERVICE_UNAVAILABLE).oneshot(request(Method::GET, "/")).await.expect("infallible"))
        .await
        .expect("a body");
    // Of these nobody asks for the body.
    drop(status(StatusCode::NO_CONTENT).oneshot(request(Method::GET, "/")).await);
    drop(status(StatusCode::OK).oneshot(request(Method::HEAD, "/")).await);

    let panics = layer.layer(service_fn(async |_: Request<Empty<&'static [u8]>>| {
        if true {
            panic!("on purpose");
        }
        Ok::<_, Infallible>(Response::new(Empty::<&'static [u8]>::new()))
    }));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let panicked = tokio::spawn(panics.oneshot(request(Method::GET, "/"))).await;
    std::panic::set_hook(hook);
    assert!(panicked.is_err_and(|error| error.is_panic()));

    assert_eq!(
        watch.sorts(),
        [
            "GET 200 incomplete_response x1",
            "GET 200 std::io::error::Error x1",
            "GET 204 x1",
            "GET 503 503 x1",
            "GET cancelled x1",
            "GET panic x1",
            "GET std::io::error::Error x1",
            "HEAD 200 x1",
        ]
    );
    assert_eq!(watch.active(), 0.0);
    let profile = watch.profile();
    let mut statuses: Vec<_> = profile.traces().map(|trace| trace.status().name()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["cancelled", "cancelled", "error", "error", "error", "error", "ok", "ok"]);
}

/// Polls once.
async fn futures_poll<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn what_clients_choose_is_bounded() {
    let watch = Watch::new();
    let mut service: Monitored<_> = watch.layer().layer(service_fn(async |_: Request<Empty<&'static [u8]>>| {
        Ok::<_, Infallible>(Response::new(Empty::<&'static [u8]>::new()))
    }));
    for number in 0..1500 {
        let method = Method::from_bytes(format!("M{number}").as_bytes()).expect("a method");
        let path = format!("/{number}{}", "ü".repeat(200));
        let path: String = path.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let response = service.ready().await.expect("ready").call(request(method, &format!("/{path}"))).await;
        drop(response);
    }
    assert_eq!(watch.sorts(), ["_OTHER 200 x1500"]);
    let profile = watch.profile();
    assert!(profile.traces().all(|trace| trace.name() == "HTTP"));
    let longest = profile.traces().map(|trace| trace.metadata()["url.path"].as_str().map_or(0, str::len)).max();
    assert_eq!(longest, Some(256));
}

#[test]
fn other_metrics_of_these_names_are_told() {
    let monitor = ResourceMonitor::default();
    monitor.counter(DURATION, "s", "").expect("a counter");
    let refused = MonitoringLayer::new(&monitor, &Profiler::disabled());
    assert!(matches!(refused, Err(MonitoringError::Configuration { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_disabled_profiler_traces_nothing() {
    let monitor = ResourceMonitor::default();
    let layer = MonitoringLayer::new(&monitor, &Profiler::disabled()).expect("a layer");
    let service = layer.layer(service_fn(async |_: Request<Empty<&'static [u8]>>| {
        Ok::<_, Infallible>(Response::new(Empty::<&'static [u8]>::new()))
    }));
    service.oneshot(request(Method::GET, "/")).await.expect("infallible");
    assert_eq!(monitor.query(&format!("{DURATION}:count"), 60.0), Ok(Some(1.0)));
}

#[tokio::test]
async fn routes_of_axum_under_its_server() {
    let watch = Watch::new();
    let layer = watch.layer().route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    let profiler = watch.profiler.clone();
    let item = move |Path(item): Path<u32>| {
        profiler.trace("load", async move {
            if item == 0 { Err(StatusCode::INTERNAL_SERVER_ERROR) } else { Ok(item.to_string()) }
        })
    };
    let inner = Router::new().route("/deep/{number}", get(async |Path(number): Path<(String, u32)>| number.0));
    let app = Router::new().route("/items/{item}", get(item)).nest("/of/{tenant}", inner).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let asks = [
        ("GET", "/items/7", "200"),
        ("GET", "/items/8", "200"),
        ("GET", "/items/0", "500"),
        ("GET", "/items/x", "400"),
        ("POST", "/items/7", "405"),
        ("HEAD", "/items/7", "200"),
        ("GET", "/of/acme/deep/3", "200"),
        ("GET", "/nowhere", "404"),
    ];
    for (method, path, status) in asks {
        let mut connection = TcpStream::connect(address).await.expect("the server listens");
        let text = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        connection.write_all(text.as_bytes()).await.expect("it listens");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.expect("it answers");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {answer}");
    }
    server.abort();
    assert_eq!(
        watch.sorts(),
        [
            "GET /items/{item} 200 x2",
            "GET /items/{item} 400 x1",
            "GET /items/{item} 500 500 x1",
            "GET /of/{tenant}/deep/{number} 200 x1",
            "GET 404 x1",
            "HEAD /items/{item} 200 x1",
            "POST /items/{item} 405 x1",
        ]
    );
    let profile = watch.profile();
    let load = profile.traces().find(|trace| trace.name() == "load").expect("a trace");
    let parent = profile.traces().find(|trace| Some(trace.trace_id()) == load.parent_id()).expect("its parent");
    assert_eq!(parent.name(), "GET /items/{item}");
}
