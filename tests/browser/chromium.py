"""A headless Chromium, with what the tests ask of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from selenium.webdriver import Chrome

DESKTOP = (1280, 900)
PHONE = (390, 844)


@dataclass
class Browser:
    """One window. Chromium's own protocol says what it is like and what went over the network."""

    driver: Chrome

    def open(self, path: Path, *, size: tuple[int, int] = DESKTOP, dark: bool = False, still: bool = True) -> None:
        self.visit(path.as_uri(), size=size, dark=dark, still=still)

    def visit(self, url: str, *, size: tuple[int, int] = DESKTOP, dark: bool = False, still: bool = True) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        is_phone = size == PHONE
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.complaints()
        self.driver.get(url)
        self.settle()

    def run(self, script: str, *arguments: object) -> object:
        return self.driver.execute_script(script, *arguments)

    def settle(self) -> None:
        """Until what was asked for is drawn: two frames, and what the search waits for."""
        frames = "requestAnimationFrame(() => requestAnimationFrame(done))"
        self.driver.execute_async_script(f"const done = arguments[0]; setTimeout(() => {frames}, 120)")

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
        run = "axe.run(document, {}).then(done, (error) => done({ error: String(error) }))"
        found = self.driver.execute_async_script(f"const done = arguments[0]; {run}")
        assert "error" not in found, found
        assert found["passes"], "axe ran no rule"
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    def shot(self, path: Path) -> None:
        self.driver.save_screenshot(str(path))
