"""What may be included, by whom, and what becomes of an extension that fails."""

import json
import logging
import threading
import time
from typing import Any

import pytest
from ended import drive
from extension import rust, tree
from forking import child
from mtaio.monitoring import ConfigurationTypeError, Profiler, ProfilerError


def test_one_profiler_includes_it_and_twice_is_once(including: Profiler) -> None:
    including.include(rust)
    including.include(rust.__mtaio_profiler__)
    rust.work("once")
    assert drive(including.get_profile()).get_metrics("once").call_count == 1
    other = Profiler()
    with pytest.raises(ProfilerError, match="cannot include rust_service: it is part of another profiler"):
        other.include(rust)
    including.__init__()  # type: ignore[misc]
    other.include(rust)
    del other
    including.include(rust)


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
def test_one_that_fails_is_left_out(including: Profiler, way: str, caplog: pytest.LogCaptureFixture) -> None:
    failing = getattr(rust, way)()
    including.include(failing)
    with caplog.at_level(logging.WARNING, "mtaio.monitoring"):
        for _ in range(3):
            with including.trace_context("request"):
                rust.work("parse")
            profile = drive(including.get_profile())
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
def test_the_child_of_a_fork_does_not_ask(including: Profiler) -> None:
    def in_child() -> tuple[str, dict[str, str], str]:
        with including.trace_context("in child"):
            rust.work("not asked")
        profile = drive(including.get_profile())
        drive(including.reset())
        try:
            Profiler().include(rust)
        except ProfilerError as error:
            return tree(profile), profile.missing, str(error)
        return tree(profile), profile.missing, ""

    with including.trace_context("in parent"):
        found, missing, error = child(in_child)
        rust.work("asked")
    assert (found, missing) == ("in child", {})
    assert "or was before a fork" in error
    assert tree(drive(including.get_profile())).splitlines() == ["in parent", "  asked", "    inner", "    released"]
