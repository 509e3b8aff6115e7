"""What ``add_destination`` takes, and what it makes of it."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alertmanager import Receiver
from deadline import eventually, run
from forking import child
from mtaio.monitoring import (
    Alert,
    Alertmanager,
    ConfigurationError,
    ConfigurationTypeError,
    ResourceMonitor,
    Webhook,
)

UPSTREAM = Path(__file__).parents[2] / ".venv" / "upstream"


def watched() -> ResourceMonitor:
    """A monitor with a threshold on what the test records."""
    monitor = ResourceMonitor(interval=0.01)
    monitor.set_threshold("queue", 10.0)
    return monitor


class Logger:
    """What mtaio's AsyncLogger looks like."""

    def __init__(self) -> None:
        """Nothing logged yet."""
        self.lines: list[tuple[str, str]] = []

    async def info(self, message: str) -> None:
        """Keeps it."""
        self.lines.append(("info", message))

    async def warning(self, message: str) -> None:
        """Keeps it."""
        self.lines.append(("warning", message))


class Emitter:
    """What mtaio's EventEmitter looks like."""

    def __init__(self) -> None:
        """Nothing emitted yet."""
        self.events: list[tuple[str, Any]] = []
        self.fails = False

    async def emit(self, event_name: str, data: Any) -> None:
        """Keeps it."""
        if self.fails:
            raise OSError("no route to the listener")
        self.events.append((event_name, data))


def test_a_webhook_gets_alerts_as_json() -> None:
    async def main(receiver: Receiver) -> None:
        monitor = watched()
        webhook = Webhook(f"{receiver.url}/hook", headers={"X-Token": "secret"})
        for _ in range(2):
            monitor.add_destination(webhook)
        async with monitor:
            await monitor.record_metric("queue", 11.0)
            await monitor.record_metric("queue", 5.0)
            await monitor.alert("the disk is on fire")
            await eventually(lambda: len(receiver.bodies) == 3)
            fired, cleared, message = receiver.bodies
            assert (fired["version"], fired["metric"], fired["value"], fired["state"]) == (1, "queue", 11.0, "firing")
            assert cleared["state"] == "resolved"
            assert (message["metric"], message["message"]) == (None, "the disk is on fire")
            await eventually(lambda: monitor.health().destinations[0].sent == 3)
            assert monitor.remove_destination(webhook) is True
            assert monitor.remove_destination(webhook) is False
            assert monitor.health().destinations == []
        assert "secret" not in repr(webhook)
        assert "hook" not in repr(webhook).split("(")[1]

    with Receiver() as receiver:
        run(main(receiver))


def test_an_async_logger_and_an_event_emitter() -> None:
    async def main() -> None:
        monitor, logger, emitter = watched(), Logger(), Emitter()
        for destination in (logger, emitter, logger):
            monitor.add_destination(destination)
        async with monitor:
            await monitor.record_metric("queue", 11.0)
            await monitor.record_metric("queue", 5.0)
            assert [level for level, _ in logger.lines] == ["warning", "info"]
            assert logger.lines[0][1] == "queue 11 is above its threshold of 10"
            assert [(name, type(data), data.state) for name, data in emitter.events] == [
                ("alert", Alert, "firing"),
                ("alert", Alert, "resolved"),
            ]
            emitter.fails = True
            await monitor.alert("the disk is on fire")
            first, second = monitor.health().destinations
            assert (first.kind, first.address, first.sent, first.dropped) == ("logger", "Logger", 3, 0)
            assert (second.kind, second.sent, second.failed, second.dropped) == ("emitter", 2, 1, 1)
            assert second.last_error == "OSError: no route to the listener"
            assert monitor.remove_destination(emitter)
            await monitor.alert("again")
            assert logger.lines[-1] == ("warning", "again")
            assert len(emitter.events) == 2

    run(main())


