"""What can be read here, what is missing and why, and what it costs: `mtaio doctor`, and the same from Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from deadline import eventually, run
from mtaio.monitoring import ConfigurationError, ResourceMonitor, SectionHealth, diagnose

pytestmark = pytest.mark.once

COMMAND = [str(Path(sys.executable).with_name("mtaio")), "doctor"]
RECORDINGS = Path(__file__).parents[1] / "recordings"
CORE = ("cpu", "load", "memory", "process")


def test_the_command_and_the_function_say_the_same() -> None:
    """The wheel's command, and `diagnose()`: the same sections in the same states."""
    found = json.loads(subprocess.run([*COMMAND, "--json"], capture_output=True, check=True).stdout)
    diagnosis = diagnose()
    assert diagnosis.usable
    assert found["usable"]
    assert [section["section"] for section in found["sections"]] == [one.section for one in diagnosis.sections]
    assert [section["gives"] for section in found["sections"]] == [one.gives for one in diagnosis.sections]
    states = {one.section: one.state for one in diagnosis.sections}
    assert all(states[name] == "ok" for name in CORE), states
    assert str(diagnosis).rstrip().endswith(".")
    assert "mtaio works here" in str(diagnosis)
    assert max(map(len, str(diagnosis).splitlines())) <= 80
    assert diagnosis.verdict.split() == str(diagnosis).split()[-len(diagnosis.verdict.split()) :]


def test_p41_what_cannot_be_read_says_why() -> None:
    """A machine without its core sections: exit status 1, a hint for each, and a reason where something failed."""
    root = str(RECORDINGS / "missing")
    ended = subprocess.run([*COMMAND, "--json", "--root", root], capture_output=True, check=False)
    assert ended.returncode == 1
    sections = json.loads(ended.stdout)["sections"]
    for section in sections:
        if section["state"] == "missing":
            assert section["reason"] or not section["failures"], section
            assert section["hint"], section
    assert {section["section"] for section in sections if section["state"] == "missing"} >= {"cpu", "load"}


def test_costs_are_held_against_the_interval() -> None:
    """Half the interval, twice the share."""
    seldom, often = diagnose(interval=10.0), diagnose(interval=0.01)
    assert seldom.core_percent is not None
    assert often.core_percent is not None
    assert 0 < seldom.core_percent < often.core_percent
    assert often.sample_seconds is not None
    assert often.core_percent >= 100 * often.sample_seconds / 0.01
    with pytest.raises(ConfigurationError, match=r"0\.001"):
        diagnose(interval=0.0)


def test_health_shows_the_same_fields() -> None:
    """`monitor.health().sections`: state, pace and cost of each section."""

    async def sections_of_a_running_monitor() -> dict[str, SectionHealth]:
        async with ResourceMonitor(interval=0.02) as monitor:
            await eventually(lambda: monitor.health().samples >= 5)
            return {section.section: section for section in monitor.health().sections}

    sections = run(sections_of_a_running_monitor())
    for name in CORE:
        section = sections[name]
        assert (section.state, section.missing, section.hint) == ("ok", [], None), section
        assert section.median_seconds is not None
        assert section.worst_seconds is not None
        assert 0 < section.median_seconds <= section.worst_seconds < 1, section
        assert section.gives
    assert sections["cpu"].every_seconds is None
    assert sections["filesystems"].every_seconds == 30.0
    assert {section.state for section in ResourceMonitor().health().sections} == {"unread"}


def test_p40_one_thread_reads_everything() -> None:
    """The kernel's locks behind /proc make several readers slower than one: a monitor has one thread."""

    async def threads_more() -> int:
        before = set(os.listdir("/proc/self/task"))
        async with ResourceMonitor(interval=0.01) as monitor:
            await eventually(lambda: monitor.health().samples >= 20)
            return len(set(os.listdir("/proc/self/task")) - before)

    assert run(threads_more()) == 1
