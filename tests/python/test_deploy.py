"""What `deploy/` holds, beside what a service tells and what Prometheus' own tool says of it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import urllib.request
from pathlib import Path

import deadline
import pytest
from mtaio.monitoring import MonitoringMiddleware, ResourceMonitor

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROMTOOL = ROOT / ".venv/debian/usr/bin/promtool"
# What is told only where the kernel has it.
CONDITIONAL = ("container_", "host_pressure_", "process_proportional_")


def expressions() -> list[str]:
    """Every query of the dashboard, with Grafana's variables as something that Prometheus reads."""
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return [query.replace("$__rate_interval", "1m").replace("$instance", ".*") for query in queries]


async def scrape() -> str:
    """What a service with a request behind it tells."""

    async def app(_scope: object, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: object) -> None:
        pass

    async with ResourceMonitor(interval=0.05) as monitor:
        # Calls are counted for each handler.
        monitor.on_alert(send)
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "scheme": "http", "http_version": "1.1"}
        await MonitoringMiddleware(app, monitor=monitor)(scope, receive, send)
        await deadline.eventually(lambda: monitor.health().samples >= 3)
        with monitor.serve() as server:
            return await asyncio.to_thread(read, f"{server.url}metrics")


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    told = set(re.findall(r"^([a-z_0-9]+)(?:\{| )", deadline.run(scrape()), re.MULTILINE))
    catalogue = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    asked = {name for query in expressions() for name in re.findall(r"\b([a-z_0-9]+)\{", query)}
    assert len(asked) > 30
    missing = asked - told
    assert not {name for name in missing if not name.startswith(CONDITIONAL)}
    for name in missing:
        of_catalogue = name.removesuffix("_total").replace("_ratio", "_percent")
        assert f"`{of_catalogue}" in catalogue or f"`{of_catalogue.removesuffix('_bytes')}" in catalogue, name


def test_prometheus_reads_the_queries_and_the_configuration(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(expressions())]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    for what, path in (("rules", file), ("config", DEPLOY / "prometheus.yml")):
        check = subprocess.run([PROMTOOL, "check", what, path], capture_output=True, text=True, check=False)
        assert check.returncode == 0, check.stdout + check.stderr
