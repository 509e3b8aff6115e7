"""What a profile says is what its traces say; and each bad argument has its clear error."""

import asyncio
import dataclasses
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mtaio.monitoring import (
    ConfigurationError,
    ConfigurationTypeError,
    MonitoringError,
    Profile,
    ProfileMetrics,
    Profiler,
    ProfilerError,
    ProfileTrace,
)

FORMATS = ("json", "chrome-trace", "speedscope", "collapsed", "html")
HOSTILE = "<script>alert('1 & \"2\"')</script>"


def profile_of(profiler: Profiler) -> Profile:
    return asyncio.run(profiler.get_profile())


def worked(count: int = 200, **options: Any) -> Profiler:
    """A profiler under which traces of several names and lengths have ended."""
    profiler, chance = Profiler(**options), random.Random(5)
    for number in range(count):
        with profiler.trace_context(f"op-{number % 3}", {"number": number}):
            for _ in range(chance.randrange(3000)):
                pass
    return profiler


def nearest_rank(sorted_values: list[float], percent: int) -> float:
    return sorted_values[math.ceil(len(sorted_values) * percent / 100) - 1]


def check_metrics(metrics: ProfileMetrics, traces: list[ProfileTrace]) -> None:
    """Those of exactly these traces."""
    durations = sorted(trace.duration for trace in traces)
    assert metrics.call_count == len(traces)
    assert metrics.total_time == pytest.approx(sum(durations), abs=1e-6 * (1 + len(durations)))
    assert metrics.avg_time == pytest.approx(sum(durations) / len(durations), abs=1e-6)
    # A time of day in seconds holds a quarter of a microsecond.
    assert (metrics.min_time, metrics.max_time) == pytest.approx((durations[0], durations[-1]), abs=1e-6)
    assert list(metrics.percentiles) == [50, 90, 95, 99]
    for percent, value in metrics.percentiles.items():
        assert value == pytest.approx(nearest_rank(durations, percent), abs=1e-6), percent
    assert metrics.memory_total == sum(trace.memory_delta for trace in traces)
    assert metrics.memory_avg == pytest.approx(metrics.memory_total / len(traces))


@pytest.mark.parametrize("count", [1, 2, 3, 10, 99, 100, 101, 1000])
def test_metrics(count: int) -> None:
    profile = profile_of(worked(count))
    assert sorted(profile.names) == sorted({trace.name for trace in profile.traces})
    check_metrics(profile.get_metrics(), profile.traces)
    for name in profile.names:
        check_metrics(profile.get_metrics(name), [trace for trace in profile.traces if trace.name == name])


def test_metrics_of_nothing() -> None:
    profile = profile_of(Profiler())
    for metrics in (profile.get_metrics(), profile.get_metrics("never heard of")):
        assert (metrics.total_time, metrics.avg_time, metrics.min_time, metrics.max_time) == (0.0, 0.0, 0.0, 0.0)
        assert (metrics.call_count, metrics.memory_total, metrics.memory_avg) == (0, 0, 0.0)
        assert not any(metrics.percentiles.values())
    assert (profile.traces, profile.open_traces, profile.tasks, profile.names) == ([], [], [], [])
    assert (profile.total_time, profile.start_time, profile.end_time) == (0.0, None, None)
    assert isinstance(str(profile), str)


