"""Right under any concurrency: programs whose true tree is known, and a hundred thousand at once."""

import asyncio
import itertools
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from mtaio.monitoring import Profile, Profiler, ProfileTrace
from programs import ASYNC_WAYS, KINDS, Program, Step, Truth, programs

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def eager(factory: LoopFactory) -> LoopFactory:
    """A loop whose tasks run up to their first suspension where they are spawned."""

    def eager_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        # uvloop gives this on, and the factory of 3.13.0 does not take it.
        options.pop("eager_start", None)
        return asyncio.eager_task_factory(loop, coroutine, **options)  # type: ignore[attr-defined, unused-ignore]

    def make() -> asyncio.AbstractEventLoop:
        loop = factory()
        loop.set_task_factory(eager_task)
        return loop

    return make


LOOPS: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
if sys.version_info >= (3, 12):
    LOOPS |= {f"{name}-eager": eager(factory) for name, factory in LOOPS.items()}

on_each_loop = pytest.mark.parametrize("loop", LOOPS)


def check(program: Program, profiles: list[Profile]) -> None:
    """Every trace exactly once, with its parent, task, status and metadata; and nothing was complained of."""
    assert program.complaints == []
    assert program.open == set()
    for which, (truths, profile) in enumerate(zip(program.truths, profiles, strict=True)):
        check_traces(truths, profile)
        ids = check_tasks(truths, profile)
        # A task in which nothing was traced has no id that the program could know.
        spawned = {ids[task]: parents[which] for task, parents in program.tasks.items() if task in ids}
        named = {trace.trace_id: trace.name for trace in profile.traces}
        recorded = [(task.task_id, named[task.parent_id]) for task in profile.tasks]
        for task_id, parent in spawned.items():
            if parent is not None:
                assert recorded.count((task_id, parent)) == 1, f"the task {task_id} spawned in {parent}"


def check_traces(truths: dict[str, Truth], profile: Profile) -> None:
    """The tree."""
    assert profile.open_traces == []
    assert (profile.let_go, profile.dropped) == (0, 0)
    named = {trace.trace_id: trace.name for trace in profile.traces}

    def summary(trace: ProfileTrace) -> tuple[Any, ...]:
        parent = named[trace.parent_id] if trace.parent_id is not None else None
        return trace.name, parent, trace.status, trace.metadata

    found = [summary(trace) for trace in profile.traces]
    expected = [(each.name, each.parent, each.status, each.metadata) for each in truths.values()]
    # One that was cancelled before its first step never ran: a trace of no time, or none, are both true.
    found = [each for each in found if each[0] in truths or each[2] != "cancelled"]
    assert sorted(found, key=lambda each: each[0]) == sorted(expected, key=lambda each: each[0])
    starts = [trace.start_time for trace in profile.traces]
    assert starts == sorted(starts), "in order of their beginning"
    for trace in profile.traces:
        assert trace.duration >= 0.0
        assert (trace.error is not None) == (trace.status == "error")
        assert trace.error is None or trace.error.startswith("Boom: ")


def check_tasks(truths: dict[str, Truth], profile: Profile) -> dict[asyncio.Task[Any], int]:
    """Each trace is of the task that it began in. Gives the id of each task."""
    ids: dict[asyncio.Task[Any], int] = {}
    for trace in profile.traces:
        truth = truths.get(trace.name)
        if truth is None:
            continue
        if truth.task is None:
            assert (trace.task_id, trace.task_name) == (None, None), trace.name
        else:
            assert trace.task_id is not None, trace.name
            assert ids.setdefault(truth.task, trace.task_id) == trace.task_id, f"{trace.name}: one task, one id"
            assert trace.task_name in (truth.task_name, truth.task.get_name()), trace.name
    assert len(set(ids.values())) == len(ids), "one id, one task"
    return ids


def check_program(loop: str, steps: tuple[Step, ...], profilers: int = 1) -> None:
    program = Program([Profiler() for _ in range(profilers)])
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        check(program, runner.run(program.main(steps)))


@on_each_loop
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_within_each(loop: str, kind: str) -> None:
    fall = Step("fall")
    for place, (other, fails) in enumerate(itertools.product(KINDS, (False, True))):
        # Each way of calling in turn; the random programs mix them further.
        number = place % len(ASYNC_WAYS)
        inner = Step(other, (Step("wait_for", (Step("suspend"),)),), (Step("call"),), number, fails=fails)
        check_program(loop, (Step(kind, (inner, Step("block")), (Step("suspend"),), number),))
        check_program(loop, (Step("block", (Step(kind, (inner, fall), (inner,), number),), number=1), Step("call")))


@on_each_loop
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(steps=programs())
def test_any_program(loop: str, steps: tuple[Step, ...]) -> None:
    check_program(loop, steps)


@on_each_loop
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(steps=programs(profilers=2))
def test_two_profilers_do_not_mix(loop: str, steps: tuple[Step, ...]) -> None:
    check_program(loop, steps, profilers=2)


# --- a hundred thousand at once ---

COUNT = 100_000


