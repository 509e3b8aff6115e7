"""A decorated function is the same function to whoever looks at it."""

import abc
import asyncio
import collections.abc
import copy
import doctest
import functools
import inspect
import pickle
import typing
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import decorated
import pytest
from decorated import PLAIN, TRACED, Account
from mtaio.monitoring import ConfigurationTypeError, Profiler

on_each_kind = pytest.mark.parametrize("kind", PLAIN)


def check(question: Callable[[Any], Any], kind: str) -> None:
    """The traced function gives the same answer as the plain one."""
    assert question(TRACED[kind]) == question(PLAIN[kind])


def names() -> list[str]:
    """Of what was traced since the last time this was asked."""

    async def main() -> list[str]:
        profile = await decorated.profiler.get_profile()
        await decorated.profiler.reset()
        assert profile.open_traces == []
        return [trace.name for trace in profile.traces]

    return asyncio.run(main())


@pytest.mark.parametrize(
    "question",
    [
        *(inspect.isfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction),
        *(inspect.ismethod, inspect.isbuiltin, inspect.isroutine, inspect.isclass, inspect.isawaitable),
        *(inspect.ismethoddescriptor, inspect.isdatadescriptor),
        *(inspect.signature, inspect.getsource, inspect.getsourcelines, inspect.getdoc, inspect.getfile),
        *(inspect.getsourcefile, inspect.getmodule, inspect.getfullargspec, inspect.get_annotations, inspect.unwrap),
        *(typing.get_type_hints, callable, pickle.dumps),
        inspect.getclosurevars,
    ],
    ids=lambda question: getattr(question, "__name__", str(question)),
)
@on_each_kind
def test_questions(question: Callable[[Any], Any], kind: str) -> None:
    if question is pickle.dumps:
        # Found by its name, so it is the traced one that comes back.
        assert pickle.loads(pickle.dumps(TRACED[kind])) is TRACED[kind]
    elif question is inspect.unwrap:
        assert inspect.unwrap(TRACED[kind]).__code__ is PLAIN[kind].__code__
    else:
        check(question, kind)


def test_asyncio_knows_a_coroutine_function() -> None:
    with warnings.catch_warnings():
        # 3.14 would rather have inspect's.
        warnings.simplefilter("ignore", DeprecationWarning)
        for kind in PLAIN:
            check(asyncio.iscoroutinefunction, kind)


@on_each_kind
@pytest.mark.parametrize(
    "attribute",
    [
        *("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__", "__annotations__"),
        *("__code__", "__globals__", "__closure__"),
    ],
)
def test_attributes(attribute: str, kind: str) -> None:
    check(lambda function: getattr(function, attribute), kind)


@on_each_kind
def test_as_an_object(kind: str) -> None:
    traced = TRACED[kind]
    assert copy.copy(traced) is traced
    assert copy.deepcopy([traced])[0] is traced
    assert weakref.ref(traced)() is traced
    assert hash(traced) == hash(traced)
    assert {traced: 1}[traced] == 1
    assert traced == traced
    assert traced != PLAIN[kind]
    assert PLAIN[kind].__name__ in repr(traced)
    traced.label = "set on it"
    assert traced.label == "set on it"
    assert "label" in vars(traced)
    del traced.label
    assert not hasattr(traced, "label")


def test_attributes_set_before_stay() -> None:
    def view() -> None:
        """Nothing."""

    view.route = "/view"  # type: ignore[attr-defined]
    assert Profiler().trace(view).route == "/view"
    assert Profiler().trace(decorated.marked(view)).marked
    assert decorated.marked(Profiler().trace(view)).marked


def test_calls_take_and_give_the_same() -> None:
    names()
    arguments: tuple[Any, ...] = ((1,), {"second": "b", "more": 2, "third": False})
    assert asyncio.run(TRACED["coroutine"](*arguments[0], **arguments[1])) == [1, "b", (), False, {"more": 2}]
    assert TRACED["function"](1, third=False) == (1, "two", False)
    assert list(TRACED["generator"](3)) == [0, 1, 2]

    async def collect() -> list[int]:
        return [number async for number in TRACED["async_generator"](3)]

    assert asyncio.run(collect()) == [0, 1, 2]
    assert names() == ["coroutine", "function", "generator", "async_generator"]
    for kind in PLAIN:
        messages = []
        for function in (PLAIN[kind], TRACED[kind]):
            with pytest.raises(TypeError) as raised:
                function(unknown=1)
            messages.append(str(raised.value))
        assert messages[0] == messages[1]
    assert names() in ([], ["function"]), "a call that its arguments do not fit begins nothing but the function's own"


def test_a_generator_sends_and_throws() -> None:
    @decorated.profiler.trace
    def echo() -> collections.abc.Generator[Any, Any, str]:
        got = yield "ready"
        try:
            while got is not None:
                got = yield got
        except LookupError as error:
            yield f"caught {error}"
        return "done"

    def delegates() -> collections.abc.Generator[Any, Any, str]:
        return (yield from echo())

    for make in (echo, delegates):
        generator = make()
        assert isinstance(generator, collections.abc.Generator)
        assert [next(generator), generator.send(1), generator.throw(LookupError("it"))] == ["ready", 1, "caught it"]
        with pytest.raises(StopIteration) as stop:
            next(generator)
        assert stop.value.value == "done"


