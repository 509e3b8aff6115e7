"""``mtaio run --serve``: what runs is served, and does what it does without."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from beside import AIOHTTP, PAGE, PYTHON, RUN, SUMMARY, UVICORN, answer, both, served, start, written

pytestmark = pytest.mark.once

TOKEN = "a-token-of-enough-letters"

WAITS = """
    import asyncio, sys

    async def turn():
        await asyncio.sleep(0.001)

    async def main():
        for _ in range(20):
            await asyncio.create_task(turn())
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

    asyncio.run(main())
"""


def get(address: str, token: str | None = None) -> tuple[int, bytes]:
    """Status and body."""
    request = urllib.request.Request(address)
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def page_of(process: "subprocess.Popen[str]") -> str:
    """Where the page is: what the command says first."""
    assert process.stderr is not None
    # Byte by byte: what comes after it is for `communicate`, which looks into no buffer.
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(process.stderr.fileno(), 1)):
        line += byte
    found = PAGE.fullmatch(line.decode())
    assert found, line.decode() + process.stderr.read()
    return found[1]


@contextlib.contextmanager
def waiting(
    folder: Path, *options: str, program: str = WAITS, **more: object
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A program that waits for a line, and where its page is."""
    name = written(folder, program)
    with start([*RUN, *options, name], folder, **more) as process:
        try:
            page = page_of(process)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process, page
        finally:
            process.kill()


def test_what_runs_is_served_until_it_ends(tmp_path: Path) -> None:
    with waiting(tmp_path, "--serve") as (process, page):
        assert page.startswith("http://127.0.0.1:")
        assert get(f"{page}healthz") == (200, b"ok\n")
        # Ten times a second the loop is asked how late it is.
        while b"event_loop_delay" not in get(f"{page}metrics")[1]:
            time.sleep(0.02)
        # Most tasks are not traced: there is no profile whose counts are right.
        assert get(f"{page}api/v1/profile")[0] == 404
        out, error = process.communicate("\n", timeout=30)
        assert (process.returncode, out) == (0, "")
        assert "mtaio: program.py ended with 0" in error
        with pytest.raises(urllib.error.URLError):
            get(f"{page}healthz")


def test_with_a_profile_the_profiler_is_served_too(tmp_path: Path) -> None:
    with waiting(tmp_path, "--serve", "--profile", "out.json") as (process, page):
        status, body = get(f"{page}api/v1/profile?format=json")
        assert status == 200
        assert body.count(b"turn") >= 1
        process.communicate("\n", timeout=30)
        assert json.loads((tmp_path / "out.json").read_text())


