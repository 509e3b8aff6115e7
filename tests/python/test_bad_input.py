"""Each bad argument has its clear error: it names the argument, what was given and what is accepted."""

import asyncio
import decimal
import fractions
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from deadline import Told, run
from hypothesis import given
from hypothesis import strategies as st
from mtaio.monitoring import (
    ConfigurationError,
    ConfigurationTypeError,
    MonitoringError,
    ResourceMonitor,
    UnknownMetricError,
)

HUGE = 10**400


class Float:
    """As numpy's numbers: no float, but can be made one."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Index:
    """A whole number of somebody else's."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class Raises:
    """A number that cannot be read."""

    def __float__(self) -> float:
        raise ZeroDivisionError("the sensor is off")


def check(call: Callable[[], Any], error: type[Exception], *texts: str) -> None:
    """A call raises this error, and the message has these texts in it."""
    with pytest.raises(error) as raised:
        call()
    for text in texts:
        assert text in str(raised.value), f"{text!r} is not in {raised.value}"


def test_the_errors_relations() -> None:
    assert issubclass(ConfigurationError, MonitoringError)
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(ConfigurationTypeError, ConfigurationError)
    assert issubclass(ConfigurationTypeError, TypeError)
    assert issubclass(UnknownMetricError, MonitoringError)
    assert issubclass(UnknownMetricError, KeyError)
    assert not issubclass(MonitoringError, ValueError)


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        (0, "got 0"),
        (-1, "got -1"),
        (math.nan, "got NaN"),
        (math.inf, "got inf"),
        (-math.inf, "got -inf"),
        (0.000_999, "got 0.000999"),
        (86_400.001, "got 86400.001"),
        (HUGE, "got inf"),
        (decimal.Decimal("0"), "got 0"),
    ],
)
def test_an_interval_out_of_range(interval: float, shown: str) -> None:
    accepted = "interval must be a finite number of seconds from 0.001 to 86400"
    check(lambda: ResourceMonitor(interval=interval), ValueError, accepted, shown)
    check(lambda: ResourceMonitor(interval), ConfigurationError, accepted, shown)


@pytest.mark.parametrize("interval", ["1", None, b"1", [1.0], 1j, object])
def test_an_interval_that_is_no_number(interval: Any) -> None:
    given = f"got {type(interval).__name__} {interval!r}"
    accepted = "interval must be a finite number of seconds from 0.001 to 86400"
    check(lambda: ResourceMonitor(interval=interval), TypeError, accepted, given)
    check(lambda: ResourceMonitor(interval=interval), ConfigurationTypeError, accepted, given)
    check(lambda: ResourceMonitor(interval=interval), ValueError, accepted, given)


@pytest.mark.parametrize(
    "interval",
    [0.001, 1, 86_400, True, fractions.Fraction(1, 2), decimal.Decimal("0.5"), Float(0.5), Index(2)],
)
def test_an_interval_of_any_numbers_type(interval: Any) -> None:
    monitor = ResourceMonitor(interval=interval)
    assert monitor.interval == float(interval.value if isinstance(interval, Index) else interval)


@pytest.mark.parametrize("size", [0, -1, 10_000_001, HUGE, -HUGE, 2**63, 2**64, -(2**63)])
def test_a_history_size_out_of_range(size: int) -> None:
    accepted = "history_size must be a whole number of samples from 1 to 10000000"
    check(lambda: ResourceMonitor(history_size=size), ConfigurationError, accepted, "got ")
    if abs(size) < HUGE:
        check(lambda: ResourceMonitor(history_size=size), ValueError, f"got {size}")


@pytest.mark.parametrize("size", [1.5, 3600.0, math.nan, "3600", None, decimal.Decimal(3600), Float(3600)])
def test_a_history_size_that_is_no_whole_number(size: Any) -> None:
    accepted = "history_size must be a whole number of samples from 1 to 10000000"
    check(lambda: ResourceMonitor(history_size=size), ConfigurationTypeError, accepted, type(size).__name__)


def test_a_history_size_of_any_whole_numbers_type() -> None:
    sizes = [1, 10_000_000, True, Index(7)]
    assert [ResourceMonitor(history_size=size).history_size for size in sizes] == [1, 10_000_000, 1, 7]


def test_a_scope() -> None:
    assert [ResourceMonitor(scope=scope).scope for scope in ("auto", "host")] == ["auto", "host"]
    for scope in ("", "Auto", "cgroup", "\ud800"):
        check(
            lambda scope=scope: ResourceMonitor(scope=scope),
            ConfigurationError,
            "scope must be 'auto' or 'host'",
        )
    check(lambda: ResourceMonitor(scope=None), ConfigurationTypeError, "scope must be 'auto' or 'host'", "None")
    check(lambda: ResourceMonitor(1.0, 3600, "auto"), TypeError, "positional")


