"""What can be read here and what it costs: ``mtaio doctor``, from Python."""

from dataclasses import dataclass

from . import _native
from ._stats import SectionHealth


@dataclass
class Diagnosis:
    """What a monitor can read on this machine, what it lacks and why, and what that costs.

    ``str()`` of it is what ``mtaio doctor`` prints.

    Attributes:
        kernel: The system and its release; None where it does not say.
        pid: This process, as /proc has it.
        cgroups: "v1", "v2" or "hybrid"; None where none are mounted.
        hints: What suggests a container or a sandbox, and what hides things. Some of it is foreign text.
        interval: The seconds between two samples that the costs are held against.
        sections: Every section; ``last_error`` is why something is missing now. The times of one that is read from time
            to time are those of the readings that do look.
        sample_seconds: What an ordinary sample takes.
        fullest_sample_seconds: What one takes in which everything is due that is read from time to time.
        core_percent: The share of one processor that sampling takes at that interval.
        usable: Whether processors, load, memory and this process can be read.
        verdict: The whole in a sentence.
        text: The whole as text, in lines of 80 columns.
    """

    kernel: str | None
    pid: int
    cgroups: str | None
    hints: list[str]
    interval: float
    sections: list[SectionHealth]
    sample_seconds: float | None
    fullest_sample_seconds: float | None
    core_percent: float | None
    usable: bool
    verdict: str
    text: str

    def __str__(self) -> str:
        """What ``mtaio doctor`` prints."""
        return self.text


def diagnose(interval: float = 1.0) -> Diagnosis:
    """Reads everything that a monitor reads some fifty times, which takes a fraction of a second.

    Args:
        interval: Seconds between two samples, which the costs are held against; 0.001 to 86 400.

    Raises:
        ConfigurationError: The interval is none.
    """
    report, text = _native.diagnose(interval)
    # Nothing else here needs it, and it is a tenth of what importing the package takes.
    import json

    found = json.loads(report)
    return Diagnosis(
        kernel=found["kernel"],
        pid=found["pid"],
        cgroups=found["cgroups"],
        hints=found["hints"],
        interval=found["interval_seconds"],
        sections=[_section(section) for section in found["sections"]],
        sample_seconds=_median(found["sample"]),
        fullest_sample_seconds=_median(found["fullest_sample"]),
        core_percent=found["core_percent"],
        usable=found["usable"],
        verdict=found["verdict"],
        text=text,
    )


def _median(cost: dict[str, float] | None) -> float | None:
    return None if cost is None else cost["median_seconds"]


def _section(found: dict[str, object]) -> SectionHealth:
    cost = found.pop("cost") or {}
    assert isinstance(cost, dict)
    cost.pop("readings", None)
    return SectionHealth(last_error=found.pop("reason"), **found, **cost)  # type: ignore[arg-type]
