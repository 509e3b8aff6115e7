"""Tasks that `mtaio run` counts and times, on whichever loop and interpreter: as they are without it."""

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mtaio.monitoring import Profiler, _loop
from mtaio.monitoring._task_times import MOST_NAMES, OTHER, TaskTimes

try:
    import uvloop

    LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]
except ImportError:
    LOOPS = [asyncio.new_event_loop]

EAGER = getattr(asyncio, "eager_task_factory", None)


class Stopwatch:
    """A clock that stands still unless it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(_loop, "seconds", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    return Stopwatch(monkeypatch)


class Nameless:
    """Stands for a coroutine."""

    def __await__(self) -> Iterator[None]:
        yield

    def __getattr__(self, name: str) -> object:
        if name == "__qualname__":
            raise ZeroDivisionError(name)
        raise AttributeError(name)


class Odd(Nameless):
    """Its name is none."""

    def __getattr__(self, name: str) -> object:
        if name == "__qualname__":
            return [name]
        raise AttributeError(name)


async def query() -> None:
    await asyncio.sleep(0)


def run(main: Callable[[], Any], make: Callable[[], asyncio.AbstractEventLoop], debug: bool = False) -> None:
    with asyncio.Runner(loop_factory=make, debug=debug) as runner:
        runner.run(main())


@pytest.mark.parametrize("make", LOOPS)
def test_all_are_counted_and_some_are_timed(make: Callable[[], asyncio.AbstractEventLoop], clock: Stopwatch) -> None:
    times = TaskTimes()

    async def main() -> None:
        _loop.time_tasks(asyncio.get_running_loop(), times)
        for number in range(20):
            tasks = [asyncio.create_task(query()) for _ in range(50)]
            clock.now += 2.5 if number == 0 else 0.25
            await asyncio.gather(*tasks)
        asyncio.get_running_loop().set_task_factory(None)

    run(main, make)
    (of_name,) = times.values()
    assert list(times) == ["query"]
    # The first hundred, and 128, 192, … 960.
    assert (of_name.calls, of_name.timed) == (1000, 114)
    assert of_name.longest == 2.5
    assert of_name.total == pytest.approx(50 * 2.5 + 64 * 0.25)


@pytest.mark.parametrize("make", LOOPS)
def test_what_is_no_coroutine_is_refused_as_ever(make: Callable[[], asyncio.AbstractEventLoop]) -> None:
    times = TaskTimes()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        _loop.time_tasks(loop, times)
        for stranger in (Nameless(), Odd()):
            with pytest.raises(TypeError, match="a coroutine was expected"):
                await loop.create_task(stranger)  # type: ignore[arg-type]
        loop.set_task_factory(None)

    run(main, make)
    assert times[OTHER].calls == 2


def test_a_factory_of_the_programs_makes_what_it_likes() -> None:
    class NoFuture:
        def __await__(self) -> Iterator[None]:
            yield

        def set_name(self, name: object) -> None:
            """As a factory's tasks must have it."""

    times, made = TaskTimes(), NoFuture()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def factory(_loop: object, coroutine: Any, **_options: object) -> Any:
            coroutine.close()
            return made

        loop.set_task_factory(factory)
        _loop.time_tasks(loop, times)
        for _ in range(3):
            assert loop.create_task(query()) is made  # type: ignore[comparison-overlap]
        loop.set_task_factory(None)

    asyncio.run(main())
    assert (times["query"].calls, times["query"].timed) == (3, 0)


def test_names_beyond_the_most_are_among_the_others() -> None:
    times = TaskTimes()
    for number in range(MOST_NAMES + 10):
        times[f"name {number}"].calls += 1
    assert len(times) == MOST_NAMES + 1
    assert times[OTHER].calls == 10


def timed(loop: asyncio.AbstractEventLoop) -> None:
    _loop.time_tasks(loop, TaskTimes())


def wrapped(loop: asyncio.AbstractEventLoop) -> None:
    profiler = Profiler()
    _loop.wrap_tasks(loop, lambda coroutine: profiler._mtaio_clocked(coroutine))


def watched(loop: asyncio.AbstractEventLoop) -> None:
    _loop.watch_tasks(loop)


