"""The evidence that the alerts of a monitor carry."""

from typing import Any

from . import _native
from ._alert import Alert
from ._errors import ConfigurationTypeError
from ._evidence import Evidence
from ._profiler import Profiler
from ._readings import evidence


class Gathering(_native.MonitorBase):
    """What ``ResourceMonitor`` has of evidence."""

    #: The newest, with the native tuple that it was made of: alerts of a storm share one.
    _mtaio_newest_evidence: tuple[tuple[Any, ...], Evidence] | None = None

    def attach_profiler(self, profiler: Profiler) -> None:
        """Has alerts that fire carry the slowest traces of a profiler, open ones and recent ones: ``alert.evidence``.

        One profiler at a time: another takes its place, and a disabled one has no traces. The monitor does not keep it
        alive. Traces of Rust extensions that it includes are not among them: asking for those takes too long. The child
        of a fork goes on with the child's own.

        Args:
            profiler: The one whose traces say what the program does.

        Raises:
            ConfigurationTypeError: It is none.

        Example:
            >>> from mtaio.monitoring import Profiler, ResourceMonitor
            >>> monitor, profiler = ResourceMonitor(), Profiler()
            >>> monitor.attach_profiler(profiler)
            >>> monitor.detach_profiler()
        """
        if not isinstance(profiler, Profiler):
            raise ConfigurationTypeError(f"profiler must be a Profiler, got {type(profiler).__name__} {profiler!r}")
        self._mtaio_attach_profiler(profiler)

    def detach_profiler(self) -> None:
        """Alerts carry no traces any more. Nothing happens where no profiler is attached."""
        self._mtaio_attach_profiler(None)

    def _mtaio_alert(self, fields: tuple[Any, ...]) -> Alert:
        gathered = fields[-1]
        if gathered is None:
            return Alert(*fields)
        newest = self._mtaio_newest_evidence
        if newest is None or newest[0] is not gathered:
            newest = self._mtaio_newest_evidence = (gathered, evidence(gathered))
        return Alert(*(*fields[:-1], newest[1]))
