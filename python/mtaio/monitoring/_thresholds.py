"""The thresholds of a monitor, and the silences that keep their alerts quiet."""

from collections.abc import Mapping
from typing import Literal

from . import _native


class Silence:
    """Keeps the alerts of some thresholds quiet, until it expires. ``ResourceMonitor.silence()`` makes one.

    Attributes:
        matcher: What it keeps quiet.
        comment: Why; for people.
        expires: When it ends, in seconds since the epoch, as it was foreseen.
    """

    __slots__ = ("_monitor", "_number", "comment", "expires", "matcher")

    def __init__(self, monitor: "Thresholds", number: int, matcher: str, comment: str, expires: float) -> None:
        """The monitor's silence of that number."""
        self._monitor = monitor
        self._number = number
        self.matcher = matcher
        self.comment = comment
        self.expires = expires

    def __repr__(self) -> str:
        """What it keeps quiet, why and until when."""
        return f"<Silence {self.matcher!r} comment={self.comment!r} expires={self.expires:.0f}>"

    def __eq__(self, other: object) -> bool:
        """Whether it is the same silence."""
        if not isinstance(other, Silence):
            return NotImplemented
        return (id(self._monitor), self._number) == (id(other._monitor), other._number)

    def __hash__(self) -> int:
        """Of the silence that it is."""
        return hash((id(self._monitor), self._number))

    def expire(self) -> bool:
        """Ends it now, and says whether it was in force. What it kept back and still lasts is told."""
        found = self._monitor._mtaio_expire_silence(self._number)
        self._monitor._mtaio_deliver_if_stopped()
        return found


class Thresholds(_native.MonitorBase):
    """What ``ResourceMonitor`` has of thresholds."""

    def set_threshold(
        self,
        metric: str,
        value: float,
        *,
        below: bool = False,
        clear: float | None = None,
        for_seconds: float = 0.0,
        repeat_seconds: float | None = None,
        critical: float | None = None,
        level: Literal["warning", "critical"] = "warning",
        keep_firing_seconds: float = 0.0,
        window_seconds: float = 60.0,
        samples: tuple[int, int] | None = None,
        no_data: Literal["keep", "resolve", "alert"] = "keep",
        grace_seconds: float = 0.0,
        cool_down_seconds: float = 0.0,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Has the handlers told when a metric crosses a level: once, and again only after it has cleared.

        Times are seconds, and without another word from 0 to a hundred years.

        Args:
            metric: A built-in name (``mtaio metrics``), or a name that the program records: held against the
                level at each record. Or an expression, held against it at each sample:
                ``metric{label="value"}:aggregate``, or two of them with ``/`` between, and ``by (label, ...)``
                for an alert for each value of the labels. Aggregates are last, count, sum, rate, mean, min,
                max and p50 to p99.99.
            value: The level. It is crossed by a value above it, strictly.
            below: Crossed by a value below it instead.
            clear: The level at which it clears, itself included; the threshold itself by default.
            for_seconds: How long it must stay crossed before it fires. One good value starts anew.
            repeat_seconds: How often to say so again while it lasts, above 0; never by default.
            critical: A second, worse level, whose alerts are critical. Reaching it is always told, and so is
                coming back to the first. It clears as far from itself as ``clear`` is from ``value``.
            level: What alerts of ``value`` itself are.
            keep_firing_seconds: How long it keeps firing after the value is good again. A bad value in this
                time starts it anew, and is no news.
            window_seconds: How far aggregates look back: above 0, up to a day.
            samples: ``(n, m)``: crossed is what n of the last m values are beyond, m being 64 at most; by
                default the newest one decides.
            no_data: What becomes of it while there is no value. "keep": it stays as it is, and the log says so
                after three intervals, or ``for_seconds`` where those are longer; a series with labels that is
                gone for as long ends its alert. "resolve": as a good value, at once. "alert": it fires after
                the same time. Of a name that the program records, no value means that there was no record for
                that time.
            grace_seconds: How long after the start nothing fires.
            cool_down_seconds: How long after an alert a new one that is no worse is not told. It is told
                afterwards, if it still fires; the end of an alert is always told.
            annotations: Texts that its alerts carry along, such as ``{"runbook": "https://..."}``.

        Raises:
            ConfigurationError: An expression that is none, a number that is not finite, a ``clear`` or
                ``critical`` on the wrong side, a time or a number of samples outside its range.
            ConfigurationTypeError: An argument of a type that cannot be used.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> monitor.set_threshold("memory_usage", 80.0, critical=95.0, clear=75.0, for_seconds=30)
            >>> monitor.set_threshold("request_duration:p99", 0.5, window_seconds=300)
        """
        options = {
            "below": below,
            "clear": clear,
            "for_seconds": for_seconds,
            "repeat_seconds": repeat_seconds,
            "critical": critical,
            "level": level,
            "keep_firing_seconds": keep_firing_seconds,
            "window_seconds": window_seconds,
            "samples": samples,
            "no_data": no_data,
            "grace_seconds": grace_seconds,
            "cool_down_seconds": cool_down_seconds,
            "annotations": annotations,
        }
        self._mtaio_set_threshold(metric, value, options)
        self._mtaio_deliver_if_stopped()

    def remove_threshold(self, metric: str) -> bool:
        """Takes a metric's threshold away, and says whether it had one. An alert that was firing resolves."""
        found = self._mtaio_remove_threshold(metric)
        self._mtaio_deliver_if_stopped()
        return found

    def alert_rules(self, format: str = "prometheus") -> str:
        """The thresholds as a file of alerting rules: for ``rule_files`` of Prometheus 2.42 or newer.

        What Prometheus cannot do stands in it as a comment that says why. Names that it does not allow have ``_`` in
        place of the characters that it does not.

        Args:
            format: "prometheus".

        Raises:
            ConfigurationError: Another format.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> monitor.set_threshold("queue_depth", 100, for_seconds=30)
            >>> "for: 30s" in monitor.alert_rules()
            True
        """
        return self._mtaio_alert_rules(format)

    def silence(self, matcher: str, seconds: float, comment: str = "") -> Silence:
        """Keeps the alerts of some thresholds quiet for a while; they are tracked all the same.

        An alert that was told before still ends for whoever was told. What has begun in the silence and still lasts
        when it expires is told then.

        Args:
            matcher: A metric, for every threshold in which it stands; ``metric{label="value"}`` for those of its
                series; or the very expression of a threshold.
            seconds: For how long: above 0. Time in which the machine is suspended does not count.
            comment: Why; for people.

        Raises:
            ConfigurationError: A matcher that is no expression, a time outside its range, or more than 1 000
                silences in force.

        Example:
            >>> from mtaio.monitoring import ResourceMonitor
            >>> monitor = ResourceMonitor()
            >>> deploy = monitor.silence("cpu_usage", seconds=3600, comment="deploy")
            >>> monitor.silences() == [deploy]
            True
            >>> deploy.expire()
            True
        """
        return Silence(self, *self._mtaio_silence(matcher, seconds, comment))

    def silences(self) -> list[Silence]:
        """The silences in force, the oldest first."""
        return [Silence(self, *fields) for fields in self._mtaio_silences()]

    def _mtaio_deliver_if_stopped(self) -> None:
        """Tells what there is to tell, where nothing else does."""
        raise NotImplementedError
