"""``ResourceMonitor.from_config``, and what it says of a file that cannot be used."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alertmanager import Receiver
from deadline import eventually, run
from mtaio.monitoring import Alert, ConfigurationError, ConfigurationTypeError, ResourceMonitor

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a mtaio.toml."""

    def written(text: str) -> Path:
        path = tmp_path / "mtaio.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


SETTINGS = """
interval = 0.25
history_size = 60
scope = "host"
zfs_arc_available = false
series_expiry_seconds = 5
window_memory_bytes = 1_000_000
handler_timeout = "none"
"""


def test_every_setting_of_the_file_counts_and_keywords_count_more(write: Write) -> None:
    path = write(SETTINGS)
    monitor = ResourceMonitor.from_config(path)
    assert (monitor.interval, monitor.history_size, monitor.scope) == (0.25, 60, "host")
    assert monitor._mtaio_handler_timeout is None
    monitor = ResourceMonitor.from_config(str(path), interval=2.0, handler_timeout=5)
    assert (monitor.interval, monitor.history_size, monitor._mtaio_handler_timeout) == (2.0, 60, 5.0)
    with pytest.raises(ConfigurationError, match="interval must be a finite number"):
        ResourceMonitor.from_config(path, interval=0)


def test_what_the_file_leaves_out_is_the_default(write: Write) -> None:
    monitor, default = ResourceMonitor.from_config(write("")), ResourceMonitor()
    assert repr(monitor) == repr(default)
    assert monitor._mtaio_handler_timeout == default._mtaio_handler_timeout


def test_a_threshold_of_the_file_fires(write: Write) -> None:
    path = write(
        """
        [[thresholds]]
        metric = 'queue{shop="a"}'
        value = 10
        critical = 20.0
        annotations = { runbook = "https://wiki.example.org" }
        """
    )
    alerts: list[Alert] = []

    async def main() -> None:
        monitor = ResourceMonitor.from_config(path, interval=0.01)
        monitor.on_alert(alerts.append)
        async with monitor:
            monitor.record("queue", 30, labels={"shop": "b"})
            monitor.record("queue", 15, labels={"shop": "a"})
            await eventually(lambda: len(alerts) == 1)
            monitor.record("queue", 25, labels={"shop": "a"})
            await eventually(lambda: len(alerts) == 2)

    run(main())
    assert [(alert.level, alert.value) for alert in alerts] == [("warning", 15.0), ("critical", 25.0)]
    assert alerts[0].annotations == {"runbook": "https://wiki.example.org"}


def test_a_destination_of_the_file_is_told(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOOK", "T0/B1")
    with Receiver() as receiver:
        path = write(
            f"""
            [[thresholds]]
            metric = "queue"
            value = 10
            [[destinations]]
            type = "webhook"
            url = "{receiver.url}/${{SHOP_HOOK}}"
            """
        )

        async def main() -> ResourceMonitor:
            monitor = ResourceMonitor.from_config(path)
            async with monitor:
                await monitor.record_metric("queue", 11)
            return monitor

        monitor = run(main())
        [destination] = monitor.health().destinations
        assert (destination.kind, destination.address, destination.sent) == ("webhook", receiver.url, 1)
        assert [body["metric"] for body in receiver.bodies] == ["queue"]


class Named(ResourceMonitor):
    """A subclass that hands settings on."""

    def __init__(self, name: str, **settings: Any) -> None:
        """Has a name."""
        super().__init__(**settings)
        self.name = name


class Fixed(ResourceMonitor):
    """A subclass that takes nothing."""

    def __init__(self) -> None:
        """Has settings of its own."""
        super().__init__(interval=3.0)
        self.set_threshold("queue", 1.0)


def test_subclasses_are_made_as_they_like(write: Write) -> None:
    monitor = Named.from_config(write(SETTINGS), name="shop")
    assert (type(monitor), monitor.name, monitor.interval) == (Named, "shop", 0.25)
    fixed = Fixed.from_config(write("[[thresholds]]\nmetric = 'queue'\nvalue = 2\n"))
    assert (type(fixed), fixed.interval) == (Fixed, 3.0)
    assert "(queue) > 2" in fixed.alert_rules()
    with pytest.raises(ConfigurationTypeError, match=r"Fixed does not accept the settings of .*mtaio.toml.*'interval'"):
        Fixed.from_config(write("interval = 1.0"))


def test_every_fault_is_told_with_its_line(write: Write) -> None:
    path = write("interval = 0\n[[thresholds]]\nmetric = 'x'\nvalue = '80'\nfour_seconds = 1\n")
    with pytest.raises(ConfigurationError) as raised:
        ResourceMonitor.from_config(path)
    assert str(raised.value) == (
        f"{path} cannot be used: 3 faults\n"
        f"{path}:1:12: interval must be a finite number of seconds from 0.001 to 86400, got 0\n"
        "  1 | interval = 0\n"
        "    |            ^\n"
        f"{path}:4:9: value must be a finite number, got '80'\n"
        "  4 | value = '80'\n"
        "    |         ^^^^\n"
        f'{path}:5:1: a threshold has no key "four_seconds": did you mean for_seconds?\n'
        "  5 | four_seconds = 1\n"
        "    | ^^^^^^^^^^^^"
    )


def test_paths_that_are_none(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path, os.fspath(tmp_path / "missing.toml")):
        with pytest.raises(ConfigurationError, match=f"^cannot read {path}: "):
            ResourceMonitor.from_config(path)
    for wrong in (5, None, b"mtaio.toml", {}):
        with pytest.raises(ConfigurationTypeError, match=r"path must be the path of a file"):
            ResourceMonitor.from_config(wrong)  # type: ignore[arg-type]


def test_a_table_of_pyproject(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[project]\nname = 'shop'\n[tool.mtaio.monitoring]\ninterval = 4\n", encoding="utf-8")
    assert ResourceMonitor.from_config(path).interval == 4.0


@pytest.mark.once
def test_the_wheels_command_reads_it_too(write: Write) -> None:
    path = write("interval = 0.05\n[[thresholds]]\nmetric = 'host_memory_total_bytes'\nvalue = 1\n")
    command = [sys.executable, "-c", "import sys; from mtaio.monitoring._command import main; sys.exit(main())"]
    checked = subprocess.run([*command, "check-config", path], capture_output=True, text=True, timeout=30, check=True)
    assert checked.stdout.startswith(f"{path}: OK, 1 threshold, 0 destinations, interval 0.05 s\n")
    watched = subprocess.run(
        [*command, "watch", "--json", "-n", "2", "--config", path],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert len([json.loads(line) for line in watched.stdout.splitlines()]) == 2
    assert "is above its threshold of 1 By" in watched.stderr
