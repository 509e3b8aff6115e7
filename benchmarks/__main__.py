"""Runs every benchmark and prints the table. Exits 0 whatever it finds: a noisy machine is no failure."""

import importlib
import platform
import sys
import time

from benchmarks.paired import Result

MODULES = [
    "spans",
    "profiles",
    "records",
    "samples",
    "scrape",
    "idle",
    "service",
    "requests",
    "run_beside",
    "imports",
    "rust",
]


def line(row: Result) -> str:
    """One row of the table, in Markdown."""
    unit = f" {row.unit}" if row.unit else ""
    peers = "–" if row.peers is None else f"{row.peers:,.4g}{unit}"
    ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
    verdict = "met" if row.is_met else "**missed**"
    limit = f"{'≥' if row.at_least else '≤'} {row.limit:g}" + ("" if row.ratio is not None else unit)
    return (
        f"| {row.target} | {row.what} | {row.ours:,.4g}{unit} | {row.peer} | {peers} | {ratio} | {limit} | {verdict} |"
    )


def main(names: list[str]) -> None:
    """Runs the benchmarks named, or all of them."""
    print(f"CPython {platform.python_version()} on {platform.system()} {platform.machine()}, one run\n")
    print("| target | what | ours | beside | peer | ratio | limit | |")
    print("|---|---|---:|---|---:|---:|---:|---|")
    for name in names or MODULES:
        started = time.monotonic()
        try:
            for row in importlib.import_module(f"benchmarks.{name}").run():
                print(line(row), flush=True)
        except Exception as error:
            print(f"| – | {name} could not be measured: {error!r} | | | | | | |", flush=True)
        print(f"{name}: {time.monotonic() - started:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