def test_an_async_generator_sends_and_throws() -> None:
    @decorated.profiler.trace
    async def echo() -> collections.abc.AsyncGenerator[Any, Any]:
        got = yield "ready"
        try:
            while True:
                got = yield got
        except LookupError as error:
            yield f"caught {error}"

    async def main() -> list[Any]:
        generator = echo()
        assert isinstance(generator, collections.abc.AsyncGenerator)
        assert aiter(generator) is generator
        got = [await anext(generator), await generator.asend(1), await generator.athrow(LookupError("it"))]
        return [*got, await anext(generator, "end")]

    assert asyncio.run(main()) == ["ready", 1, "caught it", "end"]


def test_methods() -> None:
    names()
    account = asyncio.run(Account.opened(100))
    assert asyncio.run(account.pay(30)) == account.look() == 70
    assert (account.doubled, account.tripled, account.tripled, Account.empty().balance) == (140, 210, 210, 0)
    assert (Account.rate(2), account.rate(4), asyncio.run(account.async_rate(4))) == (1.0, 2.0, 1.0)
    assert account.add_one(2) == 73
    expected = ["opened", "pay", "look", "doubled", "tripled", "empty", "rate", "rate", "the rate", "add"]
    assert names() == [each if " " in each else f"Account.{each}" for each in expected]
    assert inspect.ismethod(account.pay)
    assert (account.pay.__self__, account.pay.__func__) == (account, Account.pay)
    assert account.pay == account.pay
    assert inspect.iscoroutinefunction(account.pay)
    assert inspect.iscoroutinefunction(Account.opened)
    assert inspect.iscoroutinefunction(account.async_rate)
    assert str(inspect.signature(account.pay)) == "(amount: int) -> int"
    assert str(inspect.signature(Account.opened)) == "(balance: int) -> 'Account'"
    assert isinstance(vars(Account)["empty"], classmethod)
    assert isinstance(vars(Account)["async_rate"], staticmethod)
    assert inspect.getdoc(Account.look) == "Looks."
    again = pickle.loads(pickle.dumps(account.look))
    assert again() == 70
    assert asyncio.run(copy.deepcopy(account).pay(1)) == 69
    assert account.balance == 70


def test_abstract_methods() -> None:
    class Shape(abc.ABC):
        @decorated.profiler.trace
        @abc.abstractmethod
        def area(self) -> float: ...

        @abc.abstractmethod
        @decorated.profiler.trace
        async def draw(self) -> None: ...

    assert Shape.__abstractmethods__ == {"area", "draw"}
    with pytest.raises(TypeError, match="abstract"):
        Shape()


def test_functools() -> None:
    names()
    assert functools.partial(TRACED["function"], 1, third=None)() == (1, "two", None)
    assert inspect.iscoroutinefunction(functools.partial(TRACED["coroutine"], 1))
    cached = functools.lru_cache(TRACED["function"])
    assert cached(5) is cached(5)
    assert functools.reduce(TRACED["function"], [1, 2, 3]) == ((1, 2, True), 3, True)
    assert names() == ["function"] * 4

    @functools.wraps(TRACED["coroutine"])
    async def wrapper(*_arguments: Any) -> None: ...

    assert wrapper.__wrapped__ is TRACED["coroutine"]
    assert inspect.signature(wrapper) == inspect.signature(PLAIN["coroutine"])

    @functools.singledispatch
    @decorated.profiler.trace
    def show(_value: object) -> str:
        return "object"

    @show.register
    @decorated.profiler.trace
    def _(_value: int) -> str:
        return "int"

    assert (show("a"), show(1)) == ("object", "int")


def test_doctest_finds_and_runs_it() -> None:
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
    found = [test for test in finder.find(decorated) if test.examples]
    assert [test.name for test in found] == ["decorated.function"]
    assert found[0].lineno is not None
    assert runner.run(found[0]) == doctest.TestResults(0, 2 - 1)


def test_switched_off_it_is_the_function_itself() -> None:
    trace = Profiler(enabled=False).trace
    for function in PLAIN.values():
        assert trace(function) is function
        assert trace(name="other")(function) is function


@pytest.mark.parametrize("given", [Account, int, 7, "name", None.__class__, [print]], ids=repr)
def test_what_cannot_be_traced(given: Any) -> None:
    for trace in (Profiler().trace, Profiler(enabled=False).trace, Profiler().trace(name="it")):
        with pytest.raises(ConfigurationTypeError, match="function") as raised:
            trace(given)
        assert (given.__name__ if isinstance(given, type) else repr(given)) in str(raised.value)


@pytest.mark.parametrize("name", [7, b"bytes", ["list"], object], ids=repr)
def test_names_of_a_wrong_type(name: Any) -> None:
    with pytest.raises(ConfigurationTypeError, match="name"):
        Profiler().trace(name=name)


def test_above_a_property_it_says_where_it_belongs() -> None:
    with pytest.raises(ConfigurationTypeError, match="below @property"):
        Profiler().trace(property(lambda self: self))
