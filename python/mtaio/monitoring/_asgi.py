"""``MonitoringMiddleware``: a trace and the metrics of every request of an ASGI application.

It knows the protocol and no framework. Names, labels and their values are those of OpenTelemetry's conventions for HTTP
servers, so that dashboards made for these fit.

Long because a request can end in a dozen ways, which are read together.
"""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from . import _loop
from ._errors import ConfigurationError, ConfigurationTypeError
from ._monitor import ResourceMonitor
from ._native import Gauge, Histogram, Trace
from ._profiler import Profiler
from ._routes import route_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DURATION = "http.server.request.duration"
ACTIVE = "http.server.active_requests"

#: What the conventions advise.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
#: Methods are the client's words: of any other there is no end.
METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"))
OTHER_METHOD = "_OTHER"
SCHEMES = frozenset(("http", "https"))

#: ``error.type`` where there is neither an exception nor a status that says it.
CLIENT_GONE = "client_disconnected"
NO_RESPONSE = "no_response"
INCOMPLETE = "incomplete_response"

#: Characters of a path, or of a method that nobody knows, that a trace carries.
LONGEST_TEXT = 256
#: Handles and names that are kept for the next request; what is beyond is looked up each time.
MOST_KEPT = 2_000

#: Where a request's scope says who watches it already.
WATCHED_BY = "mtaio.monitoring"

_LOGGER = logging.getLogger("mtaio.monitoring")


class ServerError(Exception):
    """How the trace of a request ends that was answered with 500 or more, and raised nothing."""


