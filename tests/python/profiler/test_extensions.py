"""The traces of a Rust extension on the timeline of the Python program that calls it."""

import asyncio
import importlib
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ended import drive
from forking import child
from mtaio.monitoring import ConfigurationTypeError, Profile, Profiler, ProfilerError, ProfileTrace

FORMATS = ("json", "chrome-trace", "speedscope", "collapsed", "html")
BUILT = Path(__file__).resolve().parents[3] / ".venv" / "extension"


def load() -> Any:
    """The extension of `tests/extension`, which `make` builds."""
    sys.path.insert(0, str(BUILT))
    try:
        return importlib.import_module("rust_service")
    finally:
        sys.path.remove(str(BUILT))


rust = load()


@pytest.fixture
def profiler() -> Iterator[Profiler]:
    """A profiler that includes the extension, both empty."""
    profiler = Profiler()
    profiler.include(rust)
    drive(profiler.reset())
    yield profiler
    # Lets go of what it includes, also where a failed test keeps it alive.
    profiler.__init__()  # type: ignore[misc]


def tree(profile: Profile) -> str:
    """Names, each below its parent, in the order in which they began."""
    traces = sorted([*profile.traces, *profile.open_traces], key=lambda trace: (trace.start_time, trace.trace_id))

    def below(parent: int | None, depth: int) -> list[str]:
        lines = []
        for trace in (trace for trace in traces if trace.parent_id == parent):
            lines += ["  " * depth + trace.name, *below(trace.trace_id, depth + 1)]
        return lines

    return "\n".join(below(None, 0))


def named(profile: Profile, name: str) -> ProfileTrace:
    """The one trace of that name."""
    [found] = [trace for trace in [*profile.traces, *profile.open_traces] if trace.name == name]
    return found


def test_what_rust_traces_is_below_the_python_trace_that_called(profiler: Profiler) -> None:
    with profiler.trace_context("request"):
        rust.work("parse")
        with profiler.trace_context("render"):
            rust.work("layout", 0.002)
    rust.work("outside")
    profile = drive(profiler.get_profile())
    assert tree(profile).splitlines() == [
        "request",
        "  parse",
        "    inner",
        "    released",
        "  render",
        "    layout",
        "      inner",
        "      released",
        "outside",
        "  inner",
        "  released",
    ]
    parse, request = named(profile, "parse"), named(profile, "request")
    assert (parse.metadata, parse.status, parse.thread_id) == ({"language": "rust"}, "ok", request.thread_id)
    assert profile.missing == {}
    assert len({trace.trace_id for trace in profile.traces}) == len(profile) == 11


def test_times_are_of_one_clock(profiler: Profiler) -> None:
    for _ in range(50):
        with profiler.trace_context("python"):
            rust.work("rust", 0.001)
    profile = drive(profiler.get_profile())
    by_id = {trace.trace_id: trace for trace in profile.traces}
    within = [(trace, by_id[trace.parent_id]) for trace in profile.traces if trace.parent_id is not None]
    assert len(within) == 150
    for trace, parent in within:
        # Floats of this size are a quarter of a microsecond apart.
        assert parent.start_time <= trace.start_time + 1e-6
        assert trace.end_time <= parent.end_time + 1e-6
    assert profile.get_metrics("released").min_time >= 0.001
    assert profile.start_time == min(trace.start_time for trace in profile.traces)
    assert profile.end_time == pytest.approx(max(trace.end_time for trace in profile.traces), abs=1e-6)


def test_concurrent_tasks_each_have_their_own(profiler: Profiler) -> None:
    @profiler.trace
    async def handle(number: int) -> None:
        for step in range(5):
            await asyncio.sleep(0.001 * (number % 3))
            rust.work(f"work {number} {step}")

    async def spawned() -> None:
        rust.work("spawned")

    async def main() -> Profile:
        await asyncio.gather(*(handle(number) for number in range(20)))
        async with profiler.trace_context("spawner"):
            task = asyncio.create_task(spawned(), name="worker")
        await task
        rust.work("in main")
        return await profiler.get_profile()

    profile = asyncio.run(main())
    by_id = {trace.trace_id: trace for trace in profile.traces}
    seen: dict[int, set[str]] = {}
    for trace in profile.traces:
        if trace.name.startswith("work "):
            parent = by_id[trace.parent_id or 0]
            assert parent.name.endswith("handle")
            assert (trace.task_id, trace.task_name) == (parent.task_id, parent.task_name)
            seen.setdefault(parent.trace_id, set()).add(trace.name.split()[1])
        elif trace.name in ("inner", "released"):
            assert trace.task_id == by_id[trace.parent_id or 0].task_id
    assert sorted(map(len, seen.values())) == [1] * 20
    assert named(profile, "spawned").parent_id == named(profile, "spawner").trace_id
    assert named(profile, "spawned").task_name == "worker"
    assert named(profile, "in main").parent_id is None
    assert named(profile, "in main").task_name is not None


