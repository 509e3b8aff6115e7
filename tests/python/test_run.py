"""``mtaio run``: a program does beside it what it does without, and ends as it ends.

Long because most of it is the programs, each beside what it shows.
"""

import contextlib
import json
import re
import signal
import subprocess
import textwrap
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest
from beside import AIOHTTP, PYTHON, RUN, SUMMARY, UVICORN, answer, both, served, start, written
from mtaio.monitoring import Profile

pytestmark = pytest.mark.once

PROBE = """
    import atexit, inspect, json, pickle, signal, sys, threading

    class Kept:
        x: int = 3

    y: int = 4

    def show():
        main = sys.modules["__main__"]
        print(json.dumps({
            "argv": sys.argv, "path": sys.path[:2], "name": __name__, "file": __file__, "cached": __cached__,
            "spec": getattr(__spec__, "name", None), "package": __package__, "globals": sorted(globals()),
            "loader": type(__loader__).__name__, "is_main": main.__dict__ is globals(),
            "annotations": sorted(__annotations__), "input": sys.stdin.read(), "encoding": sys.stdout.encoding,
            "line_buffering": sys.stdout.line_buffering, "threads": [one.name for one in threading.enumerate()],
            "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
            "pickled": pickle.loads(pickle.dumps(Kept())).x, "source": inspect.getsource(show)[:20],
            "hook": sys.excepthook is sys.__excepthook__, "modules": "__mp_main__" in sys.modules,
        }, indent=0))

    atexit.register(print, "registered first")
    atexit.register(print, "registered last")
    threading.Timer(0.05, print, ["a thread"]).start()
    show()
"""


@pytest.mark.parametrize("kind", ["script", "folder", "archive", "package", "module", "compiled", "linked"])
def test_a_program_sees_itself(kind: str, tmp_path: Path) -> None:
    written(tmp_path, PROBE)
    written(tmp_path, PROBE, "package/__main__.py")
    written(tmp_path, "", "package/__init__.py")
    arguments = {
        "script": ["program.py"],
        "folder": ["package"],
        "archive": ["packed.zip"],
        "package": ["-m", "package"],
        "module": ["-mprogram"],
        "compiled": ["compiled.pyc"],
        "linked": ["./package/../links/linked.py"],
    }[kind]
    if kind == "archive":
        with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
            archive.writestr("__main__.py", textwrap.dedent(PROBE).replace("inspect.getsource(show)[:20]", "0"))
    if kind == "compiled":
        import py_compile

        text = textwrap.dedent(PROBE).replace("inspect.getsource(show)[:20]", "0")
        written(tmp_path, text, "source.py")
        py_compile.compile(str(tmp_path / "source.py"), str(tmp_path / "compiled.pyc"))
    if kind == "linked":
        (tmp_path / "links").mkdir()
        (tmp_path / "links" / "linked.py").symlink_to(tmp_path / "program.py")
    without, with_it = both(tmp_path, *arguments, "one", "--two", "-m", "three", "--profile", input="hello\n")
    assert without.status == 0, without.error
    assert with_it == without
    assert without.out.endswith("a thread\nregistered last\nregistered first\n")


