"""The programs in the documents run, and print what the documents say they print."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "README.ja.md", "docs/how-to.md"]
#: A program, and what it prints where the document says so.
PROGRAM = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


def programs() -> list[tuple[str, str, str]]:
    """Where each program stands, what it says, and what it is said to print."""
    found = []
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for match in PROGRAM.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append((f"{name}:{line}", match.group(1), match.group(2) or ""))
    return found


def shape(printed: str) -> str:
    """What was printed with every measured number taken out: a machine differs from another in those."""
    return re.sub(r"\d+ %", "# %", printed)


@pytest.mark.parametrize(
    ("place", "source", "printed"), [pytest.param(*program, id=program[0]) for program in programs()]
)
def test_program(place: str, source: str, printed: str) -> None:
    command = [sys.executable, "-X", "utf8", "-W", "error", "-c", source]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False)
    assert result.returncode == 0, f"{place}: {result.stderr}"
    if printed:
        assert shape(result.stdout) == shape(printed)
    else:
        assert result.stdout, f"{place} prints nothing"
    assert "Traceback" not in result.stderr, result.stderr


def test_every_document_has_programs() -> None:
    assert {place.partition(":")[0] for place, _, _ in programs()} == set(DOCUMENTS)


def test_every_test_that_the_page_of_pitfalls_names_exists() -> None:
    named = set(re.findall(r"`((?:test_)?p\d+_\w+|[a-z]+(?:_[a-z]+){4,})`", (ROOT / "docs/pitfalls.md").read_text()))
    sources = [*(ROOT / "crates").rglob("*.rs"), *(ROOT / "tests").rglob("*.py")]
    written = set(re.findall(r"(?:fn|def) (\w+)", "\n".join(path.read_text() for path in sources)))
    assert len(named) > 80
    assert named - written == set()
