"""A headless Chromium, and the page of a made-up service's profile in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

ROOT = Path(__file__).parents[2]
DESKTOP = (1280, 900)
PHONE = (390, 844)


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


@dataclass
class Browser:
    """Chromium, with what the tests ask of it."""

    driver: Chrome

    def open(self, path: Path, *, size: tuple[int, int] = DESKTOP, dark: bool = False, still: bool = True) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        is_phone = size == PHONE
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.complaints()
        self.driver.get(path.as_uri())
        self.settle()

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def settle(self) -> None:
        """Until what was asked for is drawn: two frames, and what the search waits for."""
        script = "const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 120)"
        self.driver.execute_async_script(script)

    def complaints(self) -> list[str]:
        """What the console says since the last time."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Every address that was asked for since the last time."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [message for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [message["params"]["request"]["url"] for message in sent]

    def axe(self, source: str) -> list[str]:
        """What axe-core finds serious or critical."""
        # Chromium's own way in: the page's policy lets no script run but its own.
        self.driver.execute_script(source)
        script = "const done = arguments[0]; axe.run(document, {}).then(done, (error) => done({ error: String(error) }))"
        found = self.driver.execute_async_script(script)
        assert "error" not in found, found
        assert found["passes"], "axe ran no rule"
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    def shot(self, path: Path) -> None:
        self.driver.save_screenshot(str(path))


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
