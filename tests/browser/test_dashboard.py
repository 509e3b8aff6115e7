"""The page that a served monitor shows, live in a browser."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE, Browser
from mtaio.monitoring import Profiler, ResourceMonitor, Server
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

HOSTILE = "<img src=x onerror=\"document.title='hostile'\">"
TURNED = "evil\u202egnp.exe"


class Service:
    """A service with a monitor and a profiler, on a loop of its own in another thread."""

    def __init__(self) -> None:
        """Not started."""
        self.monitor = ResourceMonitor(interval=0.1)
        self.profiler = Profiler()
        self.server: Server
        self._begun: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self) -> None:
        self._end, self._loop = asyncio.Event(), asyncio.get_running_loop()
        duration = self.monitor.histogram("request_duration", "s", "How long a request took.")
        requests = self.monitor.counter("requests", "{request}")
        self.monitor.set_threshold("queue_depth", 10.0, critical=100.0)
        self.monitor.gauge("balance").set(-5.0)
        async with self.monitor:
            self.server = self.monitor.serve(profiler=self.profiler)
            self._begun.set_result(None)
            while not self._end.is_set():
                trace = self.profiler.trace_context
                async with trace("GET /items/{id}"), trace(HOSTILE):
                    await asyncio.sleep(0.01)
                for route in ("/cart", f"/{HOSTILE}", TURNED):
                    duration.labels(route=route).record(0.01)
                requests.add(1)
                self.monitor.record(HOSTILE, 3.0)

    def start(self) -> None:
        """Returns when it is served."""
        self._thread.start()
        self._begun.result(20.0)

    def stop(self) -> None:
        """Ends it, and the server with it."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20.0)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = Service()
    service.start()
    yield service
    service.stop()


@pytest.fixture(name="page")
def _page(browser: Browser, service: Service) -> Iterator[Browser]:
    """The page, with numbers on it. In the end nobody has complained, and nobody else was asked."""
    browser.requests()
    visit(browser, service)
    yield browser
    assert browser.complaints() == []
    asked = [url for url in browser.requests() if not url.startswith(service.server.url)]
    assert asked == [], "a request leaves the host"
    assert browser.driver.title != "hostile"


def visit(browser: Browser, service: Service, size: tuple[int, int] = DESKTOP, dark: bool = False) -> None:
    browser.visit(service.server.url, size=size, dark=dark)
    until(lambda: text(browser, "#state") == "live")
    until(lambda: shown(browser, "#panel-cpu .u-over"))


def until(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {is_so}"
        time.sleep(0.02)


def text(browser: Browser, selector: str) -> str:
    return str(browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))


def texts(browser: Browser, selector: str) -> list[str]:
    return browser.run("return [...document.querySelectorAll(arguments[0])].map((it) => it.textContent)", selector)


def shown(browser: Browser, selector: str) -> bool:
    return bool(browser.run("return Boolean(document.querySelector(arguments[0])?.checkVisibility())", selector))


def click(browser: Browser, selector: str) -> None:
    browser.run("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", selector)
    browser.driver.find_element(By.CSS_SELECTOR, selector).click()
    browser.settle()


def press(browser: Browser, key: str) -> None:
    ActionChains(browser.driver).send_keys(key).perform()
    browser.settle()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_keeps_nobody_from_using_it(
    browser: Browser, service: Service, axe: str, shots: Path, size: tuple[int, int], dark: bool
) -> None:
    visit(browser, service, size, dark)
    until(lambda: texts(browser, "#trace-rows th"))
    looks = f"{'dark' if dark else 'light'}-{size[0]}"
    for part in ("now", "metrics", "alerts", "traces"):
        browser.run("document.getElementById(arguments[0]).scrollIntoView()", part)
        browser.settle()
        browser.shot(shots / f"dashboard-{looks}-{part}.png")
    width, inside = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= inside == size[0], "the page scrolls sideways"
    assert browser.axe(axe) == []


