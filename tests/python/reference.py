"""The code blocks of the reference, read out of the document so that none is retyped, and run as printed."""

import ast
import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)

#: A text that only this block has → whose block it is.
MONITOR = {
    "usage": "monitor = ResourceMonitor(interval=1.0)",
    "class": "class ResourceMonitor:",
    "stats": "class SystemStats:",
    "application": "class ApplicationMonitor(ResourceMonitor):",
    "web": "class WebAppMonitor:",
    "tasks": "class TaskMonitor:",
    "cleanup": "async def cleanup_monitoring():",
    "thresholds": "def configure_thresholds(",
    "optimized": "class OptimizedMonitor(ResourceMonitor):",
}
#: Those of the profiler alone. The one of `web` uses both.
PROFILER = {
    "profiler usage": "profiler = Profiler()\n\n",
    "profiler class": "class Profiler:",
    "traces": "class ProfileTrace:",
    "performance": "class PerformanceProfiler:",
}


@dataclass(frozen=True)
class Block:
    """One block: what it says, under which heading, and on which line of the document it begins."""

    heading: str
    line: int
    source: str

    async def run(self, **open_names: Any) -> dict[str, Any]:
        """Runs the block as printed, with the names that it leaves open, and gives what it defined.

        A top-level `await` is awaited, as the interactive interpreter of asyncio does.
        """
        namespace: dict[str, Any] = {"__name__": "reference", **open_names}
        tree = ast.increment_lineno(ast.parse(self.source), self.line - 1)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        # dont_inherit: a `from __future__` of this file is none of the document's.
        code = compile(tree, str(path()), "exec", flags=flags, dont_inherit=True)
        result = eval(code, namespace)
        if inspect.iscoroutine(result):
            await result
        return namespace


def path() -> Path:
    """Where the document is: MTAIO_REFERENCE, or beside the checkout."""
    given = os.environ.get("MTAIO_REFERENCE")
    return Path(given) if given else _ROOT.parent / "shared" / "spec" / "monitoring.ja.md"


@cache
def blocks() -> tuple[Block, ...]:
    """Every Python block of the document, in order."""
    file = path()
    if not file.is_file():
        raise AssertionError(
            f"the reference is not at {file}: put it there, or set MTAIO_REFERENCE to the path of monitoring.ja.md"
        )
    text = file.read_text(encoding="utf-8")
    # A comment inside a block looks like a heading.
    outside = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence.group()), text)
    headings = [(match.start(), match.group(1)) for match in _HEADING.finditer(outside)]
    found = []
    for fence in _FENCE.finditer(text):
        above = [title for start, title in headings if start < fence.start()]
        line = text.count("\n", 0, fence.start(1)) + 1
        found.append(Block(above[-1] if above else "", line, fence.group(1)))
    return tuple(found)


def kinds() -> Mapping[str, int]:
    """How many code blocks of each language the document has: a block in a new one must not be missed."""
    counts: dict[str, int] = {}
    for match in re.finditer(r"^```([^\n]*)\n.*?^```$", path().read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        counts[match.group(1)] = counts.get(match.group(1), 0) + 1
    return counts


def block(containing: str) -> Block:
    """The one block with this text in it."""
    found = [block for block in blocks() if containing in block.source]
    assert len(found) == 1, f"{len(found)} blocks of the reference contain {containing!r}, expected one"
    return found[0]


class Executed:
    """Says which block a test runs: ``@executes("usage")``. A file counts its own at its end."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __call__(self, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def mark(test: Callable[..., None]) -> Callable[..., None]:
            self.names.add(name)
            return test

        return mark