class MonitoringMiddleware:
    """Measures every HTTP request of an ASGI application, and traces it.

    In FastAPI and Starlette ``app.add_middleware(MonitoringMiddleware, monitor=monitor, profiler=profiler)``; any
    other application is wrapped: ``app = MonitoringMiddleware(app, monitor=monitor, profiler=profiler)``. What the
    application is called with and what it sends goes through as it is, and no body is held. WebSockets and the
    lifespan go through untouched.

    Into the monitor it records, as OpenTelemetry's conventions have it,

    - ``http.server.request.duration``: a histogram in seconds, until the last part of the response was sent, with
      the labels ``http.request.method``, ``url.scheme``, ``http.route``, ``http.response.status_code`` and, where it
      failed, ``error.type``: the exception, or the status from 500 on, or ``client_disconnected``, ``no_response``,
      ``incomplete_response``;
    - ``http.server.active_requests``: how many are under way, with the method and the scheme.

    The route is the template (``/items/{id}``), never the path. Where nothing matched there is none; a method that
    nobody knows is ``_OTHER``.

    In the profiler each request is a trace ``GET /items/{id}`` with what is above and the path (the first 256
    characters; not the query, where secrets are) as metadata. What the application traces meanwhile is below it. It
    ends with the response: background tasks that run after it are no part of it. Until the application first
    receives or sends something, the trace is named by the method alone, since its route is not known.

    An application that both it and one around it watch with the same monitor and profiler is counted once.

    Args:
        app: The application.
        monitor: Where the metrics go; None for no metrics.
        profiler: Where the traces go; None for no traces.
        route: Gives the template of a request's route out of its scope, after it was routed, for a framework that
            leaves it elsewhere than Starlette, FastAPI and Litestar do. It must be of low cardinality. None for no
            route.

    Raises:
        ConfigurationError: Neither a monitor nor a profiler; or the monitor has metrics of these names that are others.
        ConfigurationTypeError: An argument of another type.

    Example:
        >>> import asyncio
        >>> from mtaio.monitoring import MonitoringMiddleware, ResourceMonitor
        >>> async def hello(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 200, "headers": []})
        ...     await send({"type": "http.response.body", "body": b"hello"})
        >>> monitor = ResourceMonitor()
        >>> app = MonitoringMiddleware(hello, monitor=monitor)
        >>> async def nothing(*message): ...
        >>> asyncio.run(app({"type": "http", "method": "GET", "scheme": "http", "path": "/"}, nothing, nothing))
        >>> monitor.query('http.server.request.duration{http.response.status_code="200"}:count')
        1.0
    """

    def __init__(
        self,
        app: Application,
        *,
        monitor: ResourceMonitor | None = None,
        profiler: Profiler | None = None,
        route: Callable[[Scope], str | None] | None = None,
    ) -> None:
        """See the class."""
        if not callable(app):
            raise ConfigurationTypeError(f"app must be an ASGI application, got {type(app).__name__} {app!r}")
        if monitor is not None and not isinstance(monitor, ResourceMonitor):
            raise ConfigurationTypeError(
                f"monitor must be a ResourceMonitor or None, got {type(monitor).__name__} {monitor!r}"
            )
        if profiler is not None and not isinstance(profiler, Profiler):
            raise ConfigurationTypeError(
                f"profiler must be a Profiler or None, got {type(profiler).__name__} {profiler!r}"
            )
        if route is not None and not callable(route):
            raise ConfigurationTypeError(
                f"route must be a function of the scope or None, got {type(route).__name__} {route!r}"
            )
        if monitor is None and profiler is None:
            raise ConfigurationError("MonitoringMiddleware needs a monitor, a profiler or both, got neither")
        self.app = app
        self._monitor = monitor
        self._profiler = profiler if profiler is not None and profiler.enabled else None
        self._route = route or route_of
        self._duration: Histogram | None = None
        self._active: Gauge | None = None
        if monitor is not None:
            self._duration = monitor.histogram(DURATION, "s", "Duration of HTTP server requests.", BOUNDS)
            self._active = monitor.gauge(ACTIVE, "{request}", "Number of active HTTP server requests.")
        self._durations: dict[_Series, Histogram] = {}
        self._actives: dict[tuple[str, str], Gauge] = {}
        self._names: dict[tuple[str, str | None], str] = {}
        self._has_complained = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, a WebSocket or the lifespan."""
        request = self._begin(scope, receive, send) if scope.get("type") == "http" else None
        if request is None:
            await self.app(scope, receive, send)
        elif request.profiler is None:
            await request.run(self.app)
        else:
            # The clock tells the trace how long it ran, and how long it waited.
            await request.profiler._mtaio_clocked(request.run(self.app))

    def _begin(self, scope: Scope, receive: Receive, send: Send) -> "_Request | None":
        """The request to watch; None where somebody else does already."""
        try:
            watched = scope.get(WATCHED_BY, ())
            measures, traces = self._monitor is not None, self._profiler
            for one in watched:
                measures = measures and one is not self._monitor
                traces = None if one is traces else traces
            if not measures and traces is None:
                return None
            request = _Request(self, scope, receive, send, measures, traces, watched)
            scope[WATCHED_BY] = (*watched, self._monitor, self._profiler)
        except Exception:
            self.complain()
            return None
        return request

    def complain(self) -> None:
        """Says once that it fails; the request goes on."""
        if not self._has_complained:
            self._has_complained = True
            _LOGGER.exception("a request could not be watched; this is said once")

    def route(self, scope: Scope) -> str | None:
        """The route that a request took; None where that is not known, or no template."""
        try:
            found = self._route(scope)
        except Exception:
            self.complain()
            return None
        return found if isinstance(found, str) else None

    def name(self, method: str, route: str | None) -> str:
        """The name of a trace: always the same object, which is quicker to record."""
        key = (method, route)
        name = self._names.get(key)
        if name is None:
            # The conventions' word for a method that nobody knows.
            shown = "HTTP" if method == OTHER_METHOD else method
            name = shown if route is None else f"{shown} {route}"
            if len(self._names) < MOST_KEPT:
                self._names[key] = name
        return name

    def active(self, method: str, scheme: str) -> Gauge:
        """The series of requests of this sort that are under way."""
        key = (method, scheme)
        series = self._actives.get(key)
        if series is None:
            assert self._active is not None
            series = self._active.labels({"http.request.method": method, "url.scheme": scheme})
            self._actives[key] = series
        return series

    def duration(self, key: "_Series") -> Histogram:
        """The series of requests that went like this."""
        series = self._durations.get(key)
        if series is None:
            assert self._duration is not None
            series = self._duration.labels(_labels(key))
            if len(self._durations) < MOST_KEPT:
                self._durations[key] = series
        return series


#: Method, scheme, route, status, error.
_Series = tuple[str, str, str | None, int | None, str | None]


def _labels(key: _Series) -> dict[str, str | int]:
    method, scheme, route, status, error = key
    labels: dict[str, str | int] = {"http.request.method": method, "url.scheme": scheme}
    if route is not None:
        labels["http.route"] = route
    if status is not None:
        labels["http.response.status_code"] = status
    if error is not None:
        labels["error.type"] = error
    return labels


class _Request:
    """One request, from the application's call until its response was sent."""

    __slots__ = (
        "_active",
        "_error",
        "_expects_trailers",
        "_has_route",
        "_is_gone",
        "_is_over",
        "_is_sent",
        "_measures",
        "_method",
        "_middleware",
        "_receive",
        "_scheme",
        "_scope",
        "_seconds",
        "_send",
        "_started",
        "_status",
        "_trace",
        "_watched",
        "profiler",
    )

    def __init__(
        self,
        middleware: MonitoringMiddleware,
        scope: Scope,
        receive: Receive,
        send: Send,
        measures: bool,
        profiler: Profiler | None,
        watched: tuple[object, ...],
    ) -> None:
        """A request that has not begun."""
        self._middleware = middleware
        self._scope, self._receive, self._send = scope, receive, send
        self._measures, self._watched = measures, watched
        self.profiler = profiler
        method, scheme = scope.get("method"), scope.get("scheme", "http")
        self._method: str = method if method in METHODS else OTHER_METHOD
        self._scheme: str = scheme if scheme in SCHEMES else "http"
        self._active: Gauge | None = middleware.active(self._method, self._scheme) if measures else None
        self._trace: Trace | None = None
        self._status: int | None = None
        self._error: BaseException | None = None
        self._seconds: float | None = None
        self._expects_trailers = self._is_sent = self._is_gone = self._is_over = self._has_route = False
        self._started = 0.0

    async def run(self, app: Application) -> None:
        """Has the application serve it."""
        self._begin()
        try:
            await app(self._scope, self._hand_in, self._hand_out)
        except BaseException as error:
            self._returned(error)
            raise
        else:
            self._returned(None)

    def _begin(self) -> None:
        self._started = _loop.seconds()
        try:
            if self._active is not None:
                self._active.add(1)
            if self.profiler is not None:
                path = str(self._scope.get("path", ""))
                known = {
                    "http.request.method": self._method,
                    "url.scheme": self._scheme,
                    "url.path": path[:LONGEST_TEXT],
                }
                if self._method == OTHER_METHOD:
                    known["http.request.method_original"] = str(self._scope.get("method"))[:LONGEST_TEXT]
                name = self._middleware.name(self._method, None)
                self._trace = self.profiler.trace_context(name, known)
                self._trace.__enter__()
        except Exception:
            self._middleware.complain()

    async def _hand_in(self) -> Message:
        if not self._has_route:
            self._look_for_route()
        message = await self._receive()
        if _kind(message) == "http.disconnect":
            self._is_gone = True
        return message

    async def _hand_out(self, message: Message) -> None:
        ends = not self._is_sent and self._notes(message)
        try:
            await self._send(message)
        except OSError:
            # So a server says that the client has gone.
            self._is_gone = True
            raise
        if ends:
            self._sent()

    def _notes(self, message: Message) -> bool:
        """Keeps what a message says, and tells whether the response ends with it."""
        kind = _kind(message)
        if kind == "http.response.body":
            return not message.get("more_body") and not self._expects_trailers
        if kind == "http.response.start":
            status = message.get("status")
            self._status = int(status) if isinstance(status, int) else None
            self._expects_trailers = bool(message.get("trailers"))
            if not self._has_route:
                self._look_for_route()
            return False
        if kind == "http.response.trailers":
            return not message.get("more_trailers")
        if kind == "http.response.zerocopysend":
            return not message.get("more_body") and not self._expects_trailers
        return kind == "http.response.pathsend" and not self._expects_trailers

    def _look_for_route(self) -> None:
        """Gives the trace its name, once that is known: whoever looks at what is open sees it then."""
        if self._trace is None:
            return
        route = self._middleware.route(self._scope)
        if route is not None:
            self._has_route = True
            self._trace.name = self._middleware.name(self._method, route)

    def _sent(self) -> None:
        self._is_sent = True
        self._seconds = _loop.seconds() - self._started
        if self._status is None or self._status < 500:
            self._finish()
        else:
            # An application around whose errors the framework puts a page raises them after it.
            self._leave()

    def _returned(self, error: BaseException | None) -> None:
        if self._seconds is None:
            self._seconds = _loop.seconds() - self._started
        self._error = error
        if not self._is_over:
            self._finish()
        if self._watched:
            self._scope[WATCHED_BY] = self._watched
        else:
            self._scope.pop(WATCHED_BY, None)

    def _leave(self) -> None:
        """It is under way no more."""
        active, self._active = self._active, None
        if active is not None:
            active.add(-1)

    def _finish(self) -> None:
        """Records it, once."""
        self._is_over = True
        try:
            self._leave()
            route = self._middleware.route(self._scope)
            status, reason, shown = self._judge()
            if self._measures:
                key = (self._method, self._scheme, route, status, reason)
                assert self._seconds is not None
                self._middleware.duration(key).record(self._seconds)
            if self._trace is not None:
                self._end_trace(self._trace, route, status, reason, shown)
        except Exception:
            self._middleware.complain()

    def _judge(self) -> tuple[int | None, str | None, BaseException | None]:
        """The status, the type of the error, and what the trace ends with."""
        status, error = self._status, self._error
        if self._is_sent:
            if status is None or status < 500:
                return status, None, None
            if error is None:
                return status, str(status), ServerError(str(status))
            return status, _type_name(error), error
        if self._is_gone and (error is None or _is_of_gone_client(error)):
            return status, CLIENT_GONE, _loop.Cancelled()
        if error is None:
            reason = NO_RESPONSE if status is None else INCOMPLETE
            # What a server answers instead.
            return status or 500, reason, ServerError(reason)
        if status is None and isinstance(error, Exception):
            status = 500
        return status, _type_name(error), error

    def _end_trace(
        self, trace: Trace, route: str | None, status: int | None, reason: str | None, error: BaseException | None
    ) -> None:
        known = trace.metadata
        if route is not None:
            trace.name = self._middleware.name(self._method, route)
            known["http.route"] = route
        if status is not None:
            known["http.response.status_code"] = status
        if reason is not None:
            known["error.type"] = reason
        trace._end(error)


def _kind(message: Any) -> object:
    # What is no message, whoever gets it says.
    return message.get("type") if isinstance(message, MutableMapping) else None


def _is_of_gone_client(error: BaseException) -> bool:
    return isinstance(error, (OSError, _loop.Cancelled)) or type(error).__name__ == "ClientDisconnect"


def _type_name(error: BaseException) -> str:
    """As OpenTelemetry has it: with its module, unless that is Python's own."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
