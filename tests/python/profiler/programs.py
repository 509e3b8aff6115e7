"""Random async programs whose true tree is known: each one notes, while it runs, what a right profile holds.

A program is a tuple of steps. Running a step hands down, by plain arguments, the names of the traces that are
the innermost open ones (one of each profiler); no context variable decides what is expected. Names are made
anew at each run of a step, so each trace has its own.

Long because each kind of step is written beside its oracle, and all of them are one interpreter.
"""

import asyncio
import contextlib
import contextvars
import gc
import itertools
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from hypothesis import strategies as st
from mtaio.monitoring import Profile, Profiler

#: The innermost open trace of each profiler, by name.
Parents = tuple[str | None, ...]


class Boom(Exception):
    """What steps raise."""


@dataclass(frozen=True)
class Step:
    """One thing that a program does. What `inside`, `beside` and `number` mean is the kind's business."""

    kind: str
    inside: tuple["Step", ...] = ()
    beside: tuple["Step", ...] = ()
    number: int = 0
    profiler: int = 0
    fails: bool = False


class Truth:
    """What a right profile says of one trace: noted inside it, as it begins and as it is left."""

    def __init__(self, program: "Program", name: str, step: Step, parents: Parents, metadata: dict[str, Any]) -> None:
        """Nothing is noted before it is entered."""
        self.program, self.name, self.which, self.parents = program, name, step.profiler, parents
        self.parent, self.metadata, self.status = parents[self.which], metadata, "never left"
        #: The task itself, and the name that it had then: an eager one gets the name it was given only afterwards.
        self.task: asyncio.Task[Any] | None = None
        self.task_name: str | None = None

    def __enter__(self) -> Parents:
        """Notes it, and gives the parents of what happens inside."""
        with contextlib.suppress(RuntimeError):
            self.task = asyncio.current_task()
            self.task_name = self.task.get_name() if self.task else None
        with self.program.lock:
            assert self.name not in self.program.truths[self.which], f"{self.name} is entered twice: a faulty test"
            self.program.truths[self.which][self.name] = self
            self.program.open.add(self.name)
        return (*self.parents[: self.which], self.name, *self.parents[self.which + 1 :])

    def __exit__(self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        """Notes how it is left."""
        with self.program.lock:
            self.program.open.discard(self.name)
        if kind is None:
            self.status = "ok"
        elif issubclass(kind, asyncio.CancelledError):
            self.status = "cancelled"
        elif issubclass(kind, GeneratorExit):
            self.status = "abandoned"
        else:
            self.status = "error"


class Program:
    """A run of steps under some profilers."""

    def __init__(self, profilers: Sequence[Profiler]) -> None:
        """Nothing has run."""
        self.profilers = profilers
        self.lock = threading.Lock()
        self.open: set[str] = set()
        self.truths: list[dict[str, Truth]] = [{} for _ in profilers]
        #: Tasks spawned inside an open trace → that trace, of each profiler.
        self.tasks: dict[asyncio.Task[Any], Parents] = {}
        self.background: set[asyncio.Task[Any]] = set()
        self.hanging: set[asyncio.Task[Any]] = set()
        self.complaints: list[dict[str, Any]] = []
        #: Whether the loop was given a factory of eager tasks.
        self.is_eager = False
        self._numbers = itertools.count(1)

    # --- the frame ---

    async def main(self, steps: tuple[Step, ...]) -> list[Profile]:
        """Runs the steps, waits for all that they left running, and gives the profiles."""
        loop = asyncio.get_running_loop()
        self.is_eager = loop.get_task_factory() is not None
        loop.set_exception_handler(lambda _loop, context: self.complaints.append(context))
        loop.set_default_executor(ThreadPoolExecutor(2))
        nowhere: Parents = (None,) * len(self.profilers)
        with contextlib.suppress(Boom):
            await self.run(steps, nowhere)
        await self.drain()
        # Nothing is left behind in this flow: what begins now has no parent.
        await self.run(tuple(Step("block", profiler=which) for which in range(len(self.profilers))), nowhere)
        await loop.shutdown_default_executor()
        return [await profiler.get_profile() for profiler in self.profilers]

    async def drain(self) -> None:
        """Until no other task runs, those of the loop's own for dropped generators included."""
        for _ in range(1000):
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if not others:
                gc.collect(2 if self.open else 1)  # What an exception kept; all of the heap only where it must be.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                if not asyncio.all_tasks() - {asyncio.current_task()}:
                    break
                continue
            for task in self.hanging & others:
                task.cancel()
            await asyncio.wait(others, timeout=0.05)
        else:
            raise AssertionError(f"tasks that do not end: {asyncio.all_tasks()}")
        await asyncio.gather(*self.background, return_exceptions=True)

    async def run(self, steps: tuple[Step, ...], parents: Parents) -> None:
        for step in steps:
            await getattr(self, step.kind)(step, parents)

    def run_sync(self, steps: tuple[Step, ...], parents: Parents) -> None:
        """The same in a plain function: what needs a loop becomes a block."""
        for step in steps:
            SYNC.get(step.kind, Program.block_sync)(self, step, parents)

    def truth(self, step: Step, parents: Parents, **metadata: Any) -> Truth:
        return Truth(self, f"{step.kind}-{next(self._numbers)}", step, parents, metadata)

    def traced(self, truth: Truth, function: Callable[..., Any]) -> Callable[..., Any]:
        return self.profilers[truth.which].trace(name=truth.name)(function)

    @staticmethod
    def caught(step: Step) -> contextlib.AbstractContextManager[None]:
        """Every second exception goes on to whoever is further out."""
        return contextlib.suppress(Boom) if step.number % 2 else contextlib.nullcontext()

    @staticmethod
    def fail(step: Step) -> None:
        if step.fails:
            raise Boom(step.kind)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine)
        self.background.add(task)
        return task

    def branch(self, steps: tuple[Step, ...], parents: Parents, suspensions: int = 0) -> Coroutine[Any, Any, None]:
        """For a task of its own, which is noted as spawned here."""
        spawned = tuple(parent if parent in self.open else None for parent in parents)

        async def body() -> None:
            task = asyncio.current_task()
            assert task is not None
            self.tasks[task] = spawned
            for _ in range(suspensions):
                await asyncio.sleep(0)
            with contextlib.suppress(Boom):
                await self.run(steps, parents)

        return body()

    def coroutine(self, step: Step, parents: Parents) -> Coroutine[Any, Any, None]:
        """A traced coroutine, not begun."""
        truth = self.truth(step, parents)

        async def body() -> None:
            with truth as inner:
                await self.run(step.inside, inner)
                self.fail(step)

        return self.traced(truth, body)()

    # --- the kinds ---

    async def wait_for(self, step: Step, parents: Parents) -> None:
        with self.caught(step):
            await self.coroutine(step, parents)

    async def async_block(self, step: Step, parents: Parents) -> None:
        truth = self.truth(step, parents, given=step.number, late=True)
        profiler = self.profilers[step.profiler]
        with self.caught(step):
            async with profiler.trace_context(truth.name, {"given": step.number}) as trace:
                trace.metadata["late"] = True
                with truth as inner:
                    await self.run(step.inside, inner)
                    self.fail(step)

    async def block(self, step: Step, parents: Parents) -> None:
        truth = self.truth(step, parents)
        with self.caught(step), self.profilers[step.profiler].trace_context(truth.name), truth as inner:
            await self.run(step.inside, inner)
            self.fail(step)

    def block_sync(self, step: Step, parents: Parents) -> None:
        truth = self.truth(step, parents)
        with self.caught(step), self.profilers[step.profiler].trace_context(truth.name), truth as inner:
            self.run_sync(step.inside, inner)
            self.fail(step)

    async def started(self, step: Step, parents: Parents) -> None:
        truth = self.truth(step, parents, kind="started")
        profiler = self.profilers[step.profiler]
        with self.caught(step):
            trace = await profiler.start_trace(truth.name, metadata={"kind": "started"})
            try:
                with truth as inner:
                    await self.run(step.inside, inner)
                    self.fail(step)
            except BaseException as error:
                await profiler.end_trace(trace, error=error)
                raise
            await profiler.end_trace(trace)

    async def call(self, step: Step, parents: Parents) -> None:
        self.call_sync(step, parents)

    def call_sync(self, step: Step, parents: Parents) -> None:
        truth = self.truth(step, parents)

        def body() -> None:
            with truth as inner:
                self.run_sync(step.inside, inner)
                self.fail(step)

        with self.caught(step):
            self.traced(truth, body)()

    async def gather(self, step: Step, parents: Parents) -> None:
        branches = [self.branch((each,), parents) for each in step.inside]
        direct = [self.coroutine(each, parents) for each in step.beside]
        await asyncio.gather(*branches, *direct, return_exceptions=True)

    async def group(self, step: Step, parents: Parents) -> None:
        """The first that fails has its siblings cancelled."""
        with self.caught(step):
            try:
                async with asyncio.TaskGroup() as group:
                    for each in step.inside:
                        coroutine = self.coroutine(each, parents)
                        if self.is_eager and sys.version_info < (3, 13):
                            coroutine = self.after_a_turn(coroutine)
                        try:
                            group.create_task(coroutine)
                        except RuntimeError:  # An eager one has failed already: nobody is taken any more.
                            coroutine.close()
                    await self.run(step.beside, parents)
            except* Boom:
                raise Boom("of a group") from None

    async def after_a_turn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Not at once: where an eager task of a group fails in its first step, 3.12 leaves its parent cancelled."""
        try:
            await asyncio.sleep(0)
        except BaseException:
            coroutine.close()
            raise
        await coroutine

    async def task(self, step: Step, parents: Parents) -> None:
        """Joined later."""
        task = self.spawn(self.coroutine(step, parents) if step.number % 2 else self.branch(step.inside, parents))
        await self.run(step.beside, parents)
        await asyncio.wait([task])

    async def forget(self, step: Step, parents: Parents) -> None:
        """A task that may outlive the trace it was spawned in."""
        self.spawn(self.branch(step.inside, parents, suspensions=3 * step.number))

    async def suspend(self, step: Step, _parents: Parents) -> None:
        for _ in range(step.number + 1):
            await asyncio.sleep(0)

    async def fall(self, step: Step, parents: Parents) -> None:
        self.fall_sync(step, parents)

    def fall_sync(self, step: Step, _parents: Parents) -> None:
        raise Boom(step.kind)

    async def cancel(self, step: Step, parents: Parents) -> None:
        """Cancels a child that hangs, after some turns of the loop; `beside` is its cleaning up."""
        truth = self.truth(step, parents)

        async def body() -> None:
            with truth as inner:
                try:
                    await self.run(step.inside, inner)
                    await asyncio.get_running_loop().create_future()
                finally:
                    await self.run(step.beside, inner)

        task = self.spawn(self.traced(truth, body)())
        self.hanging.add(task)
        for _ in range(step.number):
            await asyncio.sleep(0)
        # A group of tasks that fails at that moment may swallow a cancellation.
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=0.05)

    async def thread(self, step: Step, parents: Parents) -> None:
        with self.caught(step):
            await asyncio.to_thread(self.run_sync, step.inside, parents)

    async def executor(self, step: Step, parents: Parents) -> None:
        copied, loop = contextvars.copy_context().run, asyncio.get_running_loop()
        with self.caught(step):
            await loop.run_in_executor(None, copied, self.run_sync, step.inside, parents)

    # --- generators: consumed, left and closed, closed by another task, dropped, thrown into ---

    async def generator(self, step: Step, parents: Parents) -> None:
        way = ASYNC_WAYS[(step.number + len(step.beside)) % len(ASYNC_WAYS)]
        truth = self.truth(step, parents)

        async def body() -> AsyncIterator[int]:
            with truth as inner:
                try:
                    for number in range(step.number + 1):
                        await self.run(step.inside, inner)
                        yield number
                    self.fail(step)
                finally:
                    # A dropped one is finished by the loop, at a time and in a context of its own choice.
                    if way != "drop":
                        await self.run(step.inside, inner)

        async def close(generator: AsyncGenerator[int, None]) -> None:
            with contextlib.suppress(Boom):
                await generator.aclose()

        with self.caught(step):
            generator = self.traced(truth, body)()
            try:
                async for _ in generator:
                    # The trace is the innermost only while the generator's own body runs.
                    await self.run(step.beside, parents)
                    if way == "throw":
                        await generator.athrow(Boom("thrown in"))
                    if way != "consume":
                        break
            finally:
                if way == "hand over":
                    await asyncio.wait([self.spawn(close(generator))])
                elif way != "drop":
                    await close(generator)
                del generator

    async def plain_generator(self, step: Step, parents: Parents) -> None:
        self.plain_generator_sync(step, parents)

    def plain_generator_sync(self, step: Step, parents: Parents) -> None:
        way = PLAIN_WAYS[(step.number + len(step.beside)) % len(PLAIN_WAYS)]
        truth = self.truth(step, parents)

        def body() -> Iterator[int]:
            with truth as inner:
                for number in range(step.number + 1):
                    self.run_sync(step.inside, inner)
                    yield number
                self.fail(step)

        with self.caught(step):
            generator: Generator[int, None, None] = self.traced(truth, body)()
            for _ in generator:
                self.run_sync(step.beside, parents)
                if way == "throw":
                    generator.throw(Boom("thrown in"))
                if way != "consume":
                    break
            if way == "leave":
                generator.close()


ASYNC_WAYS = ("consume", "leave", "hand over", "drop", "throw")
PLAIN_WAYS = ("consume", "leave", "drop", "throw")
SYNC = {
    "call": Program.call_sync,
    "fall": Program.fall_sync,
    "plain_generator": Program.plain_generator_sync,
}
LEAVES = ("suspend", "fall", "block", "wait_for", "call")
KINDS = (
    *("wait_for", "async_block", "block", "started", "call", "gather", "group", "task", "forget", "suspend"),
    *("cancel", "thread", "executor", "generator", "plain_generator"),
)


def programs(profilers: int = 1) -> st.SearchStrategy[tuple[Step, ...]]:
    """Any program for so many profilers."""
    numbers, which = st.integers(0, 4), st.integers(0, profilers - 1)
    leaves = st.builds(Step, st.sampled_from(LEAVES), number=numbers, profiler=which)

    def nest(steps: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
        several = st.lists(steps, max_size=3).map(tuple)
        return st.builds(Step, st.sampled_from(KINDS), several, several, numbers, which, st.booleans())

    return st.lists(st.recursive(leaves, nest, max_leaves=16), min_size=1, max_size=4).map(tuple)
