"""The destinations of a monitor."""

from typing import Any

from ._alert import Alert
from ._destinations import ACCEPTED, Alertmanager, DestinationHealth, LoopDestination, Webhook
from ._errors import ConfigurationError, ConfigurationTypeError
from ._handlers import Handlers, HandlerTasks
from ._thresholds import Thresholds


class Sending(Thresholds):
    """What ``ResourceMonitor`` has of destinations."""

    _mtaio_on_loop: Handlers
    #: What the program gave, with the number of the native destination or what calls it on the loop.
    _mtaio_destinations: list[tuple[Any, int | LoopDestination]]

    def _mtaio_init_destinations(self, tasks: HandlerTasks) -> None:
        self._mtaio_on_loop = Handlers("destination", tasks)
        self._mtaio_destinations = []

    def add_destination(self, destination: object) -> None:
        """Has every alert sent somewhere besides the handlers: those of thresholds, their ends, and ``alert()``.

        ``Webhook`` and ``Alertmanager`` are served by a native thread each, which goes on while the event loop is
        blocked and delays neither sampling nor ``record``. An async logger (``await logger.warning(message)``, such
        as mtaio's ``AsyncLogger``) and an event emitter (``await emitter.emit("alert", alert)``, such as mtaio's
        ``EventEmitter``) are called on the monitor's loop and protected as handlers are. A logger with ``critical``
        and ``info`` hears of critical alerts and of ends at those levels. ``stop()`` gives destinations what is left
        of its 5 seconds; ``health().destinations`` says what became of the alerts. The same destination again
        changes nothing.

        Args:
            destination: One of the four.

        Raises:
            ConfigurationError: An address or a setting that cannot be used.
            ConfigurationTypeError: It is none of the four.

        Example:
            >>> from mtaio.monitoring import Alertmanager, ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> alertmanager = Alertmanager("http://alertmanager:9093")
            >>> monitor.add_destination(alertmanager)
            >>> monitor.remove_destination(alertmanager)
            True
        """
        added: int | LoopDestination | None
        if isinstance(destination, Webhook):
            added = self._mtaio_add_webhook_once(destination)
        elif isinstance(destination, Alertmanager):
            added = self._mtaio_add_alertmanager_once(destination)
        else:
            added = LoopDestination.of(destination)
            if added is None:
                raise ConfigurationTypeError(
                    f"destination must be {ACCEPTED}, got {type(destination).__name__} {destination!r}"
                )
            if self._mtaio_has_destination(destination):
                return
            self._mtaio_on_loop.add(added)
        if added is not None:
            self._mtaio_destinations.append((destination, added))

    def remove_destination(self, destination: object) -> bool:
        """Takes a destination away, and says whether it was there. What waits for it is tried once more."""
        for at, (known, added) in enumerate(self._mtaio_destinations):
            if known == destination:
                del self._mtaio_destinations[at]
                if isinstance(added, LoopDestination):
                    return self._mtaio_on_loop.remove(added)
                return self._mtaio_remove_destination(added)
        return False

    def _mtaio_add_numbered_destinations(self, numbers: list[int]) -> None:
        """Takes in native destinations that the program holds nothing of: those of a file."""
        self._mtaio_destinations.extend((object(), number) for number in numbers)

    def _mtaio_has_destination(self, destination: object) -> bool:
        return any(known == destination for known, _ in self._mtaio_destinations)

    def _mtaio_add_webhook_once(self, webhook: Webhook) -> int | None:
        if self._mtaio_has_destination(webhook):
            return None
        headers = _texts("headers", webhook.headers)
        return self._mtaio_add_webhook(webhook.url, headers, webhook.timeout_seconds, webhook.retry_seconds)

    def _mtaio_add_alertmanager_once(self, manager: Alertmanager) -> int | None:
        if self._mtaio_has_destination(manager):
            return None
        labels = _texts("labels", manager.labels)
        return self._mtaio_add_alertmanager(
            manager.url, labels, manager.generator_url, manager.resend_seconds, manager.timeout_seconds
        )

    def _mtaio_tell_loop_destinations(self, loop: Any, alert: Alert) -> None:
        for _, added in self._mtaio_destinations:
            if isinstance(added, LoopDestination):
                added.told += 1
        self._mtaio_on_loop.call(loop, alert._instance(), alert.state, alert)

    def _mtaio_destinations_health(self, native: list[tuple[int, DestinationHealth]]) -> list[DestinationHealth]:
        """In the order in which they were added."""
        by_number = dict(native)
        healths = []
        for _, added in self._mtaio_destinations:
            if isinstance(added, LoopDestination):
                healths.append(added.health(self._mtaio_on_loop.unfinished(added)))
            elif added in by_number:
                healths.append(by_number[added])
        return healths


def _texts(argument: str, texts: object) -> list[tuple[str, str]]:
    """The pairs of a mapping of texts."""
    try:
        pairs = dict(texts)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise ConfigurationTypeError(
            f"{argument} must be a mapping of names to texts, got {type(texts).__name__}"
        ) from None
    for name, text in pairs.items():
        if not isinstance(name, str) or not isinstance(text, str):
            # What a header holds may be a secret.
            raise ConfigurationTypeError(f"{argument} must be a mapping of names to texts, got another at {name!r}")
        try:
            f"{name}{text}".encode()
        except UnicodeEncodeError:
            raise ConfigurationError(
                f"{argument} must be text without lone surrogates, got another at {name!r}"
            ) from None
    return list(pairs.items())
