"""What handlers are told."""

from dataclasses import dataclass, field
from typing import Literal

from ._evidence import Evidence


@dataclass
class Alert:
    """Something that somebody should know. All handlers are given the same one: change a copy, if you must.

    Attributes:
        metric: The metric; None for an alert that is only a message.
        value: Its value; None for an alert that is only a message, and where there is no value.
        threshold: The level that the value crossed; None where there is none.
        message: One sentence for a person.
        state: "firing" while it lasts, "resolved" when it is over.
        level: "warning" or "critical".
        timestamp: Seconds since the epoch.
        since: When the trouble began, in seconds since the epoch: the first value beyond the threshold, from which
            ``for_seconds`` are counted. None for an alert that is no threshold's.
        peak: The worst value since then.
        labels: Of which series the value is, where the threshold looks at them one by one (``by``).
        window_seconds: How far the value looks back, where it is an aggregate.
        annotations: What the threshold was given to carry along.
        evidence: What was going on when it fired, or became worse; None where nothing new has happened (it still
            lasts, it is over) and for what the program raises itself. ``print(alert.evidence)`` gives a few lines.
    """

    metric: str | None
    value: float | None
    threshold: float | None
    message: str
    state: Literal["firing", "resolved"]
    level: str
    timestamp: float
    # Left out of comparisons: alerts that were equal before there were these still are.
    since: float | None = field(default=None, compare=False)
    peak: float | None = field(default=None, compare=False)
    labels: dict[str, str] = field(default_factory=dict)
    window_seconds: float | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    # Left out of the representation as well, which people log: it is long.
    evidence: Evidence | None = field(default=None, compare=False, repr=False)

    def _instance(self) -> tuple[str | None, tuple[tuple[str, str], ...]] | None:
        """What it is the state of; None for a message of the program's own."""
        if self.since is None and self.state == "firing":
            return None
        return (self.metric, tuple(self.labels.items()))
