"""The targets of the Rust core: its own benchmarks, each of which times its peer in the same run."""

import json
import subprocess

from benchmarks.paired import Result


def run() -> list[Result]:
    """Runs `cargo bench` and reads the lines of JSON that the benchmarks print."""
    answer = subprocess.run(
        ["cargo", "bench", "--quiet", "--locked", "-p", "mtaio-monitoring", "--benches"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    return [
        Result(
            line["id"].split("-")[0],
            f"{line['what']} (Rust)",
            line["ours_ns"],
            line["peer"],
            line["peer_ns"],
            line["ratio"],
            line["target"],
        )
        for line in lines
        # Exports have seconds and no peer; `profiles` measures them from Python.
        if "peer" in line
    ]
