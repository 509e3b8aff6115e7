"""What a monitor tells over HTTP."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from . import _native
from ._profiler import Profiler


class Server:
    r"""Answers until it is closed, or its monitor is stopped: what ``ResourceMonitor.serve`` gives.

    A native thread answers, whatever the event loop and the GIL are doing. In the child of a fork it does not: the
    child's copies of its sockets are closed there, and the parent's server goes on.

    Example:
        >>> import urllib.request
        >>> from mtaio.monitoring import ResourceMonitor
        >>> with ResourceMonitor().serve() as server:
        ...     with urllib.request.urlopen(f"{server.url}healthz") as answer:
        ...         print(answer.read())
        b'ok\n'
    """

    def __init__(self, monitor: "Serving", native: _native.NativeServer) -> None:
        """Shows a server that was started."""
        #: For the child of a fork, in which the monitor is told and closes what the server has there.
        self._monitor = monitor
        self._native = native

    @property
    def url(self) -> str:
        """Where it answers: ``http://127.0.0.1:8000/``."""
        return self._native.url

    @property
    def port(self) -> int:
        """The port that it listens on, also where 0 was asked for."""
        return self._native.port

    @property
    def is_closed(self) -> bool:
        """Whether it answers no more."""
        return self._native.is_closed

    @property
    def refused_connections(self) -> int:
        """Connections that were closed at once, because there were 256 already."""
        return self._native.refused_connections

    @property
    def dropped_streams(self) -> int:
        """Clients of ``/api/v1/stream`` that were let go because they did not take what they were sent."""
        return self._native.dropped_streams

    def close(self) -> None:
        """Stops listening, closes every connection and waits for the thread: 5 s at most. Idempotent."""
        self._native.close()
        self._monitor._mtaio_servers.discard(self)

    def __enter__(self) -> Self:
        """The server."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()

    def __repr__(self) -> str:
        """Where it answers, or that it does not."""
        return f"<Server {self.url}{' closed' if self.is_closed else ''}>"


class Serving(_native.MonitorBase):
    """What ``ResourceMonitor`` knows of HTTP: it derives from this."""

    #: Those that were not closed, since who serves need not keep the server.
    _mtaio_servers: set[Server]

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        profiler: Profiler | None = None,
        *,
        names: Iterable[str] = (),
    ) -> Server:
        """Tells over HTTP what the monitor knows, from a native thread, until the server is closed or ``stop()``.

        ``/metrics`` is the scrape (Prometheus' text, or OpenMetrics for who asks for it); ``/api/v1/...`` are the
        samples, metrics and alerts as JSON, described at ``/api/v1/openapi.json``; ``/api/v1/stream`` tells what
        changes as server-sent events; ``/api/v1/profile`` hands out a profile; ``/healthz`` says that the server
        answers. The monitor need not run. There may be several servers of one monitor.

        Args:
            host: The address to listen on: an IP address, or "localhost". Another one than the loopback needs a token.
            port: 0 to 65535; 0 for one that is free.
            token: What every request but that for ``/healthz`` must carry, as ``Authorization: Bearer ...``: 16 to 512
                visible ASCII characters, such as ``secrets.token_urlsafe()`` gives. It is shown nowhere.
            profiler: Whose profile ``/api/v1/profile?format=...`` hands out, in the formats of ``Profile.export``:
                what it has recorded itself, without metadata of traces that are open.
            names: Names of hosts that clients may ask for, in the ``Host`` header, besides IP addresses and
                "localhost". Another one is refused, since whoever has a name can make it lead here.

        Raises:
            ConfigurationError: An argument outside its range, an address or a port that is not to be had, or another
                address than the loopback without a token.
            MonitoringError: The system gives no thread.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> with monitor.serve() as server:
            ...     print(server.url == f"http://127.0.0.1:{server.port}/")
            True
        """
        server = Server(self, _native.NativeServer(self, host, port, token, profiler, names))
        # A closed one that nobody closed here: the monitor was stopped.
        self._mtaio_servers = {known for known in self._mtaio_servers if not known.is_closed}
        self._mtaio_servers.add(server)
        return server