def test_values_move_until_it_is_paused_and_go_on(page: Browser) -> None:
    # Of the time shown, which moves even where a value stays.
    edge = "return document.querySelector('#panel-cpu .plot').getAttribute('aria-label') + performance.now()"
    up = "[data-metric=process_uptime_seconds] dd"
    before = text(page, up)
    until(lambda: text(page, up) != before)
    press(page, " ")
    assert (text(page, "#state"), text(page, "#pause")) == ("paused", "Go on")
    shown_then = text(page, "#shown")
    assert "–" in shown_then, "from when to when"
    held = text(page, up)
    time.sleep(1.5)
    assert (text(page, up), text(page, "#shown")) == (held, shown_then)
    press(page, "n")
    until(lambda: text(page, "#state") == "live")
    until(lambda: text(page, up) != held)
    assert page.run(edge)


def test_the_time_that_is_shown_can_be_chosen_and_dragged_over(page: Browser) -> None:
    assert text(page, "#shown") == "the last 5 min"
    press(page, "1")
    assert text(page, "#shown") == "the last 1 min"
    assert texts(page, "#ranges [aria-pressed=true]") == ["1 min"]
    for at, words in enumerate(["1 min", "5 min", "15 min", "1 h"], 1):
        click(page, f"#ranges button:nth-child({at})")
        assert text(page, "#shown") == f"the last {words}"
    click(page, "#ranges button:nth-child(1)")
    until(lambda: page.run("return document.querySelector('#panel-cpu .u-over').clientWidth > 100"))
    page.run("document.querySelector('#panel-cpu').scrollIntoView({ block: 'center' })")
    chart = page.driver.find_element(By.CSS_SELECTOR, "#panel-cpu .u-over")
    width = chart.size["width"]
    actions = ActionChains(page.driver).move_to_element_with_offset(chart, width // 4, 0)
    actions.click_and_hold().move_by_offset(width // 4 - 8, 0).release().perform()
    page.settle()
    assert "–" in text(page, "#shown")
    assert shown(page, "#live")
    click(page, "#live")
    assert text(page, "#shown") == "the last 1 min"
    assert not shown(page, "#live")


def test_the_keyboard_reaches_a_chart_and_the_cursor_is_in_all_of_them(page: Browser) -> None:
    page.run("document.querySelector('#panel-cpu .plot').focus()")
    for _ in range(3):
        press(page, Keys.ARROW_LEFT)
    for panel in ("cpu", "memory", "process-memory"):
        assert text(page, f"#panel-{panel} .at"), f"no cursor in {panel}"
    assert "in use" in text(page, "#said")
    press(page, "/")
    assert page.run("return document.activeElement.id") == "metric-filter"
    press(page, "requests")
    assert texts(page, "#metric-rows th") == ["requests"]
    assert texts(page, "#metric-grid h3") == ["requests"]
    press(page, Keys.ESCAPE)
    page.run("document.activeElement.blur()")
    press(page, "?")
    assert page.run("return document.getElementById('help').open")
    press(page, Keys.ESCAPE)
    assert not page.run("return document.getElementById('help').open")


def test_an_alert_appears_and_clears(page: Browser, service: Service) -> None:
    assert text(page, "#threshold-rows .pill") == "ok"
    service.monitor.record("queue_depth", 120.0)
    until(lambda: text(page, "#threshold-rows .pill") == "firing")
    assert texts(page, "#alert-history .pill")[0] == "critical"
    assert "queue_depth 120 is above its critical threshold of 100" in text(page, "#alert-history li")
    assert (text(page, "#firing"), page.driver.title[:4]) == ("1", "(1) ")
    service.monitor.record("queue_depth", 1.0)
    until(lambda: text(page, "#threshold-rows .pill") == "ok")
    assert texts(page, "#alert-history .pill")[0] == "resolved"
    assert not shown(page, "#firing")
    # Who comes later hears of both as well.
    visit(page, service)
    until(lambda: texts(page, "#alert-history .pill")[:2] == ["resolved", "critical"])


def test_hostile_names_are_text(page: Browser) -> None:
    until(lambda: HOSTILE in texts(page, "#metric-grid h3"))
    until(lambda: HOSTILE in texts(page, "#trace-rows th"))
    assert page.run("return document.querySelectorAll('main img').length") == 0
    titles = texts(page, "#metric-rows th")
    assert any("\ufffdgnp.exe" in title for title in titles), titles
    assert not any("\u202e" in title for title in titles)


def test_metrics_have_quantiles_and_are_sorted(page: Browser) -> None:
    until(lambda: "request_duration" in texts(page, "#metric-grid h3"))
    panel = page.run(
        "return [...document.querySelectorAll('#metric-grid article')]"
        ".find((it) => it.querySelector('h3').textContent === 'request_duration').id"
    )
    until(lambda: texts(page, f"#{panel} .readings dd")[2:3] not in ([], ["–"]))
    assert texts(page, f"#{panel} .readings dt") == ["p50", "p90", "p99"]
    assert all(value.endswith("ms") for value in texts(page, f"#{panel} .readings dd"))
    click(page, "#metric-head th:nth-child(3) button")
    assert page.run("return document.querySelector('#metric-head th:nth-child(3)').ariaSort") == "descending"
    counts = page.run(
        "return [...document.querySelectorAll('#metric-rows td:nth-child(3)')].map((it) => +it.textContent)"
    )
    assert counts == sorted(counts, reverse=True)
    click(page, "#metric-head th:nth-child(1) button")


def test_traces_lead_to_a_flame_graph_and_to_files(page: Browser) -> None:
    until(lambda: "GET /items/{id}" in texts(page, "#trace-rows th"))
    assert texts(page, "#slowest li .name")
    formats = page.run("return [...document.querySelectorAll('#downloads a')].map((it) => it.href)")
    assert len(formats) == 5
    for url in formats:
        size = page.driver.execute_async_script(
            "const done = arguments[1]; fetch(arguments[0]).then((it) => it.ok ? it.text() : '')"
            ".then((it) => done(it.length))",
            url,
        )
        assert size > 100, url
    page.driver.get(page.run("return document.getElementById('trace-page').href"))
    page.settle()
    assert "GET /items/{id}" in texts(page, "#flame-tree .frame")
    assert page.run("return document.querySelectorAll('img').length") == 0


def test_what_is_below_zero_is_seen_and_charts_that_go_are_gone(page: Browser) -> None:
    until(lambda: "balance" in texts(page, "#metric-grid h3"))
    press(page, "/")
    for _ in range(5):
        press(page, "balance")
        assert texts(page, "#metric-grid h3") == ["balance"]
        press(page, Keys.BACKSPACE * len("balance"))
    press(page, "balance")
    plots = "return uPlot.sync('mtaio').plots"
    charts = page.run("return [...document.querySelectorAll('article .u-over')].length")
    assert page.run(f"{plots}.length") == charts, "each chart that was taken away let go of the others"
    until(lambda: page.run(f"{plots}.at(-1).scales.y.min") == pytest.approx(-5.4))
    assert texts(page, "#metric-grid dd") == ["-5"]
    press(page, Keys.BACKSPACE * len("balance"))


def test_all_that_is_remembered_goes_on(page: Browser) -> None:
    click(page, "#ranges button:nth-child(5)")
    edge = "return uPlot.sync('mtaio').plots[0].scales.x.max"
    first = page.run(edge)
    until(lambda: page.run(edge) > first + 7.0)
    newest = page.run("return uPlot.sync('mtaio').plots[0].data[0].at(-1)")
    assert newest > first, "what came since is there as well"


def test_it_says_when_the_service_has_gone_and_comes_back_with_another(browser: Browser) -> None:
    service = Service()
    service.start()
    try:
        visit(browser, service)
        until(lambda: "requests" in texts(browser, "#metric-grid h3"))
        port = service.server.port
        service.server.close()
        until(lambda: text(browser, "#state") in ("connecting", "not reachable"))
        # Another process, which knows less: nothing of the old one is shown, or asked for.
        other = ResourceMonitor(interval=0.1)
        other.record("other", 1.0)
        browser.complaints()
        with other.serve(port=port):
            until(lambda: text(browser, "#state") == "live", seconds=40.0)
            until(lambda: texts(browser, "#metric-grid h3") == ["other"])
            assert texts(browser, "#metric-rows th") == ["other"]
            until(lambda: not shown(browser, "#notice"))
            assert not [line for line in browser.complaints() if "400" in line]
    finally:
        service.stop()
        browser.driver.get("about:blank")
        browser.complaints()