@pytest.mark.parametrize("lay", [timed, wrapped, watched])
@pytest.mark.parametrize("make", LOOPS)
def test_names_are_those_that_tasks_have_without(
    make: Callable[[], asyncio.AbstractEventLoop], lay: Callable[[asyncio.AbstractEventLoop], None]
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        lay(loop)
        tasks = [
            asyncio.create_task(query()),
            loop.create_task(query()),
            asyncio.ensure_future(query()),
            asyncio.create_task(query(), name="mine"),
            loop.create_task(query(), name="mine"),
        ]
        names = [task.get_name() for task in tasks]
        assert [name.rstrip("0123456789") for name in names] == ["Task-", "Task-", "Task-", "mine", "mine"]
        assert len(set(names)) == 4
        await asyncio.gather(*tasks)
        loop.set_task_factory(None)
        after = loop.create_task(query(), name="after")
        assert after.get_name() == "after"
        await after

    run(main, make)


@pytest.mark.parametrize("lay", [timed, wrapped, watched])
@pytest.mark.parametrize("make", LOOPS)
def test_in_debug_mode_a_task_was_created_where_the_program_did(
    make: Callable[[], asyncio.AbstractEventLoop], lay: Callable[[asyncio.AbstractEventLoop], None]
) -> None:
    def created() -> tuple["asyncio.Task[None]", ...]:
        loop = asyncio.get_running_loop()
        return loop.create_task(query()), asyncio.create_task(query(), name="mine")

    def places(tasks: tuple["asyncio.Task[None]", ...]) -> list[list[tuple[str, str]]]:
        return [[(frame.filename, frame.name) for frame in task._source_traceback] for task in tasks]  # type: ignore[attr-defined]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        without = created()
        lay(loop)
        with_it = created()
        assert places(with_it) == places(without)
        assert places(with_it)[0][-1] == (__file__, "created")
        await asyncio.gather(*without, *with_it)

    run(main, make, debug=True)


def test_whoever_changes_what_a_task_is_means_these_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(asyncio.Task):  # type: ignore[type-arg]
        """As a debugger may put in its place."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for lay in (timed, watched):
            loop.set_task_factory(None)
            lay(loop)
            with monkeypatch.context() as changed:
                changed.setattr(asyncio.tasks, "Task", Mine)
                task = loop.create_task(query())
            assert type(task) is Mine
            await task

    asyncio.run(main())


def test_loops_of_other_threads_are_not_in_the_way() -> None:
    """A thread may lose the interpreter while it ends a task: here another loop does all it does meanwhile."""
    times, failures = TaskTimes(), []

    async def one_more() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, failure: failures.append(failure))
        _loop.time_tasks(loop, times)
        ticked = asyncio.Event()
        delay = _loop.Delay(loop, lambda _late: ticked.set())
        delay.begin()
        await asyncio.create_task(query())
        await ticked.wait()
        finished.append(True)

    finished: list[bool] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, failure: failures.append(failure))
        _loop.time_tasks(loop, times)
        begin = times["query"].begin
        entered = threading.Event()

        def begin_slow(begun: float, clock: Callable[[], float]) -> Callable[[object], None]:
            end = begin(begun, clock)

            def slow(task: object) -> None:
                if not entered.is_set():
                    entered.set()
                    thread = threading.Thread(target=lambda: asyncio.run(one_more()))
                    thread.start()
                    thread.join(20)
                end(task)

            return slow

        times["query"] = type("Slow", (), {"calls": 0, "timed_next": 1, "begin": staticmethod(begin_slow)})()
        await asyncio.create_task(query())
        await asyncio.sleep(0)
        assert entered.is_set()

    asyncio.run(main())
    assert not failures
    assert finished


def test_what_a_handler_of_a_signal_raises_is_the_programs() -> None:
    """It may run in any function of Python's, and so in the one that wraps the coroutine."""

    def wrap(_coroutine: object) -> Any:
        raise SystemExit(9)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        _loop.wrap_tasks(loop, wrap)
        coroutine = query()
        with pytest.raises(SystemExit, match="9"):
            await loop.create_task(coroutine)
        coroutine.close()
        loop.set_task_factory(None)

    asyncio.run(main())


if EAGER is not None:

    def test_an_eager_task_is_timed_from_before_it_runs(clock: Stopwatch) -> None:
        times = TaskTimes()

        async def at_once() -> None:
            clock.now += 0.2

        async def later() -> None:
            clock.now += 0.5
            await asyncio.sleep(0)

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_task_factory(EAGER)
            _loop.time_tasks(loop, times)
            done, pending = asyncio.create_task(at_once()), asyncio.create_task(later())
            assert done.done()
            assert not pending.done()
            # That the loop turns only now is no part of a task that has ended.
            clock.now += 10
            await pending
            assert loop.get_task_factory() is not EAGER
            loop.set_task_factory(None)

        asyncio.run(main())
        at, after = (next(times[name] for name in times if name.endswith(end)) for end in ("at_once", "later"))
        assert (at.timed, at.longest) == (1, pytest.approx(0.2))
        assert (after.timed, after.longest) == (1, pytest.approx(10.5))

    def test_an_eager_task_that_fails_goes_without_the_collector() -> None:
        """Its exception leads to its frames: none of ours leads from there to the task again."""

        async def fails() -> None:
            raise ValueError

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_task_factory(EAGER)
            _loop.time_tasks(loop, TaskTimes())
            factory: Any = loop.get_task_factory()
            gone = []
            for _ in range(5):
                task = factory(loop, fails())
                assert isinstance(task.exception(), ValueError)
                gone.append(weakref.ref(task))
                del task
            assert [one() for one in gone] == [None] * 5
            loop.set_task_factory(None)

        gc.collect()
        gc.disable()
        try:
            asyncio.run(main())
        finally:
            gc.enable()


def test_this_interpreter_has_eager_tasks_from_3_12_on() -> None:
    assert (EAGER is not None) == (sys.version_info >= (3, 12))