def test_total_time() -> None:
    async def main() -> None:
        profiler = Profiler()
        async with profiler.trace_context("first"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        async with profiler.trace_context("second"):
            await asyncio.sleep(0.01)
        profile = await profiler.get_profile()
        first, second = profile.traces
        assert (profile.start_time, profile.end_time) == (first.start_time, second.end_time)
        assert profile.total_time == pytest.approx(second.end_time - first.start_time, abs=1e-6)
        assert profile.total_time >= 0.029
        async with profiler.trace_context("third") as third:
            await asyncio.sleep(0.01)
            now = await profiler.get_profile()
            assert now.total_time >= profile.total_time + 0.009, "until now, while one is open"
            (found,) = now.open_traces
            assert (found.name, found.status, found.end_time) == ("third", "open", now.end_time)
            assert third.end_time is None
            assert now.get_metrics("third").call_count == 0, "the metrics are those of what has ended"

    asyncio.run(main())


def test_a_snapshot_stays_as_it_is() -> None:
    profiler = worked(100)
    with profiler.trace_context("open", {"state": "before"}) as trace:
        profile = profile_of(profiler)
        before = (str(profile), profile.export("json"), profile.get_metrics(), profile.total_time, len(profile.traces))
        with profiler.trace_context("later"):
            trace.metadata["state"] = "after"
    asyncio.run(profiler.reset())
    after = (str(profile), profile.export("json"), profile.get_metrics(), profile.total_time, len(profile.traces))
    assert after == before
    assert [each.metadata for each in profile.open_traces] == [{"state": "before"}]
    assert "later" not in profile.names


def test_metadata_is_a_copy() -> None:
    profiler, given = Profiler(), {"rows": 3}
    with profiler.trace_context("it", given) as trace:
        given["rows"] = 4
        trace.metadata["pages"] = 1
    assert given == {"rows": 4}
    assert profile_of(profiler).traces[0].metadata == {"rows": 3, "pages": 1}


def test_reset() -> None:
    profiler = worked(100, max_traces=10)
    asyncio.run(profiler.reset())
    profile = profile_of(profiler)
    assert (profile.traces, profile.names, profile.let_go, profile.total_time) == ([], [], 0, 0.0)
    with profiler.trace_context("anew"):
        pass
    check_metrics(profile_of(profiler).get_metrics("anew"), profile_of(profiler).traces)


def test_what_was_let_go_is_counted() -> None:
    profiler, held = worked(3000, max_traces=300), worked(3000)
    assert profile_of(held).let_go == 0
    profile = profile_of(profiler)
    assert (len(profile.traces), profile.let_go) == (300, 2700)
    assert [trace.metadata["number"] for trace in profile.traces] == list(range(2700, 3000)), "the newest are held"
    assert profile.get_metrics().call_count == 3000
    assert [profile.get_metrics(name).call_count for name in sorted(profile.names)] == [1000, 1000, 1000]
    assert "2,700" in str(profile) or "2700" in str(profile), "a loss is told"


def test_percentiles_of_what_was_let_go_are_within_half_a_bucket() -> None:
    profiler, durations = Profiler(max_traces=50), []
    for number in range(2000):
        with profiler.trace_context("it") as trace:
            for _ in range((number * 7919) % 5000):
                pass
        durations.append(trace.duration)
    metrics = profile_of(profiler).get_metrics("it")
    durations.sort()
    assert metrics.total_time == pytest.approx(sum(durations), abs=1e-3)
    assert (metrics.min_time, metrics.max_time) == pytest.approx((durations[0], durations[-1]), abs=1e-6)
    for percent, value in metrics.percentiles.items():
        assert value == pytest.approx(nearest_rank(durations, percent), rel=0.0055, abs=5e-7), percent


def test_switched_off() -> None:
    async def main() -> None:
        profiler = Profiler(enabled=False)
        async with profiler.trace_context("it", {"rows": 1}):
            with profiler.trace_context("it") as trace:
                trace.metadata["rows"] = 2
        trace = await profiler.start_trace("it", metadata={})
        await profiler.end_trace(trace)
        profile = await profiler.get_profile()
        assert (profile.traces, profile.open_traces, profile.get_metrics().call_count) == ([], [], 0)
        with pytest.raises(LookupError):
            async with profiler.trace_context("it"):
                raise LookupError

    asyncio.run(main())


# --- bad arguments ---


def check_error(call: Callable[[], Any], error: type[Exception], *texts: str) -> None:
    """A call, or the coroutine that it gives, raises this; the message has these texts in it."""

    async def main() -> None:
        result = call()
        if asyncio.iscoroutine(result):
            await result

    with pytest.raises(error) as raised:
        asyncio.run(main())
    assert isinstance(raised.value, MonitoringError)
    for text in texts:
        assert text in str(raised.value), f"{text!r} is not in {raised.value}"


@pytest.mark.parametrize(
    ("options", "error", "texts"),
    [
        ({"enabled": "yes"}, ConfigurationTypeError, ["enabled", "'yes'"]),
        ({"trace_async_tasks": 1.5}, ConfigurationTypeError, ["trace_async_tasks", "1.5"]),
        ({"collect_stack_trace": "no"}, ConfigurationTypeError, ["collect_stack_trace", "'no'"]),
        ({"max_traces": 0}, ConfigurationError, ["max_traces", "0", "1"]),
        ({"max_traces": -7}, ConfigurationError, ["max_traces", "-7"]),
        ({"max_traces": "many"}, ConfigurationTypeError, ["max_traces", "'many'"]),
        ({"max_traces": 1.5}, ConfigurationTypeError, ["max_traces", "1.5"]),
        ({"max_traces": None}, ConfigurationTypeError, ["max_traces", "None"]),
        ({"memory": "heap"}, ConfigurationError, ["memory", "heap", "rss", "None"]),
        ({"memory": 7}, ConfigurationTypeError, ["memory", "7", "rss", "None"]),
    ],
    ids=str,
)
def test_bad_options(options: dict[str, Any], error: type[Exception], texts: list[str]) -> None:
    check_error(lambda: Profiler(**options), error, *texts)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("name", [7, None, b"bytes", ["list"]], ids=repr)
def test_bad_names(name: Any, enabled: bool) -> None:
    profiler = Profiler(enabled=enabled)
    for call in (lambda: profiler.trace_context(name), lambda: profiler.start_trace(name)):
        check_error(call, ConfigurationTypeError, "name", repr(name))


@pytest.mark.parametrize("metadata", [7, "text", ["list"]], ids=repr)
def test_bad_metadata(metadata: Any) -> None:
    profiler = Profiler()
    for call in (lambda: profiler.trace_context("it", metadata), lambda: profiler.start_trace("it", metadata)):
        check_error(call, ConfigurationTypeError, "metadata", repr(metadata))


@pytest.mark.parametrize(
    "trace", [None, 7, "it", object(), ProfileTrace("it", 0.0, 1.0)], ids=lambda each: str(type(each))
)
def test_what_is_no_trace_cannot_be_ended(trace: Any) -> None:
    check_error(lambda: Profiler().end_trace(trace), ConfigurationTypeError, "start_trace")


def test_other_bad_arguments(tmp_path: Path) -> None:
    profile = profile_of(worked(3))
    check_error(lambda: profile.get_metrics(7), ConfigurationTypeError, "name", "7")  # type: ignore[arg-type]
    check_error(lambda: profile.diff(7), ConfigurationTypeError, "7")  # type: ignore[arg-type]
    broken = tmp_path / "broken.json"
    for text in ("", "{}", "[1, 2]", "not json"):
        broken.write_text(text)
        check_error(lambda: Profile.load(broken), ProfilerError, "broken.json")
    with pytest.raises((ProfilerError, FileNotFoundError), match=r"missing\.json"):
        Profile.load(tmp_path / "missing.json")


# --- out of the process ---


@pytest.mark.parametrize("format", ["pdf", "", "JSON ", "chrome"])
def test_unknown_formats(format: str, tmp_path: Path) -> None:
    profiler = worked(3)
    profile = profile_of(profiler)
    calls = [
        lambda: profile.export(format),
        lambda: profiler.export_profile(format),
        lambda: profile.save(tmp_path / "it", format=format),
    ]
    for call in calls:
        check_error(call, ProfilerError, f'"{format}"', *FORMATS)
    assert not (tmp_path / "it").exists()


@pytest.mark.parametrize("format", FORMATS)
def test_every_format(format: str, tmp_path: Path) -> None:
    profiler = worked(9)
    with profiler.trace_context(HOSTILE):
        pass
    profile = profile_of(profiler)
    text = asyncio.run(profiler.export_profile(format))
    assert isinstance(text, str)
    assert "op-1" in text
    if format in ("json", "chrome-trace", "speedscope"):
        json.loads(text)
    if format == "html":
        assert HOSTILE not in text
    profile.save(tmp_path / "it", format=format)
    assert (tmp_path / "it").read_text(encoding="utf-8") == profile.export(format)


def no_row() -> None:
    raise LookupError("no row")


@pytest.mark.parametrize("metadata", [{}, {"text": "日本", "list": [1, 2.5, None], "dict": {"deep": True}}])
def test_saved_and_loaded_it_is_the_same(metadata: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> Profile:
        profiler = Profiler(max_traces=20, collect_stack_trace=True)
        for _ in range(30):
            async with profiler.trace_context("名前", metadata):
                await asyncio.create_task(asyncio.sleep(0), name="a task")
        with pytest.raises(LookupError):
            profiler.trace(name="fails")(no_row)()
        async with profiler.trace_context("open"):
            return await profiler.get_profile()

    profile = asyncio.run(main())
    profile.save(tmp_path / "profile.json")
    loaded = Profile.load(tmp_path / "profile.json")
    for ours, theirs in [
        (profile.traces, loaded.traces),
        (profile.open_traces, loaded.open_traces),
        (profile.tasks, loaded.tasks),
    ]:
        assert [dataclasses.asdict(each) for each in theirs] == [dataclasses.asdict(each) for each in ours]
    assert loaded.let_go == profile.let_go == 11
    assert loaded.names == profile.names
    for name in (None, *profile.names):
        assert loaded.get_metrics(name) == profile.get_metrics(name)
    assert (loaded.total_time, str(loaded)) == (profile.total_time, str(profile))
    assert loaded.export("json") == profile.export("json")


def test_metadata_that_json_does_not_know_is_still_exported(tmp_path: Path) -> None:
    profiler = Profiler()
    with profiler.trace_context("it", {"what": object(), 7: {1, 2}, "nan": math.nan}) as trace:
        trace.metadata["self"] = trace.metadata
    for format in FORMATS:
        assert profile_of(profiler).export(format)
    profile_of(profiler).save(tmp_path / "it.json")
    assert [trace.name for trace in Profile.load(tmp_path / "it.json").traces] == ["it"]


def test_the_difference_begins_with_what_changed_most() -> None:
    def one(slow: str) -> Profile:
        async def main() -> Profile:
            profiler = Profiler()
            for name in ("parse", "query", "render"):
                async with profiler.trace_context(name):
                    await asyncio.sleep(0.03 if name == slow else 0.001)
            if slow == "query":
                async with profiler.trace_context("added"):
                    pass
            return await profiler.get_profile()

        return asyncio.run(main())

    before, after = one("nothing"), one("query")
    text = str(before.diff(after))
    assert {"parse", "query", "render", "added"} <= set(text.replace("|", " ").split())
    assert text.index("query") < min(text.index("parse"), text.index("render"))
    assert str(before.diff(before))


def test_printed() -> None:
    profiler = Profiler()
    with profiler.trace_context("outer"):
        for _ in range(3):
            with profiler.trace_context("inner"):
                pass
    text = str(profile_of(profiler))
    header = next(line for line in text.splitlines() if "CALLS" in line)
    for column in ("NAME", "CALLS", "TOTAL", "RUN", "WAIT", "MEAN", "P50", "P90", "P99", "MEMORY"):
        assert column in header, column
    assert header.split()[0] == "NAME"
    assert "3" in next(line for line in text.splitlines() if line.split()[:1] == ["inner"]).split()
    for name in (HOSTILE, "a\nb\x1b[2J", "名前", ""):
        with profiler.trace_context(name):
            pass
    text = str(profile_of(profiler))
    assert "\x1b" not in text, "a name cannot clear the terminal"
    assert "名前" in text


def test_in_a_notebook() -> None:
    profiler = Profiler()
    with profiler.trace_context(HOSTILE, {HOSTILE: HOSTILE}), profiler.trace_context("plain"):
        pass
    html = profile_of(profiler)._repr_html_()
    assert "plain" in html
    assert "alert(" in html
    assert "<script>alert" not in html
    assert 'alert(\'1 & "2"' not in html


def test_a_trace_is_made_as_the_reference_prints_it() -> None:
    trace = ProfileTrace("it", 10.0, 12.5, {"a": 1}, "stack", 100, 70)
    assert (trace.duration, trace.memory_delta) == (2.5, -30)
    bare = ProfileTrace(name="it", start_time=1.0, end_time=2.0)
    assert (bare.metadata, bare.stack_trace, bare.memory_start, bare.memory_end) == ({}, None, 0, 0)
    assert bare.metadata is not ProfileTrace("it", 1.0, 2.0).metadata
    assert bare == ProfileTrace("it", 1.0, 2.0)
    names = [field.name for field in dataclasses.fields(ProfileTrace)]
    first = ["name", "start_time", "end_time", "metadata", "stack_trace", "memory_start", "memory_end"]
    further = ["trace_id", "parent_id", "task_id", "task_name", "thread_id", "status", "error", "run_time", "wait_time"]
    assert names == first + further