class Crowd:
    """Traced coroutines that are all open at one moment, each in a task with a name of its own."""

    def __init__(self, eager: bool) -> None:
        """Nobody is there."""
        self.eager = eager
        self.profiler = Profiler(max_traces=3 * COUNT)
        self.random = random.Random(3)
        self.waiting = 0
        self.all_there, self.go_on = asyncio.Event(), asyncio.Event()
        #: (name of the trace, its task) → (name of its parent, its parent's task, its status).
        self.truths: dict[tuple[str, str], tuple[str, str, str]] = {}
        self.outer = self.profiler.trace(name="outer")(self._outer)
        self.inner = self.profiler.trace(name="inner")(self._inner)

    async def _outer(self, fate: str, parent: tuple[str, str], expected: int) -> None:
        """One of the crowd; every third has its waiting in a trace within."""
        me = ("outer", self.here())
        self.truths[me] = (*parent, fate)
        await asyncio.sleep(0)
        if self.waiting % 3:
            await self.wait(fate, expected)
        else:
            await self.inner(fate, me, expected)

    async def _inner(self, fate: str, parent: tuple[str, str], expected: int) -> None:
        self.truths["inner", self.here()] = (*parent, fate)
        await self.wait(fate, expected)

    async def wait(self, fate: str, expected: int) -> None:
        self.waiting += 1
        if self.waiting == expected:
            self.all_there.set()
        # Who is to be cancelled waits for nothing else, so that it cannot be over before.
        await (asyncio.Event() if fate == "cancelled" else self.go_on).wait()
        if fate == "error":
            raise LookupError(self.here())

    async def _named(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name(name)
        await coroutine

    def named(self, name: str, coroutine: Coroutine[Any, Any, None]) -> dict[str, Any]:
        """Arguments of `create_task`. An eager task would run its first step before it is given its name."""
        return {"coro": self._named(name, coroutine) if self.eager else coroutine, "name": name}

    def fate(self) -> str:
        return self.random.choices(["ok", "error", "cancelled"], [8, 1, 1])[0]

    @staticmethod
    def here() -> str:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name()

    async def release(self, tasks: list[tuple[str, asyncio.Task[None]]]) -> None:
        """When all are there: looks at them, cancels those that are to be cancelled, lets the others go on."""
        await self.all_there.wait()
        profile = await self.profiler.get_profile()
        assert Counter(trace.name for trace in profile.open_traces if trace.name in ("outer", "inner")) == Counter(
            name for name, _task in self.truths
        )
        for fate, task in tasks:
            if fate == "cancelled":
                task.cancel()
        self.go_on.set()

    def check(self, profile: Profile, others: int) -> None:
        """Each exactly once; `others` traces hold them."""
        by_id = {trace.trace_id: (trace.name, trace.task_name) for trace in profile.traces}
        found: dict[Any, Any] = {}
        ids: dict[str, int] = {}
        for trace in profile.traces:
            if trace.name not in ("outer", "inner"):
                continue
            key = (trace.name, trace.task_name)
            assert key not in found, f"{key} twice"
            found[key] = (*by_id[trace.parent_id], trace.status)
            assert ids.setdefault(trace.task_name, trace.task_id) == trace.task_id
        assert found == self.truths
        assert len(set(ids.values())) == len(ids)
        assert len(profile.traces) == len(found) + others
        assert (profile.open_traces, profile.let_go, profile.dropped) == ([], 0, 0)
        assert profile.get_metrics("outer").call_count == COUNT


async def gathered(eager: bool) -> None:
    crowd = Crowd(eager)
    async with crowd.profiler.trace_context("root"):
        root = ("root", crowd.here())
        fates = [crowd.fate() for _ in range(COUNT)]
        tasks = [
            (fate, asyncio.create_task(**crowd.named(f"one-{number}", crowd.outer(fate, root, COUNT))))
            for number, fate in enumerate(fates)
        ]
        await crowd.release(tasks)
        outcomes = await asyncio.gather(*(task for _fate, task in tasks), return_exceptions=True)
    kinds = {"ok": type(None), "error": LookupError, "cancelled": asyncio.CancelledError}
    assert [type(outcome) for outcome in outcomes] == [kinds[fate] for fate in fates]
    crowd.check(await crowd.profiler.get_profile(), others=1)


async def grouped(eager: bool) -> None:
    """Groups in traces in tasks of a group; one that fails has the others of its group cancelled."""
    crowd = Crowd(eager)
    size = 100
    tasks: list[tuple[str, asyncio.Task[None]]] = []

    @crowd.profiler.trace(name="group")
    async def one_group(number: int) -> None:
        fate = ("ok", "cancelled", "ok", "error")[number % 4]
        try:
            async with asyncio.TaskGroup() as group:
                for member in range(size):
                    # In a group that fails, each other member is cancelled by the group.
                    expected = "cancelled" if fate == "error" and member else fate
                    call = crowd.outer(expected, ("group", crowd.here()), COUNT)
                    task = group.create_task(**crowd.named(f"member-{number}-{member}", call))
                    if fate == "cancelled":
                        tasks.append((fate, task))
        except* LookupError:
            assert fate == "error"

    async with crowd.profiler.trace_context("root"), asyncio.TaskGroup() as group:
        for number in range(COUNT // size):
            group.create_task(**crowd.named(f"group-{number}", one_group(number)))
        await crowd.release(tasks)
    profile = await crowd.profiler.get_profile()
    crowd.check(profile, others=1 + COUNT // size)
    groups = [trace for trace in profile.traces if trace.name == "group"]
    assert {trace.status for trace in groups} == {"ok"}
    assert sorted(trace.task_name for trace in groups) == sorted(f"group-{number}" for number in range(COUNT // size))


@pytest.mark.parametrize(
    ("loop", "crowd"),
    [
        *(pytest.param(loop, gathered, marks=pytest.mark.once) for loop in LOOPS if "eager" not in loop),
        *((loop, gathered) for loop in LOOPS if loop == "asyncio-eager"),
        (next(iter(LOOPS)), grouped),
    ],
)
def test_a_hundred_thousand_at_once(loop: str, crowd: Callable[[bool], Any]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(crowd("eager" in loop))
