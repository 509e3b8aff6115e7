"""Thresholds beyond the plain ones: their keywords, silences, and what handlers are told of them."""

import asyncio
import logging
import math
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from deadline import eventually, on_loop, run
from mtaio.monitoring import Alert, ConfigurationError, ConfigurationTypeError, ResourceMonitor, Silence

pytestmark = pytest.mark.once


def listening(monitor: ResourceMonitor) -> list[Alert]:
    """The alerts of a monitor, as they come."""
    told: list[Alert] = []
    monitor.on_alert(on_loop(told.append))
    return told


def test_two_levels_and_the_whole_alert() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        told = listening(monitor)
        annotations = MappingProxyType({"runbook": "https://example.org/queue"})
        monitor.set_threshold("queue", 10, critical=20, clear=5, annotations=annotations)
        for value in (11, 25, 12, 4):
            await monitor.record_metric("queue", value)
        assert [(alert.state, alert.level, alert.threshold, alert.value, alert.peak) for alert in told] == [
            ("firing", "warning", 10, 11, 11),
            ("firing", "critical", 20, 25, 25),
            ("firing", "warning", 10, 12, 25),
            ("resolved", "warning", 10, 4, 25),
        ]
        assert told[1].message == "queue 25 is above its critical threshold of 20"
        for alert in told:
            assert alert.since == pytest.approx(told[0].timestamp, abs=0.001)
            assert (alert.labels, alert.window_seconds) == ({}, None)
            assert alert.annotations == annotations

    run(main())


def test_an_alert_of_the_programs_own_has_none_of_it() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        told = listening(monitor)
        await monitor.alert("the certificate ends in a week")
        assert (told[0].since, told[0].peak, told[0].labels, told[0].annotations) == (None, None, {}, {})
        made = Alert("queue", 1.0, 2.0, "text", "firing", "warning", 3.0)
        assert (made.labels, made.annotations) == ({}, {}), "what made one yesterday makes one today"

    run(main())


def values_told(values: list[float], **options: Any) -> list[tuple[str, float | None]]:
    async def main() -> list[tuple[str, float | None]]:
        monitor = ResourceMonitor()
        told = listening(monitor)
        monitor.set_threshold("queue", 10, **options)
        for value in values:
            await monitor.record_metric("queue", value)
        return [(alert.state, alert.value) for alert in told]

    return run(main())


def test_the_options_reach_the_rule() -> None:
    assert values_told([11, 9, 12, 9, 9], samples=(2, 3)) == [("firing", 12), ("resolved", 9)]
    assert values_told([11, 9, 12, 9], cool_down_seconds=3600) == [("firing", 11), ("resolved", 9)]
    assert values_told([11, 9, 12], keep_firing_seconds=3600) == [("firing", 11)]
    assert values_told([11, 12], grace_seconds=3600) == []
    assert values_told([11], level="critical") == [("firing", 11)]
    assert values_told([11], no_data="resolve", window_seconds=5) == [("firing", 11)]


def test_a_silence_keeps_an_alert_back_until_it_expires() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        told = listening(monitor)
        monitor.set_threshold("queue", 10)
        silence = monitor.silence("queue", seconds=3600, comment="deploy")
        assert isinstance(silence, Silence)
        assert (silence.matcher, silence.comment) == ("queue", "deploy")
        assert "deploy" in repr(silence)
        assert monitor.silences() == [silence]
        assert monitor.silences()[0].expires == silence.expires
        await monitor.record_metric("queue", 11)
        assert told == []
        assert silence.expire()
        await asyncio.sleep(0)
        await eventually(lambda: len(told) == 1)
        assert (told[0].value, told[0].state) == (11, "firing")
        assert not silence.expire(), "it is over"
        assert monitor.silences() == []
        # One that was told ends in a silence too.
        again = monitor.silence("queue", 3600)
        assert again != silence
        assert len({again, silence, *monitor.silences()}) == 2
        await monitor.record_metric("queue", 1)
        assert told[1].state == "resolved"

    run(main())


def test_an_expression_is_held_against_each_sample() -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.01) as monitor:
            told = listening(monitor)
            monitor.set_threshold("busy / workers", 0.5)
            monitor.record("busy", 3)
            monitor.record("workers", 4)
            await eventually(lambda: len(told) == 1)
            assert told[0].message == "busy / workers 0.75 is above its threshold of 0.5"
            monitor.record("busy", 1)
            await eventually(lambda: len(told) == 2)
            assert (told[1].state, told[1].value) == ("resolved", 0.25)
            assert monitor.health().dropped_instances == 0

    run(main())


def test_a_program_that_falls_silent_and_a_handler_that_wants_a_number() -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.01) as monitor:
            told = listening(monitor)
            numbers: list[float] = []
            monitor.on_threshold_exceeded(on_loop(lambda _metric, value, _level: numbers.append(value)))
            monitor.set_threshold("beat", 10, no_data="alert")
            await eventually(lambda: len(told) == 1)
            assert (told[0].value, told[0].threshold) == (None, 10)
            assert "has no value" in told[0].message
            assert len(numbers) == 1
            assert math.isnan(numbers[0])

    run(main())