@pytest.mark.parametrize("given", ["--serve=127.0.0.1:{}", "--serve=localhost:{}", "--serve={}", "--serve=:{}"])
def test_the_address_is_the_one_that_was_asked_for(given: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with waiting(tmp_path, given.format(port)) as (_, page):
        assert page == f"http://127.0.0.1:{port}/"


def test_ipv6(tmp_path: Path) -> None:
    with waiting(tmp_path, "--serve=[::1]:0") as (_, page):
        assert page.startswith("http://[::1]:")
        assert get(f"{page}healthz")[0] == 200
    with waiting(tmp_path, "--serve=::1") as (_, page):
        assert page.startswith("http://[::1]:")


def test_a_token_out_of_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    other = "another-token-of-enough-letters"
    for options, variable in ((["--token-file", "token"], other), (["--token-file=token"], None), ([], TOKEN)):
        monkeypatch.delenv("MTAIO_TOKEN", raising=False)
        if variable is not None:
            monkeypatch.setenv("MTAIO_TOKEN", variable)
        with waiting(tmp_path, "--serve=0.0.0.0", *options) as (process, page):
            local = page.replace("0.0.0.0", "127.0.0.1")
            assert get(f"{local}metrics")[0] == 401
            assert get(f"{local}metrics", other if variable is None else "x" * 20)[0] == 401
            assert get(f"{local}metrics", TOKEN)[0] == 200
            # Nobody sees it in a list of processes, nor in what is printed.
            assert TOKEN.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
            assert TOKEN not in process.communicate("\n", timeout=30)[1]


def test_what_cannot_be_served_is_said_before_the_program_starts(tmp_path: Path) -> None:
    written(tmp_path, "print('runs')")
    (tmp_path / "short").write_text("short")
    (tmp_path / "long").write_text("x" * 5000)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for options, expected in [
            ([f"--serve={port}"], f"cannot listen on 127.0.0.1:{port}: Address already in use"),
            (["--serve=0.0.0.0:0"], "must be a loopback address"),
            (["--serve=example.org:80"], "an IP address or 'localhost'"),
            (["--serve=127.0.0.1:70000"], "a port from 0 (one that is free) to 65535; got 127.0.0.1:70000"),
            (["--serve=127.0.0.1:http"], "got 127.0.0.1:http"),
            (["--serve="], "--serve takes HOST:PORT"),
            (["--serve", "--token-file", "no such"], "the token cannot be read from"),
            (["--serve", "--token-file", "."], "the token cannot be read from"),
            (["--serve", "--token-file", "short"], "16 to 512 visible ASCII characters"),
            (["--serve", "--token-file", "long"], "more than 4096 bytes"),
            (["--serve", "--token", TOKEN], "set MTAIO_TOKEN, or give --token-file"),
            ([f"--token={TOKEN}", "--serve"], "is seen in every list of processes"),
            (["--token-file", "short"], "--token-file is for --serve"),
        ]:
            with start([*RUN, *options, "program.py"], tmp_path) as process:
                out, error = process.communicate(timeout=30)
            assert (process.returncode, out) == (2, ""), options
            assert expected in error, error
            assert "Traceback" not in error
            assert TOKEN not in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_machine_is_served_too(number: signal.Signals, tmp_path: Path) -> None:
    """``mtaio serve`` of the wheel, with which signals end as of the Rust crate's."""
    with start([*RUN[:-1], "serve", "--interval", "0.1"], tmp_path) as process:
        assert process.stdout is not None
        found = PAGE.fullmatch(process.stdout.readline())
        assert found
        while b"\nhost_memory_total_bytes " not in get(f"{found[1]}metrics")[1]:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


FORKS = """
    import asyncio, os, sys, time

    print("ready", flush=True)
    sys.stdin.readline()
    child = os.fork()
    if child == 0:
        # Lives on when the parent is gone.
        if os.fork() != 0:
            os._exit(0)
        print(os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    os.waitpid(child, 0)
    sys.stdin.readline()
"""


def test_children_do_not_serve(tmp_path: Path) -> None:
    with waiting(tmp_path, "--serve", program=FORKS) as (process, page):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        try:
            assert get(f"{page}healthz")[0] == 200
            process.stdin.write("\n")
            process.stdin.close()
            assert process.wait(timeout=30) == 0
            os.kill(child, 0)
            # Nobody holds the port, although the child lives.
            with (
                pytest.raises(ConnectionRefusedError),
                socket.create_connection(("127.0.0.1", port_of(page)), timeout=30),
            ):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def port_of(page: str) -> int:
    """Of its address."""
    return int(page.rstrip("/").rsplit(":", 1)[1])


# --- programs beside themselves (issue 6, "It must show" 4) ---


@pytest.mark.parametrize(
    ("text", "arguments", "number"),
    [
        (UVICORN, ["FD", "asyncio"], signal.SIGTERM),
        (UVICORN, ["FD", "asyncio"], signal.SIGKILL),
        (UVICORN, ["FD", "uvloop"], signal.SIGINT),
        (AIOHTTP, ["FD"], signal.SIGTERM),
        (AIOHTTP, ["FD"], signal.SIGINT),
    ],
    ids=["uvicorn", "uvicorn killed", "uvicorn with uvloop", "aiohttp", "aiohttp interrupted"],
)
def test_servers_serve_as_they_do(text: str, arguments: list[str], number: signal.Signals, tmp_path: Path) -> None:
    written(tmp_path, text)
    seen = []
    with contextlib.ExitStack() as stack:
        commands = [[*PYTHON, "program.py"], [*RUN, "--serve", "program.py"]]
        servers = [stack.enter_context(served(command, tmp_path, *arguments)) for command in commands]
        for (process, address), is_beside in zip(servers, (False, True), strict=True):
            if is_beside:
                page = page_of(process)
            answers = [answer(address) for _ in range(3)] + [missing(address)]
            if is_beside:
                assert get(f"{page}healthz")[0] == 200
            process.send_signal(number)
            out, error = process.communicate(timeout=30)
            error = re.sub(r"\[\d+\]|', \d+\)", "", SUMMARY.sub("", error))
            seen.append((process.returncode, answers, out, error))
    assert seen[0] == seen[1]
    assert seen[0][1][0][::2] == (200, b"42")
    assert seen[0][1][3][0] == 404


def missing(address: str) -> tuple[int, str, bytes]:
    """What a client gets that asks for what there is not."""
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{address}/no/such", timeout=30)
    with raised.value as error:
        return error.code, str(error.headers["content-type"]), error.read()


BARE = """
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": scope["path"].encode()})
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_command_of_uvicorn(loop: str, tmp_path: Path) -> None:
    """A command that nobody here wrote, with its own arguments, signals and way to end."""
    written(tmp_path, BARE, "bare.py")
    command = ["-m", "uvicorn", "bare:app", "--fd", "FD", "--loop", loop, "--log-level", "warning"]
    seen = []
    for before in (PYTHON, [*RUN, "--serve"]):
        with served(before, tmp_path, *command) as (process, address):
            answers = [answer(address) for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            out, error = process.communicate(timeout=30)
        seen.append((process.returncode, answers, out, SUMMARY.sub("", PAGE.sub("", error))))
    assert seen[0] == seen[1]
    assert seen[0][1][0] == (200, "text/plain", b"/items/21")


ENDINGS = {
    "ends": "import asyncio; print(asyncio.run(asyncio.sleep(0.01, 'slept')))",
    "exits": "import asyncio, sys\nasync def main(): sys.exit(7)\nasyncio.run(main())",
    "raises": "import asyncio\nasync def main():\n    raise LookupError('what is wrong')\nasyncio.run(main())",
    "raises in a group": (
        "import asyncio\nasync def fail(): raise ValueError(1)\nasync def main():\n"
        "    async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(fail())\nasyncio.run(main())"
    ),
    **{
        f"is ended by {name}": f"import asyncio, os, signal\nasync def main():\n    print('begun', flush=True)\n"
        f"    os.kill(os.getpid(), signal.{name}); await asyncio.sleep(30)\nasyncio.run(main())"
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGKILL", "SIGABRT", "SIGUSR1")
    },
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_that_is_served_ends_as_it_does(ending: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(ENDINGS[ending])
    without, with_it = both(tmp_path, "program.py", options=["--serve"])
    assert with_it == without
    if ending.startswith("is ended by"):
        assert without.status == -getattr(signal, ending.rsplit(" ", 1)[1])


def test_a_command_that_is_no_server(tmp_path: Path) -> None:
    """Nor has it a loop: a tool of the library, and one of some size that many plugins hook into."""
    without, with_it = both(
        tmp_path, "-m", "json.tool", "--compact", input='{"a": [1, 2, {"b": null}]}', options=["--serve"]
    )
    assert with_it == without == (0, '{"a":[1,2,{"b":null}]}\n', "")
    written(tmp_path, "def test_it(tmp_path): assert tmp_path.is_dir()\ndef test_not(): assert 1 == 2", "test_some.py")
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "test_some.py"]
    outcomes = [re.sub(r"in \d+\.\d+s", "", ended.out) for ended in both(tmp_path, *arguments, options=["--serve"])]
    assert outcomes[0] == outcomes[1]
    assert "1 failed, 1 passed" in outcomes[0]