@pytest.mark.parametrize("value", ["80", None, [80], 1j, b"80"])
def test_a_threshold_that_is_no_number(value: Any) -> None:
    monitor = ResourceMonitor()
    given = f"got {type(value).__name__} {value!r}"
    check(
        lambda: monitor.set_threshold("q", value),
        ConfigurationTypeError,
        "value must be a finite number",
        given,
    )
    for argument in ("for_seconds", "clear", "repeat_seconds"):
        if value is not None:
            check(lambda a=argument: monitor.set_threshold("q", 1, **{a: value}), TypeError, argument, given)
    assert monitor.remove_threshold("q") is False, "nothing of it was set"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, HUGE])
def test_a_threshold_that_is_not_finite(value: float) -> None:
    monitor = ResourceMonitor()
    check(lambda: monitor.set_threshold("q", value), ConfigurationError, "value must be a finite number", "got ")
    for argument in ("for_seconds", "clear", "repeat_seconds"):
        check(lambda a=argument: monitor.set_threshold("q", 1, **{a: value}), ValueError, f"{argument} must be")
    assert monitor.remove_threshold("q") is False


def test_a_threshold_with_options_that_make_no_sense() -> None:
    monitor = ResourceMonitor()

    def threshold(**options: Any) -> Callable[[], None]:
        return lambda: monitor.set_threshold("q", 80.0, **options)

    check(
        threshold(clear=81),
        ValueError,
        "clear must be a finite number at or below the threshold of 80",
        "got 81",
    )
    check(
        threshold(clear=79, below=True),
        ValueError,
        "clear must be",
        "at or above the threshold of 80",
        "got 79",
    )
    check(
        threshold(for_seconds=-1),
        ValueError,
        "for_seconds must be a number of seconds from 0 to 3.2e9",
        "got -1",
    )
    check(threshold(repeat_seconds=0), ValueError, "repeat_seconds must be a number of seconds above 0")
    check(threshold(for_seconds=1e300), ValueError, "for_seconds must be")
    check(threshold(below="yes"), TypeError, "below", "str")
    check(lambda: monitor.set_threshold("", 1), ValueError, "metric must be a name of at least one character")
    check(lambda: monitor.set_threshold(7, 1), ConfigurationTypeError, "metric must be a string", "got int 7")
    check(lambda: monitor.remove_threshold(None), ConfigurationTypeError, "metric must be a string", "None")
    check(lambda: monitor.set_threshold("q", 1, False), TypeError, "positional")


@pytest.mark.parametrize("value", ["1", None, [1.0], 1j, b"1", {}])
def test_a_record_that_is_no_number(value: Any) -> None:
    monitor = ResourceMonitor()
    given = f"got {type(value).__name__} {value!r}"
    accepted = "value must be a number (anything with __float__ or __index__)"
    check(lambda: monitor.record("q", value), TypeError, accepted, given)
    check(lambda: run(monitor.record_metric("q", value)), ConfigurationTypeError, accepted, given)
    check(lambda: run(monitor.record_metrics({"q": value})), TypeError, accepted, given)
    check(lambda: run(monitor.get_metric("q")), KeyError, "q")


def test_a_record_under_a_bad_name() -> None:
    monitor = ResourceMonitor()
    for name in (None, 7, b"queue", ("queue",)):
        given = f"got {type(name).__name__}"
        check(
            lambda name=name: monitor.record(name, 1.0),
            ConfigurationTypeError,
            "name must be a string",
            given,
        )
        check(lambda name=name: run(monitor.record_metric(name, 1.0)), TypeError, "name must be a string", given)
    check(lambda: monitor.record("", 1.0), ConfigurationError, "name must be a name of at least one character")
    for name in ("cpu_usage", "memory_usage", "host_threads"):
        text = f'one that the monitor does not measure itself, got "{name}": record under another name'
        check(lambda name=name: monitor.record(name, 1.0), ConfigurationError, text)


@pytest.mark.parametrize("name", ["\ud800", "queue\udcff"])
def test_a_name_that_is_no_text(name: str) -> None:
    """A lone surrogate: what `os.listdir` makes of a file name that is not UTF-8."""
    monitor = ResourceMonitor()
    shown = repr(name)
    check(lambda: monitor.record(name, 1.0), ConfigurationError, "name must be", shown)
    check(lambda: monitor.set_threshold(name, 1.0), ConfigurationError, "metric must be", shown)
    check(lambda: run(monitor.get_metric(name)), MonitoringError, shown)


def test_a_message_that_is_no_text_is_told_all_the_same() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(), Told()
        monitor.on_alert(told)
        await monitor.alert("cannot read report\udcff.txt")
        assert re.fullmatch(r"cannot read report.+\.txt", told.calls[0].message)

    run(main())


@pytest.mark.parametrize(
    "value", [1, 1.0, True, Index(1), Float(1.0), fractions.Fraction(2, 2), decimal.Decimal("1.0")]
)
def test_a_record_of_any_numbers_type(value: Any) -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        monitor.record("a", value)
        await monitor.record_metric("b", value)
        await monitor.record_metrics({"c": value})
        assert [await monitor.get_metric(name) for name in "abc"] == [1.0, 1.0, 1.0]

    run(main())