def test_a_wrong_expression_is_shown_with_a_caret() -> None:
    with pytest.raises(ConfigurationError) as raised:
        ResourceMonitor().set_threshold("request_duration:p999x", 1)
    first, text, caret = str(raised.value).splitlines()
    assert first == "metric must be a name or an expression, got"
    assert text.index(":p999x") + 1 == caret.index("^")
    assert "an aggregate is last, count" in caret


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"critical": 5}, ConfigurationError, "critical must be a finite number above the threshold of 10"),
        ({"critical": "x"}, ConfigurationTypeError, "critical must be a finite number or None"),
        ({"level": "fatal"}, ConfigurationError, "level must be 'warning' or 'critical'"),
        ({"level": 1}, ConfigurationTypeError, "level must be 'warning' or 'critical'"),
        ({"keep_firing_seconds": -1}, ConfigurationError, "keep_firing_seconds must be"),
        ({"keep_firing_seconds": None}, ConfigurationTypeError, "keep_firing_seconds must be"),
        ({"window_seconds": 0}, ConfigurationError, "window_seconds must be"),
        ({"window_seconds": "1m"}, ConfigurationTypeError, "window_seconds must be"),
        ({"samples": (3, 2)}, ConfigurationError, "samples must be (n, m)"),
        ({"samples": (-1, 2)}, ConfigurationError, "got (-1, 2)"),
        ({"samples": (1, 2**80)}, ConfigurationError, "samples must be (n, m)"),
        ({"samples": 3}, ConfigurationTypeError, "samples must be (n, m)"),
        ({"samples": (1.5, 2)}, ConfigurationTypeError, "samples must be (n, m)"),
        ({"no_data": "ignore"}, ConfigurationError, "no_data must be 'keep', 'resolve' or 'alert'"),
        ({"grace_seconds": math.nan}, ConfigurationError, "grace_seconds must be"),
        ({"cool_down_seconds": math.inf}, ConfigurationError, "cool_down_seconds must be"),
        ({"annotations": {"runbook": 1}}, ConfigurationTypeError, "annotations must be a mapping of strings"),
        ({"annotations": "runbook"}, ConfigurationTypeError, "annotations must be a mapping of strings"),
    ],
)
def test_what_cannot_be_an_option_is_refused(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    monitor = ResourceMonitor()
    with pytest.raises(kind) as raised:
        monitor.set_threshold("queue", 10, **options)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda monitor: monitor.silence("queue{", 1), "a label is a letter"),
        (lambda monitor: monitor.silence("", 1), "a name of at least one character"),
        (lambda monitor: monitor.silence("queue", 0), "seconds must be a number of seconds above 0"),
        (lambda monitor: monitor.silence("queue", math.nan), "seconds must be a number of seconds above 0"),
        (lambda monitor: monitor.silence(1, 1), "matcher must be a string"),
        (lambda monitor: monitor.silence("queue", 1, None), "comment must be a string"),
    ],
)
def test_what_cannot_be_a_silence_is_refused(call: Callable[[ResourceMonitor], object], message: str) -> None:
    with pytest.raises(ConfigurationError, match="must be") as raised:
        call(ResourceMonitor())
    assert message in str(raised.value)


def test_what_is_missing_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.01) as monitor:
            monitor.set_threshold("busy / workers", 0.5)
            with caplog.at_level(logging.WARNING, "mtaio.monitoring"):
                await eventually(lambda: "has had no value for three intervals" in caplog.text)
            assert monitor.health().thresholds_without_data == ["busy / workers"]

    run(main())


def test_the_thresholds_as_a_file_that_prometheus_reads(tmp_path: Path) -> None:
    monitor = ResourceMonitor()
    file = tmp_path / "rules.yml"
    promtool = Path(__file__).parents[2] / ".venv" / "debian" / "usr" / "bin" / "promtool"

    def rules_read() -> str:
        file.write_text(monitor.alert_rules("prometheus"))
        read = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
        assert read.returncode == 0, read.stderr + file.read_text()
        return read.stdout

    assert "SUCCESS: 0 rules" in rules_read()
    monitor.histogram("errors")
    monitor.histogram("duration", unit="s")
    monitor.set_threshold("cpu_usage", 80, critical=95, clear=70, annotations={"runbook": "https://example.org/a: b"})
    monitor.set_threshold('errors{kind!="user"}:count / duration:count by (route)', 0.05, for_seconds=30)
    monitor.set_threshold("queue 'ü'\n", 1e-9, below=True, keep_firing_seconds=1.5)
    assert "SUCCESS: 4 rules" in rules_read()
    assert monitor.alert_rules() == file.read_text()
    assert "(cpu_usage_ratio) > 0.8" in file.read_text(), "the names and units of the scrape"
    monitor.remove_threshold("cpu_usage")
    assert "SUCCESS: 2 rules" in rules_read()
    with pytest.raises(ConfigurationError, match="format must be 'prometheus', got \"yaml\""):
        monitor.alert_rules("yaml")
    with pytest.raises(TypeError, match="format"):
        monitor.alert_rules(5)  # type: ignore[arg-type]
