"""The traces of a Rust extension on the timeline of the Python program that calls it."""

import asyncio
import json
import threading
import time
from pathlib import Path

import pytest
from ended import drive
from extension import named, rust, tree
from mtaio.monitoring import Profile, Profiler

FORMATS = ("json", "chrome-trace", "speedscope", "collapsed", "html")


def test_what_rust_traces_is_below_the_python_trace_that_called(including: Profiler) -> None:
    with including.trace_context("request"):
        rust.work("parse")
        with including.trace_context("render"):
            rust.work("layout", 0.002)
    rust.work("outside")
    profile = drive(including.get_profile())
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


def test_times_are_of_one_clock(including: Profiler) -> None:
    for _ in range(50):
        with including.trace_context("python"):
            rust.work("rust", 0.001)
    profile = drive(including.get_profile())
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


def test_concurrent_tasks_each_have_their_own(including: Profiler) -> None:
    @including.trace
    async def handle(number: int) -> None:
        for step in range(5):
            await asyncio.sleep(0.001 * (number % 3))
            rust.work(f"work {number} {step}")

    async def spawned() -> None:
        rust.work("spawned")

    async def main() -> Profile:
        await asyncio.gather(*(handle(number) for number in range(20)))
        async with including.trace_context("spawner"):
            task = asyncio.create_task(spawned(), name="worker")
        await task
        rust.work("in main")
        return await including.get_profile()

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


def test_without_the_gil_and_on_threads_of_rust(including: Profiler) -> None:
    with including.trace_context("request"):
        rust.work_detached("detached")
        rust.work_on_a_thread("job")
    profile = drive(including.get_profile())
    # The traced future was made below the Python trace; what began elsewhere says that it is below none.
    assert sorted(tree(profile).splitlines()) == sorted(["request", "  job", "    inner", "detached", "alone"])
    job, request = named(profile, "job"), named(profile, "request")
    assert job.thread_id != request.thread_id
    assert named(profile, "alone").thread_id == job.thread_id


def test_python_threads(including: Profiler) -> None:
    def serve(number: int) -> None:
        for _ in range(50):
            with including.trace_context(f"python {number}"):
                rust.work(f"rust {number}")

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        profile = drive(including.get_profile())
        by_id = {trace.trace_id: trace for trace in [*profile.traces, *profile.open_traces]}
        for trace in by_id.values():
            if trace.name.startswith("rust"):
                assert by_id[trace.parent_id or 0].name == trace.name.replace("rust", "python")
    for thread in threads:
        thread.join()
    profile = drive(including.get_profile())
    assert [profile.get_metrics(f"rust {number}").call_count for number in range(4)] == [50] * 4


def test_a_call_back_into_python(including: Profiler) -> None:
    def fails() -> None:
        with including.trace_context("callback"):
            rust.work("nested")
        raise LookupError("nothing there")

    with including.trace_context("request"), pytest.raises(LookupError):
        rust.call("calls", fails)
    profile = drive(including.get_profile())
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


def test_open_traces(including: Profiler) -> None:
    event = threading.Event()

    def hold() -> None:
        with including.trace_context("python"):
            rust.hold_open("held", event)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        while len(drive(including.get_profile()).open_traces) < 2:
            time.sleep(0.001)
        profile = drive(including.get_profile())
        assert tree(profile) == "python\n  held"
        assert {trace.end_time for trace in profile.open_traces} == {profile.end_time}
    finally:
        event.set()
        thread.join()


def test_a_trace_has_the_same_id_in_the_next_profile(including: Profiler) -> None:
    with including.trace_context("request"):
        rust.work("first")
    before = drive(including.get_profile())
    rust.work_on_a_thread("second")
    after = drive(including.get_profile())
    ids = {trace.trace_id: trace for trace in after.traces}
    assert [ids[trace.trace_id] for trace in before.traces] == before.traces
    assert len(ids) == len(after)


def test_reset(including: Profiler) -> None:
    with including.trace_context("request"):
        rust.work("before")
        drive(including.reset())
        rust.work("after")
    profile = drive(including.get_profile())
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


def test_traces_that_rust_let_go_are_counted(including: Profiler) -> None:
    including.include(rust.small())
    drive(including.reset())
    rust.many("often", 5_000, True)
    for _ in range(3):
        with including.trace_context("often"):
            pass
    profile = drive(including.get_profile())
    metrics = profile.get_metrics("often")
    assert metrics.call_count == 5_003
    assert profile.let_go + len(profile) == 5_003
    assert len(profile) < 5_003
    assert 0 < metrics.min_time <= metrics.percentiles[50] <= metrics.percentiles[99] <= metrics.max_time


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_both(including: Profiler, format: str) -> None:
    with including.trace_context("python"):
        rust.work("rust")
    exported = drive(including.export_profile(format))
    assert "python" in exported
    assert "rust" in exported
    if format == "collapsed":
        assert "python;rust;released " in exported


def test_the_text_and_a_saved_profile(including: Profiler, tmp_path: Path) -> None:
    with including.trace_context("python"):
        rust.work("rust", 0.001)
    profile = drive(including.get_profile())
    lines = [line.split()[0] + line[: len(line) - len(line.lstrip())] for line in str(profile).splitlines() if line]
    assert "rust  " in lines, str(profile)
    profile.save(tmp_path / "run.json")
    again = Profile.load(tmp_path / "run.json")
    assert tree(again) == tree(profile)
    assert again.export("json") == profile.export("json")
    assert again.missing == {}


def test_a_task_s_track_has_both(including: Profiler) -> None:
    @including.trace(name="python")
    async def handle() -> None:
        rust.work("rust")

    async def main() -> str:
        await asyncio.create_task(handle(), name="a task")
        return await including.export_profile("chrome-trace")

    events = json.loads(asyncio.run(main()))["traceEvents"]
    slices = {event["name"]: event for event in events if event["ph"] == "X"}
    assert len({slices[name]["tid"] for name in ("python", "rust", "inner", "released")}) == 1
    tracks = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert tracks[slices["rust"]["tid"]] == "a task"
