"""Requests for ASGI applications, made by hand, and what was recorded of them."""

import asyncio
from typing import Any

from mtaio.monitoring import MonitoringMiddleware, Profile, Profiler, ResourceMonitor

Message = dict[str, Any]
DURATION = "http.server.request.duration"
ACTIVE = "http.server.active_requests"
LABELS = ("http.request.method", "http.route", "http.response.status_code", "url.scheme", "error.type")
START = {"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]}
BODY = {"type": "http.response.body", "body": b"all of it"}


class Watch:
    """A monitor and a profiler, and what they were told."""

    def __init__(self, **options: Any) -> None:
        self.monitor, self.profiler = ResourceMonitor(interval=0.05), Profiler()
        self.options = {"monitor": self.monitor, "profiler": self.profiler, **options}

    def __call__(self, app: Any) -> MonitoringMiddleware:
        return MonitoringMiddleware(app, **self.options)

    def counted(self) -> dict[tuple[str, ...], float]:
        """How many requests there were of each sort: method, route, status, scheme, error."""
        by = ", ".join(LABELS)
        found = self.monitor.query_by(f"{DURATION}:count by ({by})", 3600.0)
        return {tuple(labels.get(label, "") for label in LABELS): count for labels, count in found if count}

    def sorts(self) -> list[tuple[str, str, str, str]]:
        """Method, route, status and error of each sort."""
        return sorted((method, route, status, error) for method, route, status, _, error in self.counted())

    def active(self) -> float | None:
        """How many are under way."""
        return self.monitor.query(ACTIVE)

    def profile(self) -> Profile:
        """What the profiler has."""
        return asyncio.run(self.profiler.get_profile())


def scope(**changes: Any) -> Message:
    """A request's scope, as uvicorn makes it."""
    made = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/items/7",
        "raw_path": b"/items/7",
        "query_string": b"token=secret",
        "root_path": "",
        "headers": [(b"host", b"example.org")],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
    }
    return {**made, **changes}


async def call(app: Any, request: Message | None = None, received: list[Message] | None = None) -> list[Message]:
    """What the application sends."""
    waiting = list(received if received is not None else [{"type": "http.request", "body": b"", "more_body": False}])
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    await app(scope() if request is None else request, receive, send)
    return sent


async def nothing(*_: Any) -> None:
    """Takes what it is sent, and gives nothing."""


async def hello(_scope: Message, _receive: Any, send: Any) -> None:
    """A bare application."""
    await send(START)
    await send(BODY)
