"""A headless Chromium, and the page of a made-up service's profile in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Browser
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source: `npm install` in this folder brings it."""
    return (Path(__file__).parent / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def written(folder: Path, requests: int, *more: int) -> Path:
    """The page of so many requests' profile, made by the core's own example."""
    path = folder / f"{requests}.html"
    example = ["cargo", "run", "--quiet", "--locked", "-p", "mtaio-monitoring", "--example", "profile_page", "--"]
    subprocess.run([*example, str(path), str(requests), *map(str, more)], cwd=ROOT, check=True, timeout=1800)
    return path


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("page"), 300)


@pytest.fixture(scope="session")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred thousand traces, and as many again that were let go."""
    return written(tmp_path_factory.mktemp("page"), 18_000)


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go, for whoever wants to look at them."""
    folder = Path(os.environ.get("MTAIO_SCREENSHOTS", ROOT / "target/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    # Without a sandbox, since tests run as root in containers, where Chromium has none.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(60)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
