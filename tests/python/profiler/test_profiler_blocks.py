"""Every block of the reference that is the profiler's runs as printed (issue 3, "It must show" 1)."""

import asyncio
import dataclasses
import inspect
import re
import time
import typing
from collections.abc import Awaitable, Callable
from typing import Any, Dict, Optional, TypeVar  # noqa: UP035 - names that the reference leaves open

import pytest
import reference
from deadline import run
from mtaio.monitoring import Profile, Profiler, ProfileTrace

T = TypeVar("T")

executes = reference.Executed()


def block(name: str) -> reference.Block:
    return reference.block(reference.PROFILER[name])


class Operation:
    """Stands for `perform_operation`: takes a while, and knows how long."""

    def __init__(self) -> None:
        self.took: list[float] = []

    async def __call__(self) -> None:
        begun = time.perf_counter()
        await asyncio.sleep(0.02)
        self.took.append(time.perf_counter() - begun)


@executes("profiler usage")
def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        perform_operation = Operation()
        namespace = await block("profiler usage").run(perform_operation=perform_operation)
        profiler, profile = namespace["profiler"], namespace["profile"]
        assert (type(profiler), type(profile)) == (Profiler, Profile)
        (trace,) = profile.traces
        assert (type(trace), trace.name, trace.status, trace.metadata) == (ProfileTrace, "操作", "ok", {})
        assert (trace.stack_trace, trace.parent_id) == (None, None)
        assert trace.duration == pytest.approx(perform_operation.took[0], rel=0.02, abs=0.001)
        assert profile.total_time == pytest.approx(trace.duration, abs=1e-6)
        assert trace.memory_start > 1 << 20
        assert trace.memory_delta == trace.memory_end - trace.memory_start
        printed = re.fullmatch(r"合計実行時間: (\d+\.\d\d)秒\n", capsys.readouterr().out)
        assert printed is not None
        assert printed[1] == f"{profile.total_time:.2f}"

        monitored = namespace["monitored_function"]
        assert inspect.iscoroutinefunction(monitored)
        async with profiler.trace_context("around") as around:
            await monitored()
        assert len(profile.traces) == 1, "later traces do not change a profile"
        traces = (await profiler.get_profile()).traces
        assert [trace.name for trace in traces] == ["操作", "around", "monitored_function"]
        assert traces[2].parent_id == around.trace_id == traces[1].trace_id
        assert traces[2].duration == pytest.approx(perform_operation.took[1], rel=0.02, abs=0.001)

    run(main())


def check_signature(ours: Callable[..., Any], printed: Callable[..., Any]) -> None:
    """The reference's parameters as printed; whatever we add is by keyword and may be left out."""
    expected = [each for each in inspect.signature(printed).parameters.values() if each.name != "self"]
    found = [each for each in inspect.signature(ours).parameters.values() if each.name != "self"]
    first = [(each.name, each.kind, each.default) for each in found[: len(expected)]]
    assert first == [(each.name, each.kind, each.default) for each in expected]
    for added in found[len(expected) :]:
        assert added.kind is inspect.Parameter.KEYWORD_ONLY, added
        assert added.default is not inspect.Parameter.empty, added


@executes("profiler class")
def test_class_reference() -> None:
    async def main() -> type:
        names = {"Optional": Optional, "Callable": Callable, "Awaitable": Awaitable, "T": T}
        return (await block("profiler class").run(**names))["Profiler"]

    printed = run(main())
    assert [name for name, method in vars(printed).items() if inspect.isfunction(method)] == ["__init__", "trace"]
    check_signature(Profiler, printed)
    check_signature(Profiler.trace, printed.trace)


def plain(hint: Any) -> Any:
    """A type without the two ways of writing it: `Dict[str, Any]` is `dict[str, Any]`."""
    if type(None) in typing.get_args(hint):
        return set(typing.get_args(hint))
    return (typing.get_origin(hint), typing.get_args(hint)) if typing.get_args(hint) else hint


@executes("traces")
def test_traces() -> None:
    async def main() -> type:
        names = {"dataclass": dataclasses.dataclass, "field": dataclasses.field}
        types = {"Dict": Dict, "Any": Any, "Optional": Optional}  # noqa: UP006
        return (await block("traces").run(**names, **types))["ProfileTrace"]

    printed = run(main())
    expected, fields = dataclasses.fields(printed), dataclasses.fields(ProfileTrace)
    first = [(each.name, each.default, each.default_factory) for each in fields[: len(expected)]]
    assert first == [(each.name, each.default, each.default_factory) for each in expected]
    theirs, ours = typing.get_type_hints(printed), typing.get_type_hints(ProfileTrace)
    for each in expected:
        assert plain(ours[each.name]) == plain(theirs[each.name]), each.name
    for added in fields[len(expected) :]:
        assert (added.default, added.default_factory) != (dataclasses.MISSING, dataclasses.MISSING), added.name
    for arguments in (("it", 1.5, 4.0), ("it", 1.5, 4.0, {"a": 1}, "stack", 100, 70)):
        one, other = printed(*arguments), ProfileTrace(*arguments)
        for name in (*(each.name for each in expected), "duration", "memory_delta"):
            assert getattr(other, name) == getattr(one, name), name


@executes("performance")
def test_performance_profiling() -> None:
    async def main() -> tuple[Profiler, Profile]:
        perform_operation = Operation()
        namespace = await block("performance").run(perform_operation=perform_operation)

        class PerformanceProfiler(namespace["PerformanceProfiler"]):  # type: ignore[misc]
            """The method that the block leaves open."""

            def analyze_profile(self, profile: Profile) -> Profile:
                return profile

        performance = PerformanceProfiler()
        profile = await performance.profile_operation()
        (outer,) = profile.open_traces[:1]
        assert (outer.name, outer.status, outer.parent_id) == ("操作", "open", None)
        # The block drops the trace that it started: it is open, or was abandoned with its handle.
        (memory,) = [trace for trace in [*profile.traces, *profile.open_traces] if trace.name == "memory_usage"]
        assert memory.metadata == {"type": "memory"}
        assert memory.parent_id == outer.trace_id
        assert outer.memory_start > 1 << 20
        assert memory.memory_start > 1 << 20
        for trace in (outer, memory):
            lines = trace.stack_trace.splitlines()
            frames = [line for line in lines if line.startswith("  File ")]
            assert frames[-1].startswith(f'  File "{reference.path()}", line ')
            assert frames[-1].endswith(", in profile_operation")
            assert any(line.endswith(f", in {main.__qualname__}") or ", in main" in line for line in frames)
            source = lines[lines.index(frames[-1]) + 1]
            assert "self.profiler." in source
        assert profile.total_time == pytest.approx(perform_operation.took[0], rel=0.05, abs=0.002)
        return performance.profiler, profile

    profiler, before = run(main())
    after = run(profiler.get_profile())
    assert after.open_traces == []
    assert sorted((trace.name, trace.status) for trace in after.traces) == [
        ("memory_usage", "abandoned"),
        ("操作", "ok"),
    ]
    assert len(before.open_traces) >= 1, "a profile stays as it was"


def test_no_block_is_missed() -> None:
    assert executes.names == set(reference.PROFILER)
