"""What is shipped, and that it sits beside an installed mtaio 0.1.0."""

import dataclasses
import doctest
import importlib
import importlib.metadata
import inspect
import os
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from pathlib import Path

import mtaio
import mtaio.monitoring
import pytest

PACKAGE = Path(mtaio.monitoring.__file__).parent
CHECKOUT = Path(__file__).resolve().parents[2]


def python(*arguments: str, path: Path | None = None, seconds: float = 50) -> str:
    """Runs the interpreter beside an installed package, and gives what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(path)} if path else None
    command = [sys.executable, *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def beside_upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages as pip leaves it: mtaio 0.1.0, and our files laid over it."""
    given = os.environ.get("MTAIO_UPSTREAM_WHEEL")
    wheel = Path(given) if given else CHECKOUT / ".venv" / "upstream" / "mtaio-0.1.0-py3-none-any.whl"
    assert wheel.is_file(), (
        f"mtaio 0.1.0 is not at {wheel}: run `make test`, which fetches it, or "
        f"`pip download --no-deps --dest .venv/upstream mtaio==0.1.0`, or set MTAIO_UPSTREAM_WHEEL"
    )
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    assert (folder / "mtaio" / "__init__.py").is_file()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "mtaio" / "monitoring", dirs_exist_ok=True, ignore=ignored)
    return folder


EVENTS = "from mtaio.events import EventEmitter"
MONITORING = "from mtaio.monitoring import ResourceMonitor"


@pytest.mark.parametrize(
    "imports", [(EVENTS, MONITORING), (MONITORING, EVENTS)], ids=["events first", "monitoring first"]
)
def test_beside_mtaio_in_either_import_order(beside_upstream: Path, imports: tuple[str, str]) -> None:
    program = """
        import asyncio, mtaio, mtaio.monitoring
        assert mtaio.__version__ == "0.1.0"
        assert hasattr(mtaio.monitoring, "_native"), "ours, not the one of 0.1.0"
        assert mtaio.monitoring.ResourceMonitor is ResourceMonitor

        async def main():
            told, emitter = [], EventEmitter()

            @emitter.on("record")
            async def record(event):
                await monitor.record_metric("queue", event.data)

            monitor = ResourceMonitor(interval=0.01)
            monitor.on_threshold_exceeded(lambda *arguments: told.append(arguments))
            monitor.set_threshold("queue", 10)
            async with monitor:
                await emitter.emit("record", 11)
            print(told, mtaio.__file__)

        asyncio.run(main())
    """
    lines = "\n".join((*imports, textwrap.dedent(program)))
    said = python("-c", lines, path=beside_upstream).strip()
    assert said == f"[('queue', 11.0, 10.0)] {beside_upstream}/mtaio/__init__.py"


def test_ships_no_init_of_mtaio() -> None:
    assert mtaio.__spec__.origin is None, "a namespace package"
    assert not (PACKAGE.parent / "__init__.py").exists()


def test_ships_what_it_should() -> None:
    files = {path.name for path in PACKAGE.iterdir()}
    extension = "_native" + (sysconfig.get_config_var("EXT_SUFFIX") or "")
    assert {"py.typed", "_native.pyi", "__init__.py", extension} <= files


def test_the_distribution_is_the_one_that_is_imported() -> None:
    if PACKAGE == CHECKOUT / "python" / "mtaio" / "monitoring":
        # Run from the checkout, with an extension that was built into it: there is no distribution to look
        # at.
        return
    distribution = importlib.metadata.distribution("mtaio-monitoring")
    shipped = [str(file) for file in distribution.files or ()]
    assert "mtaio/monitoring/py.typed" in shipped
    assert "mtaio/__init__.py" not in shipped
    own = ("mtaio/monitoring/", "mtaio_monitoring-", "../../../bin/mtaio")
    assert [name for name in shipped if not name.startswith(own)] == []
    assert distribution.version == mtaio.monitoring.__version__
    assert Path(str(distribution.locate_file("mtaio/monitoring"))) == PACKAGE
    assert not distribution.requires, "it stands alone"


