"""The API does what its description says, whatever it is asked: schemathesis makes the requests of the one."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deadline import eventually, run
from mtaio.monitoring import Profiler, ResourceMonitor, Server

pytestmark = pytest.mark.once

TOKEN = "a-token-of-enough-letters"

#: Requests that are made up for each path and way; the seed makes them the same ones every time.
EXAMPLES = 40
SEED = 20

#: Has no end, and is looked at in test_serve.py; that it refuses what it should is asked below.
ENDLESS = "/api/v1/stream"

#: Takes expressions, of which no schema says which are sound: those that are none are refused although they are text.
EXPRESSIVE = "/api/v1/range"


def description(server: Server) -> dict[str, Any]:
    """As it is handed out."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", "/api/v1/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"})
        described: dict[str, Any] = json.load(connection.getresponse())
    finally:
        connection.close()
    return described


def judged(folder: Path, server: Server, described: dict[str, Any], *options: str) -> tuple[int, str]:
    """Whether every answer was as described (0), and what schemathesis has to say."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(described))
    arguments = [
        *("run", str(file), "--url", server.url.rstrip("/"), "--header", f"Authorization: Bearer {TOKEN}"),
        *("--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-database", "none"),
        *("--request-timeout", "10", "--no-color", *options),
    ]
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=45, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(name="server")
def _server() -> Iterator[Server]:
    """Of a monitor that has something of every sort to tell."""
    monitor, profiler = ResourceMonitor(interval=0.05), Profiler()
    monitor.set_threshold("queue", 5.0, critical=8.0, annotations={"runbook": "x"})
    monitor.set_threshold("depth / queue", 5.0)
    monitor.record("queue", 9.0, labels={"shard": '1"\n</script>'})
    monitor.histogram("duration", "ms", "Time.", bounds=[1.0]).record(3.0)
    with profiler.trace_context("work"):
        pass

    async def some_samples() -> None:
        async with monitor:
            await monitor.record_metric("queue", 9.0)
            await eventually(lambda: monitor.health().samples > 10)

    run(some_samples())
    with monitor.serve(token=TOKEN, profiler=profiler) as server:
        yield server


def test_every_answer_is_as_described(tmp_path: Path, server: Server) -> None:
    described = description(server)
    status, says = judged(tmp_path, server, described, "--exclude-path", ENDLESS, "--exclude-path", EXPRESSIVE)
    assert status == 0, says
    # It has asked for all of them.
    assert f"Tested: {len(described['paths']) - 2}" in says, says


def test_every_answer_to_expressions_is_as_described(tmp_path: Path, server: Server) -> None:
    options = ("--include-path", EXPRESSIVE, "--exclude-checks", "positive_data_acceptance")
    status, says = judged(tmp_path, server, description(server), *options)
    assert status == 0, says
    assert "Tested: 1" in says, says


def test_an_answer_that_is_not_as_described_would_be_found(tmp_path: Path, server: Server) -> None:
    def judge(change: Any, path: str) -> str:
        described = description(server)
        change(described["paths"][path]["get"], described["components"]["schemas"])
        status, says = judged(tmp_path, server, described, "--include-path", path)
        assert status == 1, says
        return says

    def more_than_it_takes(operation: Any, _schemas: Any) -> None:
        operation["parameters"][2]["schema"]["maximum"] = 5_000

    def of_another_sort(_operation: Any, schemas: Any) -> None:
        schemas["Recorded"]["properties"]["count"]["type"] = "string"

    def without_a_status(operation: Any, _schemas: Any) -> None:
        del operation["responses"]["400"]

    assert "Schema-valid request rejected" in judge(more_than_it_takes, "/api/v1/history")
    assert "Response violates schema" in judge(of_another_sort, "/api/v1/metrics")
    assert "Undocumented status code" in judge(without_a_status, "/api/v1/profile")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
def test_the_stream_takes_the_methods_that_are_described(server: Server, method: str) -> None:
    described = description(server)["paths"][ENDLESS]["get"]["responses"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, ENDLESS, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        assert answer.status == (200 if method == "HEAD" else 405)
        assert answer.headers["content-type"] in described[str(answer.status)]["content"]
        assert method == "HEAD" or answer.headers["allow"] == "GET, HEAD"
    finally:
        connection.close()
