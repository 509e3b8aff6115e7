"""The metrics that the monitor measures by itself."""

from typing import NamedTuple

from . import _native


class MetricDescription(NamedTuple):
    """A built-in metric.

    Attributes:
        name: What ``set_threshold`` and ``get_metric`` take.
        kind: "gauge" (goes up and down) or "counter" (only grows).
        unit: In UCUM notation, as OpenTelemetry has it: "%", "By", "s", "{thread}".
        help: One sentence.
    """

    name: str
    kind: str
    unit: str
    help: str


def catalogue() -> list[MetricDescription]:
    """Every built-in metric, the reference's four names first.

    Example:
        >>> [metric.name for metric in catalogue()][:4]
        ['cpu_usage', 'memory_usage', 'load_average', 'thread_count']
    """
    return [MetricDescription(*row) for row in _native.catalogue()]
