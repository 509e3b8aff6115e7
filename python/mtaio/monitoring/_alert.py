"""What handlers are told."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Alert:
    """Something that somebody should know.

    Attributes:
        metric: The metric; None for an alert that is only a message.
        value: Its value; None for an alert that is only a message.
        threshold: The level that the value crossed; None where there is none.
        message: One sentence for a person.
        state: "firing" while it lasts, "resolved" when it is over.
        level: "warning".
        timestamp: Seconds since the epoch.
    """

    metric: str | None
    value: float | None
    threshold: float | None
    message: str
    state: Literal["firing", "resolved"]
    level: str
    timestamp: float
