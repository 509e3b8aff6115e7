"""What a person sees: the live view in a terminal and in a pipe, and the command. Programs run as a user runs them."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest
from mtaio.monitoring import catalogue

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
SERVICE = [sys.executable, str(ROOT / "examples/live_service.py")]
COMMAND = [str(Path(sys.executable).with_name("mtaio"))]
#: Generous, since other programs share the machine; every wait ends as soon as what it waits for is there.
PATIENCE_SECONDS = 30.0


class Terminal:
    """A program on a terminal of its own, and what that terminal shows."""

    def __init__(self, command: list[str], columns: int, rows: int, **environment: str) -> None:
        """Starts the program on a terminal of this size."""
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.process = subprocess.Popen(
            command,
            stdin=side,
            stdout=side,
            stderr=side,
            env={**os.environ, "TERM": "xterm-256color", **environment},
            start_new_session=True,
        )
        os.close(side)

    def read(self) -> bool:
        """Shows what has come; False when the program has closed the terminal."""
        ready, _, _ = select.select([self.main], [], [], 0.1)
        if not ready:
            return self.process.poll() is None
        try:
            data = os.read(self.main, 65536)
        except OSError:
            return False
        self.raw += data
        self.stream.feed(data)
        return bool(data)

    def text(self) -> str:
        """The screen as it stands."""
        return "\n".join(self.screen.display)

    def wait_for(self, seen: Callable[[str], bool]) -> str:
        """The screen, as soon as it shows what is wanted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            alive = self.read()
            if seen(self.text()):
                return self.text()
            assert alive, f"it ended:\n{self.text()}"
        raise AssertionError(f"it was not shown:\n{self.text()}")

    def end(self, number: int) -> int:
        """Sends a signal, reads to the end, and gives the exit status."""
        self.process.send_signal(number)
        while self.read():
            pass
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def terminal(command: list[str], columns: int = 80, rows: int = 24, **environment: str) -> Iterator[Terminal]:
    """A program on a terminal, which is gone afterwards."""
    shown = Terminal(command, columns, rows, **environment)
    try:
        yield shown
    finally:
        shown.process.kill()
        shown.process.wait()
        os.close(shown.main)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_the_service_is_shown_in_place_and_ends_with_a_summary(columns: int, rows: int) -> None:
    """`make run` in a terminal: machine, service and thresholds on one screen, which is given back on Ctrl-C."""
    with terminal(SERVICE, columns, rows) as shown:
        first = shown.wait_for(lambda text: "thumbnail service" in text and "request_duration" in text)
        # The page is where the first line says, and tells of the same service.
        found = re.search(r"127\.0\.0\.1:\d+/", first.splitlines()[0])
        assert found, first
        address = f"http://{found[0]}"
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as page:
            assert page.headers["content-type"].startswith("text/html")
        with urllib.request.urlopen(f"{address}metrics", timeout=PATIENCE_SECONDS) as scrape:
            assert b"queue_depth" in scrape.read()
        assert "queue_depth" in first
        assert "memory_usage" in first
        # It refreshes in place: another screen, and nothing has scrolled.
        shown.wait_for(lambda text: text != first and "thumbnail service" in text.splitlines()[0])
        assert b"\x1b[?1049h" in shown.raw, "the screen is the alternate one"
        assert shown.end(signal.SIGINT) == 0
        assert shown.raw.rindex(b"\x1b[?1049l") > shown.raw.index(b"\x1b[?1049h"), "and it is given back"
        assert b"\x1b[?25h" in shown.raw.rsplit(b"\x1b[?1049l", 1)[0] + shown.raw.rsplit(b"\x1b[?1049l", 1)[1]
        summary = shown.raw.rsplit(b"\x1b[?1049l", 1)[1].decode()
        assert "samples" in summary
        assert "Traceback" not in summary


def test_an_alert_fires_on_the_screen() -> None:
    """The crowd comes after ten seconds: the queue grows past its threshold."""
    with terminal(SERVICE, 100, 30) as shown:
        shown.wait_for(lambda text: "FIRING" in text and "queue_depth" in text)
        assert shown.end(signal.SIGTERM) == 0


def test_no_colour_where_none_is_wanted() -> None:
    """NO_COLOR: no escape sequence sets a colour."""
    with terminal([*COMMAND, "top"], NO_COLOR="1") as shown:
        shown.wait_for(lambda text: "%" in text)
        assert shown.end(signal.SIGINT) in (0, 130)
        for sequence in (b"\x1b[3%d", b"\x1b[4%d"):
            for colour in range(8):
                assert sequence.replace(b"%d", b"%d" % colour) + b"m" not in shown.raw
        assert b"\x1b[38;" not in shown.raw


def test_a_line_a_second_where_it_is_no_terminal() -> None:
    """`make run | cat`: lines, and a summary when it is interrupted."""
    with subprocess.Popen(SERVICE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # Where the page is, is no line of the service's state.
        assert re.fullmatch(r"page: http://127\.0\.0\.1:\d+/\n", process.stderr.readline())
        started = time.monotonic()
        lines = [process.stdout.readline() for _ in range(4)]
        assert time.monotonic() - started > 2.0, "not faster than one a second"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert all("cpu" in line and "mem" in line for line in lines), lines
    assert any("request_duration" in line for line in lines), lines
    assert "\x1b" not in "".join(lines) + rest
    assert "samples" in rest


def test_the_command_lists_the_catalogue() -> None:
    """`mtaio metrics --json`: the same list as in Python."""
    text = subprocess.run([*COMMAND, "metrics"], capture_output=True, text=True, check=True).stdout
    assert all(metric.name in text for metric in catalogue())
    rows = json.loads(
        subprocess.run([*COMMAND, "metrics", "--json"], capture_output=True, text=True, check=True).stdout
    )
    assert [row["name"] for row in rows] == [metric.name for metric in catalogue()]


def test_the_command_watches_in_json() -> None:
    """`mtaio watch --json --count 2`: two objects with the documented fields."""
    result = subprocess.run(
        [*COMMAND, "watch", "--json", "--interval", "0.2", "--count", "2"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    first, second = (json.loads(line) for line in result.stdout.splitlines() if line.startswith("{"))
    assert second["timestamp"] > first["timestamp"]
    assert 0 <= first["cpu"]["usage_percent"] <= 100
    assert first["memory"]["total"] == first["memory"]["used"] + first["memory"]["available"]


def test_an_interrupted_command_ends_cleanly() -> None:
    """Ctrl-C reaches the native command inside the wheel."""
    with subprocess.Popen([*COMMAND, "watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in errors
    assert process.returncode in (0, 130)


def test_a_reader_that_leaves_is_no_error() -> None:
    """`mtaio watch | head -1` ends quietly."""
    process = subprocess.Popen(
        [*COMMAND, "watch", "--interval", "0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(PATIENCE_SECONDS)
    assert "panic" not in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("arguments", [["nonsense"], ["watch", "--interval", "0"], ["watch", "--count", "x"]])
def test_bad_arguments_say_what_is_accepted(arguments: list[str]) -> None:
    """Usage errors exit with 2 and a message."""
    result = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert result.returncode == 2
    assert "error" in result.stderr