def test_a_number_that_raises_says_what_it_says() -> None:
    monitor = ResourceMonitor()
    check(lambda: monitor.record("q", Raises()), ZeroDivisionError, "the sensor is off")
    check(lambda: monitor.set_threshold("q", Raises()), ZeroDivisionError, "the sensor is off")
    check(lambda: ResourceMonitor(interval=Raises()), ZeroDivisionError, "the sensor is off")
    check(lambda: run(monitor.get_metric("q")), KeyError)


def test_one_bad_value_among_many_does_not_take_the_others_alerts_away() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(), Told()
        monitor.on_threshold_exceeded(told)
        monitor.set_threshold("first", 1.0)
        with pytest.raises(ConfigurationTypeError):
            await monitor.record_metrics({"first": 2.0, "second": "3", "third": 4.0})
        await asyncio.sleep(0)
        assert told.calls == [("first", 2.0, 1.0)]

    run(main())


def test_values_that_are_not_finite_are_dropped_and_counted() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(), Told()
        monitor.on_threshold_exceeded(told)
        monitor.set_threshold("q", 1.0)
        values = [math.nan, math.inf, -math.inf, HUGE, -HUGE, Float(math.nan), decimal.Decimal("Infinity")]
        for value in values:
            await monitor.record_metric("q", value)
        assert monitor.health().dropped_values == len(values)
        assert told.calls == []
        with pytest.raises(UnknownMetricError):
            await monitor.get_metric("q")
        await monitor.record_metric("q", 2.0)
        monitor.record("q", math.nan)
        assert await monitor.get_metric("q") == 2.0
        assert told.calls == [("q", 2.0, 1.0)]

    run(main())


def test_names_beyond_the_limit_are_dropped_and_counted() -> None:
    async def main() -> None:
        monitor, told = ResourceMonitor(), Told()
        monitor.on_threshold_exceeded(told)
        monitor.set_threshold("name 12000", 1.0)
        for index in range(10_003):
            monitor.record(f"name {index}", index)
        assert monitor.health().dropped_names == 3
        assert await monitor.get_metric("name 9999") == 9999.0
        with pytest.raises(UnknownMetricError):
            await monitor.get_metric("name 10000")
        monitor.record("name 0", 7.0)
        assert await monitor.get_metric("name 0") == 7.0, "the known ones go on"
        await monitor.record_metric("name 12000", 2.0)
        assert monitor.health().dropped_names == 4

    run(main())


def test_names_of_any_length_and_script() -> None:
    async def main() -> None:
        monitor = ResourceMonitor()
        for name in ("応答時間", "a\x00b", " ", "\n", "🦀", "x" * 100_000):
            await monitor.record_metric(name, 1.5)
            assert await monitor.get_metric(name) == 1.5

    run(main())


@given(name=st.text(min_size=1), value=st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_recorded_can_be_read(name: str, value: float) -> None:
    monitor = ResourceMonitor()
    monitor.record(name, value)
    latest = monitor._mtaio_latest(name)
    assert latest == value


def test_a_metric_that_has_no_value() -> None:
    monitor = ResourceMonitor()
    monitor.record("queue_depth", 1)
    check(lambda: run(monitor.get_metric("queue_dept")), KeyError, 'Did you mean "queue_depth"?', "cpu_usage")
    check(
        lambda: run(monitor.get_metric("zzz")),
        UnknownMetricError,
        "Known names:",
        "memory_usage",
        "queue_depth",
    )
    check(lambda: run(monitor.get_metric(7)), TypeError, "name", "int")
    check(lambda: run(monitor._collect_metric("zzz")), UnknownMetricError, "zzz")


@pytest.mark.parametrize("decorator", ["on_threshold_exceeded", "on_threshold_cleared", "on_alert"])
@pytest.mark.parametrize("handler", [None, 7, "print", [print]])
def test_a_handler_that_cannot_be_called(decorator: str, handler: Any) -> None:
    given = f"got {type(handler).__name__} {handler!r}"
    text = f"{decorator} takes a handler that can be called"
    check(lambda: getattr(ResourceMonitor(), decorator)(handler), ConfigurationTypeError, text, given)


def test_an_alert_of_half_the_arguments() -> None:
    monitor = ResourceMonitor()
    check(lambda: run(monitor.alert("queue", 7)), TypeError, "alert takes (message) or (metric, value, message)")
    check(
        lambda: run(monitor.alert("queue", "seven", "it grows")),
        TypeError,
        "value must be a number",
        "'seven'",
    )
    check(lambda: run(monitor.alert(7, 7, "it grows")), TypeError, "metric must be a string", "got int 7")


def test_what_is_shown_of_a_long_argument_is_short() -> None:
    with pytest.raises(ConfigurationTypeError) as raised:
        ResourceMonitor().record("q", "x" * 1_000_000)
    assert len(str(raised.value)) < 300
