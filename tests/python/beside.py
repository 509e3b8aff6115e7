"""Programs, without ``mtaio run`` and with it."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PYTHON = [sys.executable]
RUN = [sys.executable, "-m", "mtaio.monitoring", "run"]
PAGE = re.compile(r"^page: (http://\S+/)\n", re.MULTILINE)
SUMMARY = re.compile(r"^mtaio: .*", re.MULTILINE | re.DOTALL)


class Ended(NamedTuple):
    """What is left of a program: as a shell sees it."""

    status: int
    out: str
    error: str


def start(command: list[str], folder: Path, **options: object) -> "subprocess.Popen[str]":
    """A program, whose input and output are the test's."""
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": ""}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, text=True, env=environment, **pipes, **options)  # type: ignore[call-overload,no-any-return]


def both(folder: Path, *arguments: str, input: str = "", options: Iterable[str] = ()) -> tuple[Ended, Ended]:
    """The program without, and with: at the same time."""
    commands = [PYTHON, [*RUN, "--quiet", *options]]
    processes = [start([*command, *arguments], folder) for command in commands]
    with contextlib.ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
            stack.callback(process.kill)
        ended = [process.communicate(input, timeout=40) for process in processes]
    without, with_it = [
        Ended(process.returncode, out, comparable(PAGE.sub("", error, count=1)))
        for process, (out, error) in zip(processes, ended, strict=True)
    ]
    return without, with_it


def comparable(text: str) -> str:
    """Without what no two runs have in common: addresses, and numbers of tasks, which a task factory moves."""
    return re.sub(r"(0x)[0-9a-f]+|(Task-)\d+", r"\1\2", text)


def written(folder: Path, text: str, name: str = "program.py") -> str:
    """A script."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return name


UVICORN = """
    import sys
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/items/{item}")
    async def item(item: int) -> int:
        return item * 2

    if __name__ == "__main__":
        uvicorn.run(app, fd=int(sys.argv[1]), loop=sys.argv[2], access_log=False)
"""

AIOHTTP = """
    import socket, sys
    from aiohttp import web

    async def item(request):
        return web.json_response(int(request.match_info["item"]) * 2)

    app = web.Application()
    app.router.add_get("/items/{item}", item)
    web.run_app(app, sock=socket.socket(fileno=int(sys.argv[1])), print=None)
"""


@contextlib.contextmanager
def served(command: list[str], folder: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server on a port that the system gives, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        arguments = tuple(str(number) if argument == "FD" else argument for argument in arguments)
        with start([*command, *arguments], folder, pass_fds=[number]) as process:
            try:
                # The connection waits in the listener's queue until somebody serves it.
                yield process, f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                process.kill()


def answer(address: str) -> tuple[int, str, bytes]:
    """What a client gets."""
    with urllib.request.urlopen(f"{address}/items/21", timeout=30) as response:
        return response.status, str(response.headers["content-type"]), response.read()