ENDINGS = {
    "returns": "print('done')",
    "exits": "import sys; print('x', end=''); sys.exit(3)",
    "exits with text": "import sys; sys.exit('what went wrong')",
    "exits with nothing": "raise SystemExit",
    "exits at once": "import os; os._exit(4)",
    "raises": """
        def f(depth):
            if depth == 0:
                raise ValueError("deep") from KeyError("cause")
            f(depth - 1)
        try:
            f(2)
        except ValueError as error:
            error.add_note("noted")
            raise
        """,
    "raises a group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "is no Python": "print(1\nx = = 2",
    "imports what is not there": "import no_such_module_at_all",
    "has a hook": """
        import sys
        def hook(kind, value, frames):
            print("hook", kind.__name__, value, frames.tb_frame.f_code.co_name, file=sys.stderr)
            print(sys.last_type is kind, sys.last_value is value, sys.last_traceback is frames)
        sys.excepthook = hook
        raise ValueError("for the hook")
        """,
    "has a hook that fails": """
        import sys
        def hook(*_):
            raise TypeError("of the hook")
        sys.excepthook = hook
        raise ValueError("for the hook")
        """,
    "has a hook that exits": "import sys; sys.excepthook = lambda *_: sys.exit(7); raise ValueError",
    "is interrupted": """
        import atexit, os, signal, time
        atexit.register(print, "at exit", flush=True)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        """,
    "is ended": "import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)",
    "hangs up": "import signal; signal.raise_signal(signal.SIGHUP)",
    "is killed": "import os, signal, time; os.kill(os.getpid(), signal.SIGKILL); time.sleep(5)",
    "aborts": "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.abort()",
    "handles the end": """
        import signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        signal.raise_signal(signal.SIGTERM)
        """,
    "ignores the end": """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.raise_signal(signal.SIGTERM)
        print("goes on")
        """,
    "raises at the very end": """
        import atexit
        def fails():
            raise ValueError("at exit")
        atexit.register(fails)
        """,
    "warns": "import warnings; warnings.warn('be warned'); print('x' * 100000)",
    "closes what it has": "import os, sys; sys.stdout.flush(); os.close(1); os.close(2)",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_ends_as_it_does(ending: str, tmp_path: Path) -> None:
    written(tmp_path, ENDINGS[ending])
    without, with_it = both(tmp_path, "program.py")
    assert with_it == without


CHILDREN = """
    import asyncio, atexit, multiprocessing, os, signal, sys

    class Kept:
        def __init__(self, number):
            self.number = number

    def work(kept):
        return kept.number * 2, __name__, sys.argv[1:]

    async def inside():
        await asyncio.gather(*(asyncio.create_task(asyncio.sleep(0)) for _ in range(3)))
        return asyncio.get_running_loop().get_task_factory() is None

    def main():
        print(__name__, sys.argv[1:])
        for method in ("spawn", "fork", "forkserver"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                print(method, pool.map(work, [Kept(21)]))
        sys.stdout.flush()
        atexit.register(lambda: print("at exit of", "the parent" if os.getpid() == parent else "a child", flush=True))
        parent = os.getpid()
        if os.fork() == 0:
            print("factory", asyncio.run(inside()), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)
            sys.exit(5)
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
        if os.fork() == 0:
            signal.raise_signal(signal.SIGTERM)
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)

    if __name__ == "__main__":
        main()
"""


def test_children_are_programs_of_their_own(tmp_path: Path) -> None:
    written(tmp_path, CHILDREN)
    without, with_it = both(tmp_path, "program.py", "an argument")
    assert without.status == 0, without.error
    assert with_it == without
    assert "factory True True" in without.out
    # Nor do they print a summary: there is one.
    with start([*RUN, "program.py"], tmp_path) as process:
        _, error = process.communicate(timeout=40)
    assert error.count("mtaio:") == 1


LOOPS = """
    import asyncio, contextvars, sys
    kind = sys.argv[1]

    async def inner(number):
        await asyncio.sleep(0.001 * number)
        if number == 2:
            raise ValueError(number)
        return number

    async def lost():
        raise KeyError("nobody asks")

    async def main():
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(inner(number), name=f"task {number}") for number in range(4)]
        print(await asyncio.gather(*tasks, return_exceptions=True), [task.get_name() for task in tasks])
        coroutines = [task.get_coro() for task in tasks]
        print([one.__qualname__ for one in coroutines], [asyncio.iscoroutine(one) for one in coroutines])
        task = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        task.cancel("enough")
        try:
            await task
        except asyncio.CancelledError as error:
            print("cancelled", error.args)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(inner(2))
                group.create_task(asyncio.sleep(3600))
        except* ValueError as errors:
            print(errors.exceptions)
        never = asyncio.create_task(lost())
        await asyncio.sleep(0.01)
        variable = contextvars.ContextVar("variable", default=1)
        variable.set(2)
        print(await asyncio.create_task(asyncio.to_thread(variable.get)))
        print(type(loop).__module__, len(asyncio.all_tasks()))
        del never
        if kind == "fails":
            raise RuntimeError("of main")
        return "returned"

    if kind == "uvloop":
        import uvloop
        print(uvloop.run(main()))
    elif kind == "by hand":
        loop = asyncio.new_event_loop()
        for _ in range(2):
            print(loop.run_until_complete(main()))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    elif kind == "policy":
        import uvloop
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        print(asyncio.run(main()))
    else:
        print(asyncio.run(main(), debug=kind == "debug"))
"""


@pytest.mark.parametrize("kind", ["asyncio", "debug", "uvloop", "by hand", "policy", "fails"])
def test_loops_go_as_they_do(kind: str, tmp_path: Path) -> None:
    written(tmp_path, LOOPS)
    without, with_it = both(tmp_path, "program.py", kind)
    # In debug mode a task knows the whole stack in which it was created, and that begins in `mtaio run`.
    started = re.compile(
        r'  File "(<frozen runpy>|[^"]*/mtaio/monitoring/_*(main|command|run|program)_*\.py)".*\n(    .*\n)?'
    )
    assert with_it._replace(error=started.sub("", with_it.error)) == without
    assert without.status == int(kind == "fails")


@pytest.mark.parametrize("loop", ["asyncio.new_event_loop", "uvloop.new_event_loop"])
def test_loops_that_are_over_are_let_go(loop: str, tmp_path: Path) -> None:
    program = f"""
        import asyncio, gc, uvloop, weakref

        loops = []

        async def main():
            loops.append(weakref.ref(asyncio.get_running_loop()))
            await asyncio.sleep(0.01)

        for _ in range(5):
            with asyncio.Runner(loop_factory={loop}) as runner:
                runner.run(main())
        del runner
        gc.collect()
        print(sum(loop() is not None for loop in loops))
        """
    without, with_it = both(tmp_path, written(tmp_path, program))
    assert without.out == "0\n"
    assert with_it == without


def test_it_says_what_it_cannot_run(tmp_path: Path) -> None:
    written(tmp_path, "print('runs')")
    for arguments, status, text in [
        (["no/such.py"], 2, "can't open file"),
        (["-m", "no_such_module_at_all"], 1, "No module named no_such_module_at_all"),
        ([], 2, "a script, or -m and a module, is needed"),
        (["-m"], 2, "-m needs a module after it"),
        (["--profile"], 2, "--profile needs a file after it"),
        (["--profile", "no/such/folder/out.json", "program.py"], 2, "the profile cannot be written to"),
        (["--wrong", "program.py"], 2, "there is no option --wrong"),
        (["--config", "no.toml", "program.py"], 2, "no.toml"),
    ]:
        with start([*RUN, *arguments], tmp_path) as process:
            out, error = process.communicate(timeout=20)
        assert (process.returncode, out) == (status, ""), arguments
        assert text in error
        assert "Traceback" not in error
    with start([*RUN, "--help"], tmp_path) as process:
        out, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (0, "")
    assert "mtaio run [OPTIONS] SCRIPT" in out


SERVICE = """
    import asyncio

    async def query(number):
        await asyncio.sleep(0.02)
        return number

    async def main():
        await asyncio.gather(*(asyncio.create_task(query(number)) for number in range(10)))
        for _ in range(3):
            await asyncio.sleep(0.15)
        raise SystemExit(3)

    asyncio.run(main())
"""


def test_the_summary_and_the_profile(tmp_path: Path) -> None:
    written(tmp_path, SERVICE)
    thresholds = {"thread_count": 0.5, "event_loop_delay": -1.0}
    tables = [f'[[thresholds]]\nmetric = "{metric}"\nvalue = {value}\n' for metric, value in thresholds.items()]
    (tmp_path / "mtaio.toml").write_text("\n".join(["interval = 0.05\n", *tables]))
    options = ["--profile", "run.json", "--config", "mtaio.toml"]
    with start([*RUN, *options, "program.py"], tmp_path) as process:
        out, error = process.communicate(timeout=20)
    assert (process.returncode, out) == (3, "")
    lines = error.splitlines()
    assert re.fullmatch(r"mtaio: program\.py ended with 3 after \d.*", lines[0])
    assert re.fullmatch(r"  processor   \d[\d.]* (s|ms), \d+ % of one", lines[1])
    assert re.fullmatch(r"  memory      \d+\.\d MiB at most", lines[2])
    assert re.fullmatch(r"  loop delay  median \d.*, p99 \d.*, longest \d.*", lines[3])
    assert "LONGEST" in lines[4]
    rows = [line.split() for line in lines[5:] if line.startswith("              ")]
    assert (rows[0][4], rows[0][5]) == ("1", "main")
    assert ("10", "query") in [(row[4], row[5]) for row in rows]
    assert "alerts      2" in error
    assert "thread_count" in error
    assert lines[-1].endswith("run.json")
    profile = json.loads((tmp_path / "run.json").read_text())
    assert profile
    shown = subprocess.run(
        [*RUN[:-1], "report", "run.json"], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=True
    )
    assert "query" in shown.stdout


def test_a_profile_has_every_task(tmp_path: Path) -> None:
    written(tmp_path, SERVICE.replace("range(10)", "range(1000)"))
    with start([*RUN, "--quiet", "--profile", "run.json", "program.py"], tmp_path) as process:
        process.communicate(timeout=40)
    assert Profile.load(tmp_path / "run.json").get_metrics("query").call_count == 1000


def test_the_summary_alone_leaves_tasks_as_they_are(tmp_path: Path) -> None:
    """Their coroutine and their context, which all that is made in them inherits."""
    program = """
        import asyncio, contextvars

        async def inner():
            pass

        async def main():
            coroutine = inner()
            task = asyncio.create_task(coroutine, name="named", context=contextvars.copy_context())
            unnamed = asyncio.create_task(inner())
            print(task.get_coro() is coroutine, task.get_name(), len(contextvars.copy_context()))
            print(unnamed.get_name()[:5])
            await unnamed
            print(asyncio.current_task().get_coro())
            await task

        asyncio.run(main())
        """
    written(tmp_path, program)
    without, with_it = both(tmp_path, "program.py")
    assert with_it.status == 0, with_it.error
    assert re.sub("0x[0-9a-f]+", "0x", with_it.out) == re.sub("0x[0-9a-f]+", "0x", without.out)
    assert with_it.out.startswith("True named 0\nTask-\n<coroutine object main at 0x")


def test_of_many_tasks_all_are_counted(tmp_path: Path) -> None:
    written(tmp_path, SERVICE.replace("range(10)", "range(1000)"))
    with start([*RUN, "program.py"], tmp_path) as process:
        _, error = process.communicate(timeout=40)
    assert re.search(r" 1000  query$", error, re.MULTILINE), error


@pytest.mark.parametrize("how", ["raises", "is ended"])
def test_the_summary_of_what_fails(how: str, tmp_path: Path) -> None:
    written(tmp_path, ENDINGS[how])
    with start([*RUN, "--profile", "out.html", "program.py"], tmp_path) as process:
        _, error = process.communicate(timeout=20)
    said = {"raises": "raised ValueError", "is ended": "was ended by SIGTERM"}[how]
    assert f"mtaio: program.py {said} after " in error
    assert process.returncode == {"raises": 1, "is ended": -signal.SIGTERM}[how]
    assert "<html" in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize(
    ("text", "arguments", "number"),
    [
        (UVICORN, ["FD", "asyncio"], signal.SIGTERM),
        (UVICORN, ["FD", "uvloop"], signal.SIGINT),
        (AIOHTTP, ["FD"], signal.SIGTERM),
    ],
    ids=["uvicorn", "uvicorn with uvloop", "aiohttp"],
)
def test_servers(text: str, arguments: list[str], number: signal.Signals, tmp_path: Path) -> None:
    written(tmp_path, text)
    seen = []
    with contextlib.ExitStack() as stack:
        commands = [[*PYTHON, "program.py"], [*RUN, "--profile", "out.json", "program.py"]]
        servers = [stack.enter_context(served(command, tmp_path, *arguments)) for command in commands]
        for process, address in servers:
            answers = [answer(address) for _ in range(3)]
            process.send_signal(number)
            out, error = process.communicate(timeout=30)
            error = re.sub(r"\[\d+\]|', \d+\)", "", error)
            seen.append((process.returncode, answers, out, SUMMARY.sub("", error), "\n  memory  " in error))
    assert seen[0][:4] == seen[1][:4]
    assert (seen[0][4], seen[1][4]) == (False, True)
    assert seen[0][1][0] == (200, seen[0][1][0][1], b"42")
    assert json.loads((tmp_path / "out.json").read_text())


def test_workers_of_a_server(tmp_path: Path) -> None:
    """uvicorn starts its workers anew: they are no part of this, and do what they do."""
    written(
        tmp_path,
        """
        import os

        async def app(scope, receive, send):
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
        """,
        "bare.py",
    )
    arguments = [
        "-m",
        "uvicorn",
        "bare:app",
        "--workers",
        "2",
        "--fd",
        "FD",
        "--lifespan",
        "off",
        "--log-level",
        "error",
    ]
    with served(RUN, tmp_path, *arguments) as (process, address):
        deadline = time.monotonic() + 30
        workers: set[bytes] = set()
        while not workers and time.monotonic() < deadline:
            with urllib.request.urlopen(address, timeout=30) as response:
                workers.add(response.read())
        assert workers
        assert str(process.pid).encode() not in workers
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=30)
    assert error.count("mtaio:") == 1, error