@pytest.mark.once
def test_upstreams_own_logger_and_emitter(tmp_path: Path) -> None:
    # In a process of its own: upstream's package and ours are both called mtaio.
    script = """
import asyncio, json
from mtaio.events import EventEmitter
from mtaio.logging import AsyncLogger, AsyncLogHandler
from mtaio.monitoring import ResourceMonitor

logged = []

class Keeping(AsyncLogHandler):
    async def _handle(self, record):
        logged.append([record.levelname, record.message])

async def main():
    emitter, logger = EventEmitter(), AsyncLogger("test")
    await logger.add_handler(Keeping())
    heard = []

    @emitter.on("alert")
    async def listener(event):
        heard.append([event.data.metric, event.data.state])

    monitor = ResourceMonitor(interval=0.01)
    monitor.set_threshold("queue", 10.0)
    monitor.add_destination(emitter)
    monitor.add_destination(logger)
    async with monitor:
        await monitor.record_metric("queue", 11.0)
        await monitor.record_metric("queue", 5.0)
        for _ in range(1000):
            if all(one.sent == 2 for one in monitor.health().destinations):
                break
            await asyncio.sleep(0.01)
    await logger.close()
    print(json.dumps([heard, logged, [one.kind for one in monitor.health().destinations]]))

asyncio.run(main())
"""
    folder = tmp_path / "upstream"
    (wheel,) = UPSTREAM.glob("*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, folder], check=True)
    # Ours in place of theirs, as an installation of both would have it.
    import mtaio.monitoring

    theirs = folder / "mtaio" / "monitoring"
    subprocess.run(["rm", "-rf", theirs], check=True)
    theirs.symlink_to(Path(mtaio.monitoring.__file__).parent)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=40, check=False
    )
    assert done.returncode == 0, done.stderr
    heard, logged, kinds = json.loads(done.stdout)
    assert heard == [["queue", "firing"], ["queue", "resolved"]]
    assert logged == [
        ["WARNING", "queue 11 is above its threshold of 10"],
        ["INFO", "queue 5 is back within its threshold of 10"],
    ]
    assert kinds == ["emitter", "logger"]


def test_the_child_of_a_fork_sends_its_own() -> None:
    async def crosses(monitor: ResourceMonitor) -> None:
        async with monitor:
            await monitor.record_metric("queue", 12.0)
            await eventually(lambda: monitor.health().destinations[0].sent == 1)

    def sends(monitor: ResourceMonitor) -> str:
        before = monitor.health().destinations[0]
        asyncio.run(crosses(monitor))
        return f"{before.sent} {monitor.health().destinations[0].sent}"

    with Receiver() as receiver:
        monitor = watched()
        monitor.add_destination(Webhook(receiver.url))
        monitor.record("queue", 11.0)
        run(eventually(lambda: len(receiver.bodies) == 1))
        assert child(lambda: sends(monitor)) == "0 1"
        assert [body["value"] for body in receiver.bodies] == [11.0, 12.0]


@pytest.mark.parametrize(
    "wrong",
    [None, "http://hook", 5, object(), Logger, Emitter, Webhook, lambda _alert: None, print],
    ids=repr,
)
def test_what_is_no_destination(wrong: object) -> None:
    monitor = ResourceMonitor()
    with pytest.raises(ConfigurationTypeError, match=r"a Webhook, an Alertmanager, an async logger .* or an event"):
        monitor.add_destination(wrong)
    assert monitor.health().destinations == []


@pytest.mark.parametrize(
    ("wrong", "argument"),
    [
        (Webhook("hook.example.org/secret"), "url"),
        (Webhook(5), "url"),  # type: ignore[arg-type]
        (Webhook("http://host", headers={"a b": "secret"}), "headers"),
        (Webhook("http://host", headers={"a": "secret\n"}), "headers"),
        (Webhook("http://host", headers={"a": 5}), "headers"),  # type: ignore[dict-item]
        (Webhook("http://host", headers="secret"), "headers"),  # type: ignore[arg-type]
        (Webhook("http://host", timeout_seconds=0), "timeout_seconds"),
        (Webhook("http://host", retry_seconds=-1), "retry_seconds"),
        (Webhook("http://host", retry_seconds=float("nan")), "retry_seconds"),
        (Alertmanager("http://host", labels={"severity": "secret"}), "labels"),
        (Alertmanager("http://host", generator_url="shop"), "generator_url"),
        (Alertmanager("http://host", resend_seconds=0.01), "resend_seconds"),
        (Alertmanager("http://host", timeout_seconds="1"), "timeout_seconds"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_settings_that_cannot_be_used(wrong: object, argument: str) -> None:
    monitor = ResourceMonitor()
    with pytest.raises(ConfigurationError, match=f"^{argument} must be") as raised:
        monitor.add_destination(wrong)
    assert "secret" not in str(raised.value)
    assert monitor.health().destinations == []
