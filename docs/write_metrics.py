"""Writes docs/metrics.md from the catalogue: `make docs`. A test holds the file to it."""

from pathlib import Path

from mtaio.monitoring import catalogue

HEAD = """# The built-in metrics

Written by `make docs` from the one catalogue (`crates/mtaio-monitoring/src/metrics/catalogue.rs`). Each name can be
given to `set_threshold` and `get_metric`, and so can every name that a program records. Units are UCUM's, as
OpenTelemetry uses them: `%` percent, `By` bytes, `s` seconds, `{thread}` a count of threads.

| name | kind | unit | meaning |
|---|---|---|---|
"""


def text() -> str:
    """The whole file."""
    rows = (f"| `{metric.name}` | {metric.kind} | `{metric.unit}` | {metric.help} |\n" for metric in catalogue())
    return HEAD + "".join(rows)


if __name__ == "__main__":
    Path(__file__).with_name("metrics.md").write_text(text())
