"""T10: what importing the package adds."""

import statistics
import subprocess
import sys
import time

from benchmarks.paired import Result

PAIRS = 25


def import_ms(statement: str) -> float:
    """Wall time of a fresh interpreter that does this, in milliseconds."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return 1e3 * (time.perf_counter() - started)


def run() -> list[Result]:
    """Beside the standard library's modules that any asyncio service imports."""
    base, with_ours = "import asyncio, dataclasses", "import asyncio, dataclasses, mtaio.monitoring"
    import_ms(with_ours)
    pairs = [(import_ms(base), import_ms(with_ours)) for _ in range(PAIRS)]
    added = statistics.median(after - before for before, after in pairs)
    peers = statistics.median(before for before, _ in pairs)
    return [Result("T10", "import mtaio.monitoring adds", added, base, peers, None, 30.0, "ms")]