def test_without_the_gil_and_on_threads_of_rust(profiler: Profiler) -> None:
    with profiler.trace_context("request"):
        rust.work_detached("detached")
        rust.work_on_a_thread("job")
    profile = drive(profiler.get_profile())
    # The traced future was made below the Python trace; what began elsewhere says that it is below none.
    assert sorted(tree(profile).splitlines()) == sorted(["request", "  job", "    inner", "detached", "alone"])
    job, request = named(profile, "job"), named(profile, "request")
    assert job.thread_id != request.thread_id
    assert named(profile, "alone").thread_id == job.thread_id


def test_python_threads(profiler: Profiler) -> None:
    def serve(number: int) -> None:
        for _ in range(50):
            with profiler.trace_context(f"python {number}"):
                rust.work(f"rust {number}")

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        profile = drive(profiler.get_profile())
        by_id = {trace.trace_id: trace for trace in [*profile.traces, *profile.open_traces]}
        for trace in by_id.values():
            if trace.name.startswith("rust"):
                assert by_id[trace.parent_id or 0].name == trace.name.replace("rust", "python")
    for thread in threads:
        thread.join()
    profile = drive(profiler.get_profile())
    assert [profile.get_metrics(f"rust {number}").call_count for number in range(4)] == [50] * 4


def test_a_call_back_into_python(profiler: Profiler) -> None:
    def fails() -> None:
        with profiler.trace_context("callback"):
            rust.work("nested")
        raise LookupError("nothing there")

    with profiler.trace_context("request"), pytest.raises(LookupError):
        rust.call("calls", fails)
    profile = drive(profiler.get_profile())
    # Each language knows its own innermost trace first.
    assert tree(profile).splitlines() == [
        "request",
        "  calls",
        "    nested",
        "      inner",
        "      released",
        "  callback",
    ]
    assert (named(profile, "calls").status, named(profile, "calls").error) == ("error", "LookupError: nothing there")


def test_open_traces(profiler: Profiler) -> None:
    event = threading.Event()

    def hold() -> None:
        with profiler.trace_context("python"):
            rust.hold_open("held", event)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        while len(drive(profiler.get_profile()).open_traces) < 2:
            time.sleep(0.001)
        profile = drive(profiler.get_profile())
        assert tree(profile) == "python\n  held"
        assert {trace.end_time for trace in profile.open_traces} == {profile.end_time}
    finally:
        event.set()
        thread.join()


def test_a_trace_has_the_same_id_in_the_next_profile(profiler: Profiler) -> None:
    with profiler.trace_context("request"):
        rust.work("first")
    before = drive(profiler.get_profile())
    rust.work_on_a_thread("second")
    after = drive(profiler.get_profile())
    ids = {trace.trace_id: trace for trace in after.traces}
    assert [ids[trace.trace_id] for trace in before.traces] == before.traces
    assert len(ids) == len(after)


def test_reset(profiler: Profiler) -> None:
    with profiler.trace_context("request"):
        rust.work("before")
        drive(profiler.reset())
        rust.work("after")
    profile = drive(profiler.get_profile())
    assert tree(profile).splitlines() == ["after", "  inner", "  released"]
    assert profile.get_metrics("before").call_count == 0


def test_the_parent_was_let_go() -> None:
    profiler = Profiler(max_traces=1)
    profiler.include(rust)
    drive(profiler.reset())
    for _ in range(5):
        with profiler.trace_context("request"):
            rust.work("parse")
    profile = drive(profiler.get_profile())
    parents = [trace.parent_id for trace in profile.traces if trace.name == "parse"]
    [held] = [trace.trace_id for trace in profile.traces if trace.name == "request"]
    assert parents == [None] * 4 + [held]
    assert (profile.let_go, profile.get_metrics("request").call_count) == (4, 5)
    profiler.__init__()  # type: ignore[misc]


def test_traces_that_rust_let_go_are_counted(profiler: Profiler) -> None:
    profiler.include(rust.small())
    drive(profiler.reset())
    rust.many("often", 5_000, True)
    for _ in range(3):
        with profiler.trace_context("often"):
            pass
    profile = drive(profiler.get_profile())
    metrics = profile.get_metrics("often")
    assert metrics.call_count == 5_003
    assert profile.let_go + len(profile) == 5_003
    assert len(profile) < 5_003
    assert 0 < metrics.min_time <= metrics.percentiles[50] <= metrics.percentiles[99] <= metrics.max_time


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_both(profiler: Profiler, format: str) -> None:
    with profiler.trace_context("python"):
        rust.work("rust")
    exported = drive(profiler.export_profile(format))
    assert "python" in exported
    assert "rust" in exported
    if format == "collapsed":
        assert "python;rust;released " in exported