def test_the_names_that_it_offers() -> None:
    offered = mtaio.monitoring.__all__
    assert offered == sorted(offered)
    assert len(set(offered)) == len(offered)
    missing = [name for name in offered if not hasattr(mtaio.monitoring, name)]
    assert missing == []
    public = {name for name, value in vars(mtaio.monitoring).items() if name[0] != "_" and not inspect.ismodule(value)}
    assert public == set(offered), "nothing is public by accident"
    reference = {"ResourceMonitor", "SystemStats", "CPUStats", "MemoryStats", "IOStats"}
    assert reference | {"Alert", "MonitoringError", "ConfigurationError"} <= set(offered)


@pytest.mark.parametrize("name", mtaio.monitoring.__all__)
def test_everything_public_says_what_it_is(name: str) -> None:
    thing = getattr(mtaio.monitoring, name)
    # A dataclass without words of its own gets its signature.
    assert thing.__doc__
    assert not thing.__doc__.startswith(f"{name}(")
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            if member[0] != "_" and (inspect.isroutine(value) or isinstance(value, property)):
                assert value.__doc__, f"{name}.{member}"
    if dataclasses.is_dataclass(thing):
        told = [field.name for field in dataclasses.fields(thing) if f"{field.name}:" not in thing.__doc__]
        # The four sections of a sample explain themselves.
        assert told == [], f"fields of {name} that its docstring does not explain"


def test_the_examples_in_docstrings() -> None:
    attempted = 0
    for module in pkgutil.iter_modules([str(PACKAGE)]):
        results = doctest.testmod(importlib.import_module(f"mtaio.monitoring.{module.name}"))
        assert results.failed == 0, module.name
        attempted += results.attempted
    assert attempted >= 4


@pytest.mark.once
def test_the_stub_says_what_the_compiled_module_is(tmp_path: Path) -> None:
    configuration = "[mypy]\nexplicit_package_bases = true\n"
    if PACKAGE.parents[1] == CHECKOUT / "python":
        # Installed packages are found by themselves, and must not be named.
        configuration += f"mypy_path = {PACKAGE.parents[1]}\n"
    file = tmp_path / "mypy.ini"
    file.write_text(configuration)
    said = python("-m", "mypy.stubtest", "--mypy-config-file", str(file), "mtaio.monitoring._native")
    assert "Success: no issues found" in said


@pytest.mark.once
def test_a_typed_program_is_accepted_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    right = """
        import asyncio
        from mtaio.monitoring import Alert, ResourceMonitor, SystemStats

        class Mine(ResourceMonitor):
            async def collect_metrics(self) -> None:
                await self.record_metric("queue", 1)

        async def main() -> float:
            async with Mine(interval=0.5, history_size=10) as monitor:
                @monitor.on_threshold_exceeded
                async def exceeded(metric: str, value: float, threshold: float) -> None: ...
                @monitor.on_alert
                def alerted(alert: Alert) -> None: ...
                await exceeded("queue", 1.0, 2.0)
                rows: list[SystemStats] = await monitor.get_history()
                return rows[0].cpu.usage_percent + await monitor.get_metric("queue")

        asyncio.run(main())
    """
    wrong = 'from mtaio.monitoring import ResourceMonitor\nResourceMonitor(interval="1")\n'
    configuration = "[mypy]\nstrict = true\nexplicit_package_bases = true\n"
    if PACKAGE.parents[1] == CHECKOUT / "python":
        configuration += f"mypy_path = {PACKAGE.parents[1]}\n"
    for name, text in (
        ("mypy.ini", configuration),
        ("right.py", textwrap.dedent(right)),
        ("wrong.py", wrong),
    ):
        (tmp_path / name).write_text(text)
    check = [
        "-m",
        "mypy",
        "--config-file",
        str(tmp_path / "mypy.ini"),
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    assert "Success" in python(*check, str(tmp_path / "right.py"))
    result = subprocess.run(
        [sys.executable, *check, str(tmp_path / "wrong.py")],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert 'Argument "interval" to "ResourceMonitor" has incompatible type "str"' in result.stdout
