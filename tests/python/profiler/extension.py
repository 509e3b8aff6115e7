"""The Rust extension of `tests/extension`, and how a profile is looked at that has its traces."""

import importlib
import sys
from pathlib import Path
from typing import Any

from mtaio.monitoring import Profile, ProfileTrace

BUILT = Path(__file__).resolve().parents[3] / ".venv" / "extension"


def load() -> Any:
    """The extension, which `make` builds."""
    sys.path.insert(0, str(BUILT))
    try:
        return importlib.import_module("rust_service")
    finally:
        sys.path.remove(str(BUILT))


rust = load()


def tree(profile: Profile) -> str:
    """Names, each below its parent, in the order in which they began."""
    traces = sorted([*profile.traces, *profile.open_traces], key=lambda trace: (trace.start_time, trace.trace_id))

    def below(parent: int | None, depth: int) -> list[str]:
        lines = []
        for trace in (trace for trace in traces if trace.parent_id == parent):
            lines += ["  " * depth + trace.name, *below(trace.trace_id, depth + 1)]
        return lines

    return "\n".join(below(None, 0))


def named(profile: Profile, name: str) -> ProfileTrace:
    """The one trace of that name."""
    [found] = [trace for trace in [*profile.traces, *profile.open_traces] if trace.name == name]
    return found
