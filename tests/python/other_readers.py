"""Readers of this machine that nobody here wrote: psutil, ``free``, ``vmstat``, ``iostat``, and node_exporter."""

import contextlib
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

#: Where `make` lays the programs of Debian packages that it does not install.
UNPACKED = Path(__file__).parents[2] / ".venv" / "debian" / "usr" / "bin"
#: Numbers with a point, and clocks of 24 hours, whatever the language of the machine.
ENVIRONMENT = {**os.environ, "LC_ALL": "C", "S_TIME_FORMAT": "ISO"}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class NodeExporter:
    """What one scrape of Prometheus' node_exporter said."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __call__(self, name: str, **labels: str) -> float:
        """The value of ``node_<name>`` with exactly these labels."""
        return self.samples[f"node_{name}", frozenset(labels.items())]

    def labels(self, name: str, label: str) -> set[str]:
        """The values that a label of ``node_<name>`` takes."""
        return {value for key, pairs in self.samples if key == f"node_{name}" for at, value in pairs if at == label}


@contextlib.contextmanager
def node_exporter() -> Iterator[str]:
    """Runs it on a free port of 127.0.0.1, and gives its address."""
    command = [
        str(UNPACKED / "prometheus-node-exporter"),
        "--web.listen-address=127.0.0.1:0",
        "--collector.processes",
        # It leaves out what systemd and Docker mount; so many mounts are for the tests to choose.
        "--collector.filesystem.mount-points-exclude=^$",
        "--collector.filesystem.fs-types-exclude=^$",
        "--collector.diskstats.device-exclude=^$",
        "--collector.netdev.device-exclude=^$",
        "--collector.textfile.directory=",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r'msg="Listening on" address=(\S+)', line):
                    break
            else:
                raise AssertionError("node_exporter did not start:\n" + "".join(said))
            yield f"http://{found.group(1)}/metrics"
        finally:
            process.kill()


def scrape(address: str) -> NodeExporter:
    """Asks it once."""
    with urllib.request.urlopen(address, timeout=20) as answer:
        text = answer.read().decode()
    return NodeExporter(
        {
            (sample.name, frozenset(sample.labels.items())): float(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )


def free() -> dict[str, int]:
    """``free -b``: its columns, and those of the swap as ``swap_total`` and so on."""
    head, memory, swap = subprocess.run(
        ["free", "-b"], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    numbers = dict(zip(head.split(), map(int, memory.split()[1:]), strict=True))
    names = ("swap_total", "swap_used", "swap_free")
    return numbers | dict(zip(names, map(int, swap.split()[1:]), strict=True))


def vmstat_table() -> dict[str, int]:
    """``vmstat --stats``: numbers by what it calls them, memory in KiB."""
    text = subprocess.run(["vmstat", "--stats"], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = (re.fullmatch(r"\s*(\d+) (?:K )?(.*)", line) for line in text.splitlines())
    return {row.group(2): int(row.group(1)) for row in rows if row}


@dataclass(frozen=True)
class Reading:
    """Everything that the others say, read one after the other."""

    node: NodeExporter
    free: dict[str, int]
    vmstat: dict[str, int]
    psutil: dict[str, Any] = field(repr=False)


def read(address: str) -> Reading:
    """All of them, once."""
    of_psutil = {
        "memory": psutil.virtual_memory(),
        "swap": psutil.swap_memory(),
        "cores": psutil.cpu_times(percpu=True),
        "stats": psutil.cpu_stats(),
        "disks": psutil.disk_io_counters(perdisk=True, nowrap=False),
        "interfaces": psutil.net_io_counters(pernic=True, nowrap=False),
        "load": psutil.getloadavg(),
        "boot_time": psutil.boot_time(),
        "root": psutil.disk_usage("/"),
    }
    return Reading(scrape(address), free(), vmstat_table(), of_psutil)


class Windows:
    """``iostat`` and ``vmstat`` over one window of some seconds, beside whatever is done meanwhile."""

    def __init__(self, seconds: int) -> None:
        commands = {
            # Not since boot, every number there is, as JSON.
            "iostat": [str(UNPACKED / "iostat"), "-y", "-x", "-o", "JSON", str(seconds), "1"],
            "vmstat": ["vmstat", "--one-header", "--wide", str(seconds), "2"],
        }
        self.programs = {
            name: subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
            for name, command in commands.items()
        }

    def over(self) -> bool:
        """Whether both are done."""
        return all(program.poll() is not None for program in self.programs.values())

    def numbers(self) -> tuple[dict[str, Any], dict[str, int]]:
        """The window's: of iostat by its JSON's names, of vmstat by its columns."""
        said = {name: program.communicate(timeout=20)[0] for name, program in self.programs.items()}
        (window,) = json.loads(said["iostat"])["sysstat"]["hosts"][0]["statistics"]
        _, head, _since_boot, line = said["vmstat"].splitlines()
        return window, dict(zip(head.split(), map(int, line.split()), strict=True))
