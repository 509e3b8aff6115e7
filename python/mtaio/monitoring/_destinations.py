"""Where alerts go besides handlers."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # An alert carries a sample, and readings of health know destinations: a circle otherwise.
    from ._alert import Alert

#: What ``add_destination`` takes, in words.
ACCEPTED = (
    "a Webhook, an Alertmanager, an async logger (await logger.warning(message)) "
    "or an event emitter (await emitter.emit(name, data))"
)
#: The name under which an event emitter hears of alerts.
EVENT = "alert"


@dataclass(frozen=True)
class Webhook:
    """Posts each alert to an address, as one JSON object with the fields of ``Alert`` and ``"version": 1``.

    A native thread does so, whatever the event loop and the GIL are doing. A status of 200 to 299 means that the alert
    was taken. 408, 429 and 500 to 599, and whatever else keeps an answer away, are tried again: after half a second,
    then after twice as long each time, with ``Retry-After`` heeded. Other answers, redirects among them, are final.
    Alerts go out one by one; of those that wait, the newest state of each counts.

    Attributes:
        url: ``http://`` or ``https://``. A user and a password in it are sent as basic authentication. It is never
            shown, but for scheme, host and port: what follows may be a secret.
        headers: Of each request, such as ``{"Authorization": "Bearer ..."}``.
        timeout_seconds: How long one call may take, from looking up the name to the end of the answer: above 0, up
            to 300.
        retry_seconds: For how long after the first attempt it is tried again; 0 for one attempt.

    Example:
        >>> from mtaio.monitoring import ResourceMonitor, Webhook
        >>> monitor = ResourceMonitor()
        >>> monitor.add_destination(Webhook("https://hooks.example.org/services/secret"))
        >>> monitor.health().destinations[0].address
        'https://hooks.example.org'
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 10.0
    retry_seconds: float = 60.0


@dataclass(frozen=True)
class Alertmanager:
    """Posts alerts to ``/api/v2/alerts`` of Prometheus' Alertmanager, as Prometheus does.

    A native thread does so, whatever the event loop and the GIL are doing. Labels are ``alertname`` (the metric, or the
    expression of the threshold), ``severity`` (the level), those of the instance and ``labels``; annotations are
    ``message``, ``value``, ``threshold`` and those of the threshold. Alerts that fire are sent again and again, each
    time with an end four times ``resend_seconds`` ahead, so that they end by themselves if the service dies; the end of
    one is sent for 15 minutes. A message of the program's own (``alert()``) is a label too and is sent once.

    Attributes:
        url: Of the Alertmanager, without ``/api/v2/alerts``. As the one of ``Webhook``, it is never shown whole.
        labels: Of every alert, such as ``{"service": "shop"}``. Where the instance has one of the same name, that one
            counts.
        generator_url: Where people are sent who ask what raised an alert.
        resend_seconds: How often alerts that fire are sent again: 0.1 to 3600.
        timeout_seconds: How long one call may take: above 0, up to 300.

    Example:
        >>> from mtaio.monitoring import Alertmanager, ResourceMonitor
        >>> monitor = ResourceMonitor()
        >>> monitor.add_destination(Alertmanager("http://alertmanager:9093", labels={"service": "shop"}))
    """

    url: str = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    generator_url: str | None = None
    resend_seconds: float = 60.0
    timeout_seconds: float = 10.0


@dataclass
class DestinationHealth:
    """How one destination is doing. Every alert that it was told of is sent, dropped or waiting.

    Attributes:
        kind: "webhook", "alertmanager", "logger" or "emitter".
        address: Scheme, host and port; of a logger or emitter, its type.
        sent: Alerts that the other side has taken.
        failed: Calls that went wrong, whether they were tried again or not.
        dropped: Alerts that were not sent: a newer state of the same one took their place, the other side refused
            them or was away for too long, there was no room, or the monitor stopped.
        waiting: Alerts that are yet to be sent.
        last_error: What went wrong last.
    """

    kind: str
    address: str
    sent: int
    failed: int
    dropped: int
    waiting: int
    last_error: str | None


class LoopDestination:
    """An async logger or an event emitter, called on the monitor's loop as a handler is."""

    def __init__(self, target: Any, kind: str) -> None:
        """Tells ``target``, a "logger" or an "emitter"."""
        self.target = target
        self.kind = kind
        self.forget()

    @classmethod
    def of(cls, target: Any) -> "LoopDestination | None":
        """For what can be told on a loop; None for anything else."""
        for name, kind in (("emit", "emitter"), ("warning", "logger")):
            if not isinstance(target, type) and inspect.iscoroutinefunction(getattr(target, name, None)):
                return cls(target, kind)
        return None

    def forget(self) -> None:
        """In the child of a fork: the counts are the parent's."""
        self.told = self.sent = self.failed = 0
        self.last_error: str | None = None

    async def __call__(self, alert: "Alert") -> None:
        """Tells it."""
        try:
            if self.kind == "emitter":
                await self.target.emit(EVENT, alert)
            else:
                level = "info" if alert.state == "resolved" else alert.level
                await getattr(self.target, level, self.target.warning)(alert.message)
        except BaseException as error:
            self.failed += 1
            self.last_error = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise
        self.sent += 1

    def health(self, waiting: int) -> DestinationHealth:
        """How it is doing, with so many calls that wait or are under way."""
        name = type(self.target).__qualname__
        dropped = self.told - self.sent - waiting
        return DestinationHealth(self.kind, name, self.sent, self.failed, dropped, waiting, self.last_error)