def test_the_text_and_a_saved_profile(profiler: Profiler, tmp_path: Path) -> None:
    with profiler.trace_context("python"):
        rust.work("rust", 0.001)
    profile = drive(profiler.get_profile())
    lines = [line.split()[0] + line[: len(line) - len(line.lstrip())] for line in str(profile).splitlines() if line]
    assert "rust  " in lines, str(profile)
    profile.save(tmp_path / "run.json")
    again = Profile.load(tmp_path / "run.json")
    assert tree(again) == tree(profile)
    assert again.export("json") == profile.export("json")
    assert again.missing == {}


def test_a_task_s_track_has_both(profiler: Profiler) -> None:
    @profiler.trace(name="python")
    async def handle() -> None:
        rust.work("rust")

    async def main() -> str:
        await asyncio.create_task(handle(), name="a task")
        return await profiler.export_profile("chrome-trace")

    events = json.loads(asyncio.run(main()))["traceEvents"]
    slices = {event["name"]: event for event in events if event["ph"] == "X"}
    assert len({slices[name]["tid"] for name in ("python", "rust", "inner", "released")}) == 1
    tracks = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert tracks[slices["rust"]["tid"]] == "a task"


def test_one_profiler_includes_it_and_twice_is_once(profiler: Profiler) -> None:
    profiler.include(rust)
    profiler.include(rust.__mtaio_profiler__)
    rust.work("once")
    assert drive(profiler.get_profile()).get_metrics("once").call_count == 1
    other = Profiler()
    with pytest.raises(ProfilerError, match="cannot include rust_service: it is part of another profiler"):
        other.include(rust)
    profiler.__init__()  # type: ignore[misc]
    other.include(rust)
    del other
    profiler.include(rust)


class Without:
    """Has no profiler."""


class Odd:
    """Has something else."""

    __mtaio_profiler__ = 42


@pytest.mark.parametrize("source", [None, "rust_service", Without, json])
def test_what_has_no_profiler(source: Any) -> None:
    with pytest.raises(ConfigurationTypeError, match=r"source must be a module .* __mtaio_profiler__.*, got"):
        Profiler().include(source)


def test_what_is_no_capsule() -> None:
    with pytest.raises(ConfigurationTypeError, match=r"__mtaio_profiler__ must be a capsule, .* got int 42"):
        Profiler().include(Odd)


def test_another_version() -> None:
    with pytest.raises(ProfilerError, match=r"its timeline is of version 7 .* accepted is version 1"):
        Profiler().include(rust.of_version(7))
    with pytest.raises(ProfilerError, match=r"mtaio\.monitoring\.Timeline/2.*accepted is .*Timeline/1"):
        Profiler().include(rust.of_another_kind())
    with pytest.raises(ProfilerError, match="its profiler is gone"):
        Profiler().include(rust.gone())


@pytest.mark.parametrize("way", ["panicking", "lying"])
def test_one_that_fails_is_left_out(profiler: Profiler, way: str, caplog: pytest.LogCaptureFixture) -> None:
    failing = getattr(rust, way)()
    profiler.include(failing)
    with caplog.at_level(logging.WARNING, "mtaio.monitoring"):
        for _ in range(3):
            with profiler.trace_context("request"):
                rust.work("parse")
            profile = drive(profiler.get_profile())
            [(name, reason)] = profile.missing.items()
            assert name == repr(failing)
            assert ("panicked" if way == "panicking" else "not a saved profile") in reason
    assert profile.get_metrics("parse").call_count == profile.get_metrics("request").call_count == 3
    [record] = caplog.records
    assert "is left out" in record.getMessage()


def test_disabled_ones() -> None:
    profiler = Profiler()
    profiler.include(rust.disabled())
    with profiler.trace_context("request"):
        pass
    profile = drive(profiler.get_profile())
    assert (tree(profile), profile.missing) == ("request", {})
    disabled = Profiler(enabled=False)
    disabled.include(rust)
    rust.work("parse")
    assert len(drive(disabled.get_profile())) == 0
    with pytest.raises(ConfigurationTypeError):
        disabled.include(None)


def test_others_run_while_it_writes() -> None:
    profiler = Profiler()
    profiler.include(rust.slow())
    counted = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal counted
        while not stop.is_set():
            counted += 1
            time.sleep(0.005)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = counted
        profile = drive(profiler.get_profile())
        assert counted - before >= 3
    finally:
        stop.set()
        thread.join()
    assert profile.missing == {}


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_child_of_a_fork_does_not_ask(profiler: Profiler) -> None:
    def in_child() -> tuple[str, dict[str, str], str]:
        with profiler.trace_context("in child"):
            rust.work("not asked")
        profile = drive(profiler.get_profile())
        drive(profiler.reset())
        try:
            Profiler().include(rust)
        except ProfilerError as error:
            return tree(profile), profile.missing, str(error)
        return tree(profile), profile.missing, ""

    with profiler.trace_context("in parent"):
        found, missing, error = child(in_child)
        rust.work("asked")
    assert (found, missing) == ("in child", {})
    assert "or was before a fork" in error
    assert tree(drive(profiler.get_profile())).splitlines() == ["in parent", "  asked", "    inner", "    released"]
