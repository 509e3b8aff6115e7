"""A real Prometheus that scrapes servers of ours."""

import contextlib
import json
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deadline import soon

BINARY = Path(__file__).parents[2] / ".venv" / "debian" / "usr/bin/prometheus"

#: As often as a test would like it, and as long as a scrape may take on a busy machine before it is a failed one.
SCRAPE_INTERVAL = "1s"

#: Labels that are Prometheus' own.
ADDED = ("__name__", "job", "instance")

#: What a query gives: each set of labels, without the name, with its value.
Vector = list[tuple[dict[str, str], float]]


class Prometheus:
    """One that runs, and what it has stored."""

    def __init__(self, folder: Path, port: int) -> None:
        """Of a process that has been started already."""
        self._url = f"http://127.0.0.1:{port}"
        self._log = folder / "log"

    def _get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}{path}?{query}", timeout=10.0) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def is_ready(self) -> bool:
        """Whether it answers."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self._url}/-/ready", timeout=1.0) as answer:
            return bool(answer.status == 200)
        return False

    def vector(self, query: str) -> Vector:
        """What an expression is now."""
        told = self._get("/api/v1/query", query=query)
        assert told["resultType"] == "vector", told
        found = []
        for one in told["result"]:
            labels = {
                name: value for name, value in one["metric"].items() if name not in ("__name__", "job", "instance")
            }
            found.append((labels, float(one["value"][1])))
        return found

    def value(self, query: str) -> float | None:
        """The value of an expression that has one, or nothing while there is none."""
        found = self.vector(query)
        assert len(found) < 2, found
        return found[0][1] if found else None

    def stored(self, selector: str, window: str = "1m") -> list[float]:
        """Every sample of a series in a window until now."""
        told = self._get("/api/v1/query", query=f"{selector}[{window}]")
        assert told["resultType"] == "matrix", told
        return [float(value) for one in told["result"] for _, value in one["values"]]

    def target(self) -> dict[str, Any]:
        """What it says of the one target that it scrapes; nothing before it knows of it."""
        targets: list[dict[str, Any]] = self._get("/api/v1/targets")["activeTargets"]
        assert len(targets) < 2, targets
        return targets[0] if targets else {}

    def metadata(self) -> dict[str, tuple[str, str]]:
        """The type and the help of each metric."""
        told = self._get("/api/v1/metadata")
        return {name: (about["type"], about["help"]) for name, (about, *_) in told.items()}

    def own(self) -> dict[str, float]:
        """What it counts of itself, without labels."""
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=10.0) as answer:
            lines = [line.split() for line in answer.read().decode().splitlines() if line[:1] != "#"]
        return {line[0]: float(line[1]) for line in lines if "{" not in line[0]}

    def log(self) -> str:
        """What it has written."""
        return self._log.read_text()


@contextlib.contextmanager
def prometheus(folder: Path, port: int, token: str | None = None, features: str = "") -> Iterator[Prometheus]:
    """One that scrapes what listens on a port of this machine."""
    job: dict[str, Any] = {"job_name": "test", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    if token is not None:
        job["authorization"] = {"credentials": token}
    config = {
        "global": {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL},
        "scrape_configs": [job],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own_port = free.getsockname()[1]
    command = [
        BINARY,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{own_port}",
        f"--enable-feature={features}",
        "--log.level=debug",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    server = Prometheus(folder, own_port)

    def is_ready() -> bool:
        assert process.poll() is None, server.log()
        return server.is_ready()

    try:
        soon(is_ready)
        yield server
    finally:
        process.terminate()
        process.wait(10.0)
