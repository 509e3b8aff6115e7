//! The layer, the service that it makes, and the future of a response.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Extensions, Method, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::error;
use crate::monitor::ResourceMonitor;
use crate::profiler::Profiler;

use super::body::{MonitoredBody, ends};
use super::request::{Answer, Request, Watch};
use super::series::Series;

/// Where the route of a request is found.
type RouteOf = dyn Fn(&Extensions) -> Option<&str> + Send + Sync;

/// A layer of tower that measures every request of a service, and traces it.
///
/// Into the monitor it records, as OpenTelemetry's conventions have it, `http.server.request.duration` (a histogram in
/// seconds, until the last part of the response was made) with the labels `http.request.method`, `url.scheme`,
/// `http.route`, `http.response.status_code` and, where it failed, `error.type`; and `http.server.active_requests`. In the
/// profiler each request is a trace `GET /items/{id}`, with what is above and the path (its first 256 bytes; not the query,
/// where secrets are) as metadata; what the service and its body trace is below it.
///
/// The route is the template, never the path: [`Self::route`] says where the router leaves it. A method that nobody knows
/// is `_OTHER`. `error.type` is the status from 500 on, the type of the service's or the body's error, `panic`, `cancelled`
/// for a future that was dropped, `incomplete_response` for a body that was.
///
/// A body that nobody asks for its end, since its length says it or since there is none (HEAD, 204, 304), ends there.
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use mtaio_monitoring::monitor::MonitoringLayer;
/// use mtaio_monitoring::{Profiler, ResourceMonitor};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # type Body = Empty<&'static [u8]>;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (monitor, profiler) = (ResourceMonitor::default(), Profiler::new());
/// let layer = MonitoringLayer::new(&monitor, &profiler)?;
/// // With axum: Router::new().route("/items/{id}", get(item)).layer(
/// //     layer.route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str)))
/// let service = ServiceBuilder::new().layer(layer).service(service_fn(async |_: Request<Body>| {
///     Ok::<_, std::convert::Infallible>(Response::new(Body::new()))
/// }));
/// service.oneshot(Request::get("/").body(Body::new())?).await?;
/// assert_eq!(monitor.query("http.server.request.duration:count", 60.0)?, Some(1.0));
/// assert_eq!(profiler.profile().traces().next().unwrap().name(), "GET");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MonitoringLayer {
    watch: Arc<Watch>,
    route: Option<Arc<RouteOf>>,
}

impl fmt::Debug for MonitoringLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MonitoringLayer").finish_non_exhaustive()
    }
}

impl MonitoringLayer {
    /// A layer that records into both. [`Profiler::disabled`] traces nothing.
    ///
    /// # Errors
    ///
    /// [`MonitoringError::Configuration`](crate::MonitoringError::Configuration) where the monitor has metrics of these
    /// names that are others.
    pub fn new(monitor: &ResourceMonitor, profiler: &Profiler) -> error::Result<Self> {
        let clock = monitor.inner.core.config().clock().clone();
        let watch = Watch { series: Series::new(monitor)?, profiler: profiler.clone(), clock };
        Ok(Self { watch: Arc::new(watch), route: None })
    }

    /// Says where the template of a request's route is found, when the layer is called: in axum, for a layer of the router,
    /// `|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str)`. It must be of low cardinality: `None` for a
    /// request that took no route.
    #[must_use]
    pub fn route<F>(mut self, route: F) -> Self
    where
        F: Fn(&Extensions) -> Option<&str> + Send + Sync + 'static,
    {
        self.route = Some(Arc::new(route));
        self
    }
}

impl<S> Layer<S> for MonitoringLayer {
    type Service = Monitored<S>;

    fn layer(&self, service: S) -> Monitored<S> {
        Monitored { service, layer: self.clone() }
    }
}

/// A service whose requests are measured and traced: see [`MonitoringLayer`].
#[derive(Clone, Debug)]
pub struct Monitored<S> {
    service: S,
    layer: MonitoringLayer,
}

impl<S, A, B> Service<http::Request<A>> for Monitored<S>
where
    S: Service<http::Request<A>, Response = Response<B>>,
    B: Body,
{
    type Response = Response<MonitoredBody<B>>;
    type Error = S::Error;
    type Future = MonitoredFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<A>) -> Self::Future {
        let route = self.layer.route.as_ref().and_then(|route| route(request.extensions()));
        let mut watched = Request::begin(&self.layer.watch, request.method(), request.uri(), route);
        let is_head = request.method() == Method::HEAD;
        let response = watched.work(|| self.service.call(request));
        MonitoredFuture { response, request: Some(watched), is_head }
    }
}

pin_project! {
    /// The response of a [`Monitored`] service that is to come.
    #[derive(Debug)]
    pub struct MonitoredFuture<F> {
        #[pin]
        response: F,
        request: Option<Request>,
        is_head: bool,
    }
}

impl<F, B, E> Future for MonitoredFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<MonitoredBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = match this.request.as_mut() {
            Some(request) => request.work(|| this.response.as_mut().poll(context)),
            None => this.response.as_mut().poll(context),
        };
        let response = ready!(polled);
        let mut request = this.request.take();
        Poll::Ready(match response {
            Ok(response) => {
                if let Some(request) = &mut request {
                    let status = response.status();
                    let has_none = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
                    let is_whole = *this.is_head || has_none || ends(response.body());
                    request.answered(Answer { status: status.as_u16(), is_whole });
                }
                Ok(response.map(|body| MonitoredBody::new(body, request)))
            }
            Err(error) => {
                if let Some(request) = &mut request {
                    request.failed(type_name::<E>());
                }
                Err(error)
            }
        })
    }
}
