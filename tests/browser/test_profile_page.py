"""The page of a profile, opened from disk in a browser."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE, Browser
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

HOSTILE = {
    "<img src=x onerror=\"document.title='hostile'\">",
    "</script><script>document.title='hostile'</script>",
    "{{script}} <!-- <script> ${alert(1)} ' \" & &lt;",
}


def texts(browser: Browser, selector: str) -> list[str]:
    return browser.run("return [...document.querySelectorAll(arguments[0])].map((it) => it.textContent)", selector)


def click(browser: Browser, selector: str) -> None:
    browser.run("document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", selector)
    browser.driver.find_element(By.CSS_SELECTOR, selector).click()
    browser.settle()


def look_for(browser: Browser, text: str) -> None:
    field = browser.driver.find_element(By.ID, "search")
    field.clear()
    field.send_keys(text)
    browser.settle()


def pixels(browser: Browser) -> list[int]:
    """How many colours the timeline has, how many of its pixels are not the ground, and what they sum up to."""
    return browser.run(
        """
        const canvas = document.getElementById('timeline-canvas');
        // Read from a copy: Chromium complains of a canvas that is read often.
        const copy = document.createElement('canvas');
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const pen = copy.getContext('2d', { willReadFrequently: true });
        pen.drawImage(canvas, 0, 0);
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const ground = [...data.slice(-4)].join();
        const colours = new Set();
        let drawn = 0, sum = 0;
        for (let at = 0; at < data.length; at += 4) {
          const colour = `${data[at]},${data[at + 1]},${data[at + 2]},${data[at + 3]}`;
          colours.add(colour);
          if (colour !== ground) { drawn++; sum = (sum * 31 + data[at] + at) % 2147483647; }
        }
        return [colours.size, drawn, sum];
        """
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_opens_from_disk_asks_for_nothing_and_fits(
    browser: Browser, page_file: Path, axe: str, shots: Path, size: tuple[int, int], dark: bool
) -> None:
    browser.requests()
    browser.open(page_file, size=size, dark=dark)
    looks = f"{'dark' if dark else 'light'}-{size[0]}"
    for part in ("names", "flame", "timeline", "slowest"):
        browser.run("document.getElementById(arguments[0]).scrollIntoView()", part)
        browser.settle()
        browser.shot(shots / f"{looks}-{part}.png")
    click(browser, "#slowest-table tbody tr:nth-child(3) button")
    browser.shot(shots / f"{looks}-chosen.png")
    look_for(browser, "fetch")
    browser.shot(shots / f"{looks}-search.png")

    width, inside = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= inside == size[0], "the page scrolls sideways"
    assert browser.axe(axe) == []
    assert browser.complaints() == []
    assert set(browser.requests()) <= {page_file.as_uri(), "data:,"}
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    lightness = sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(",")))
    assert (lightness < 150) is dark


def test_what_others_named_is_text(browser: Browser, page_file: Path) -> None:
    browser.open(page_file)
    title = browser.driver.title
    shown = set(texts(browser, "#names-table td.name"))
    assert shown >= HOSTILE
    assert {"画像を取得する 🔥 ⟨U+202E⟩gnitset", "(no name)"} <= shown
    assert browser.run("return document.querySelectorAll('img, iframe, main script').length") == 0
    # In the flame graph, in the words for a screen reader, and in the trace's own words.
    look_for(browser, "onerror")
    labels = browser.run("return [...document.querySelectorAll('.frame')].map((it) => it.getAttribute('aria-label'))")
    assert any("<img" in label for label in labels)
    click(browser, "#slowest-table tbody button")
    assert "<img src=x" in browser.driver.find_element(By.ID, "detail").text
    look_for(browser, "request")
    click(browser, "#slowest-table tbody button")
    detail = browser.driver.find_element(By.ID, "detail").text
    assert '"<b>user</b>": "<script>"' in detail
    assert 'await query("<b>")' in detail, "the stack"
    assert browser.driver.title == title == "Profile"
    assert browser.complaints() == []


def test_the_table_sorts_and_filters(browser: Browser, page_file: Path) -> None:
    browser.open(page_file)
    assert texts(browser, "#names-table td.name")[0] == "request"
    calls = "#names-table tbody td:nth-child(2)"
    header = "#names-table thead th:nth-child(2)"
    click(browser, f"{header} button")
    falling = [int(text.replace(",", "")) for text in texts(browser, calls)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] == 900
    assert browser.run("return document.querySelector(arguments[0]).ariaSort", header) == "descending"
    click(browser, f"{header} button")
    assert [int(text.replace(",", "")) for text in texts(browser, calls)] == falling[::-1]
    assert browser.run("return document.querySelector(arguments[0]).ariaSort", header) == "ascending"
    look_for(browser, "FETCH")
    assert set(texts(browser, "#names-table td.name")) == {"db.fetch", "fetch prices", "fetch stock", "fetch images"}
    assert texts(browser, "#found") == ["4 names"]
    look_for(browser, "nobody has this")
    assert texts(browser, "#names-empty") == ["No name has this in it."]


def test_the_numbers_are_those_of_the_service(browser: Browser, page_file: Path) -> None:
    """300 requests of 11 traces and more, one in 17 of which failed, and one trace that is still open."""
    browser.open(page_file)
    facts = dict(zip(texts(browser, "#facts dt"), texts(browser, "#facts dd"), strict=True))
    assert facts["Still open"] == "1"
    assert facts["Errors"] == str(2 * len([n for n in range(300) if n % 17 == 10]))
    assert facts["Cancelled"] == str(len([n for n in range(300) if n % 17 == 12]))
    assert facts["Tasks"] == str(1 + 300 + 3 * 150)


def test_the_flame_graph_zooms_by_mouse_and_by_keys(browser: Browser, page_file: Path) -> None:
    browser.open(page_file)
    width = "return document.querySelector(`.frame[aria-label^='${arguments[0]},']`)?.getBoundingClientRect().width"
    whole = browser.run("return document.getElementById('flame-tree').clientWidth")
    before = browser.run(width, "db.query")
    assert 50 < before < whole / 2
    click(browser, ".frame[aria-label^='db.query,']")
    assert browser.run(width, "db.query") == pytest.approx(whole, abs=2)
    assert texts(browser, "#flame-crumbs li") == ["all", "request", "db.query"]
    assert not browser.run(width, "render"), "what is beside it is out of sight"
    assert browser.run(width, "db.fetch") > before
    click(browser, "#flame-crumbs li:nth-child(2) button")
    assert browser.run(width, "request") == pytest.approx(whole, abs=2)
    click(browser, "#flame-reset")
    assert browser.run(width, "db.query") == pytest.approx(before, abs=2)

    # All by keys: to the first root, its first child, into it, out of it.
    keys = ActionChains(browser.driver)
    browser.run("document.querySelector('.frame[tabindex=\"0\"]').focus()")
    keys.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER).perform()
    browser.settle()
    assert len(texts(browser, "#flame-crumbs li")) == 3
    focused = browser.run("return document.activeElement.getAttribute('aria-label')")
    assert focused.startswith(texts(browser, "#flame-crumbs li")[-1])
    keys.send_keys(Keys.ESCAPE).perform()
    browser.settle()
    assert texts(browser, "#flame-crumbs li") == []

    look_for(browser, "http.get")
    assert len(texts(browser, ".frame.hit")) == 3
    assert "What was searched for has" in texts(browser, "#flame-note")[0]


def test_the_timeline_draws_and_moves(browser: Browser, page_file: Path) -> None:
    browser.open(page_file)
    browser.run("document.getElementById('timeline').scrollIntoView()")
    browser.settle()
    colours, drawn, first = pixels(browser)
    assert colours > 20
    assert drawn > 3_000
    keys = ActionChains(browser.driver)
    browser.run("document.getElementById('timeline-lanes').focus({ preventScroll: true })")
    seen = {first}
    for key in ("+", "+", Keys.ARROW_RIGHT, "n", "n", "j", Keys.ENTER, "0"):
        keys.send_keys(key).perform()
        browser.settle()
        seen.add(pixels(browser)[2])
    assert len(seen) == 9, "each key shows something else"
    said = texts(browser, "#said")[0]
    assert "took" in said
    assert "handle_request" in said
    assert not browser.driver.find_element(By.ID, "tip").is_displayed()

    # Under the pointer is the chosen trace, once it fills the width.
    keys.send_keys(Keys.ENTER).perform()
    browser.settle()
    lanes = browser.driver.find_element(By.ID, "timeline-lanes")
    keys.move_to_element_with_offset(lanes, 100, -lanes.size["height"] // 2 + 40).perform()
    browser.settle()
    dragged = pixels(browser)[2]
    keys.click_and_hold().move_by_offset(-150, 0).release().perform()
    browser.settle()
    assert pixels(browser)[2] != dragged
    assert browser.complaints() == []


def test_a_trace_says_all_that_is_known_of_it(browser: Browser, page_file: Path) -> None:
    browser.open(page_file)
    look_for(browser, "render")
    rows = browser.run(
        "return [...document.querySelectorAll('#slowest-table tbody tr')].map((row) => row.cells[4].textContent)"
    )
    failed = next(place for place, status in enumerate(rows) if "error" in status)
    click(browser, f"#slowest-table tbody tr:nth-child({failed + 1}) button")
    facts = dict(zip(texts(browser, "#detail dt"), texts(browser, "#detail dd"), strict=True))
    assert facts["Status"] == "error"
    assert facts["Error"] == "ConnectionResetError: the peer </script> went away"
    assert facts["Ran"] == "not known"
    assert facts["Task created"] == "service.py:40 in serve"
    assert browser.run("return document.activeElement.id") == "timeline-lanes"
    parent = browser.driver.find_element(By.XPATH, "//*[@id='detail']//button[starts-with(., 'Parent: request')]")
    browser.run("arguments[0].scrollIntoView({ block: 'center' })", parent)
    parent.click()
    browser.settle()
    assert texts(browser, "#detail h3") == ["request"]


def test_a_hundred_thousand_traces_open_and_move(browser: Browser, large_file: Path, shots: Path) -> None:
    assert large_file.stat().st_size < 12_000_000
    before = time.monotonic()
    browser.open(large_file)
    assert time.monotonic() - before < 15
    notices = texts(browser, "#notices li")
    assert len(notices) == 1
    assert "had been let go" in notices[0]
    # A frame, while everything is seen and when little is.
    script = """
        const done = arguments[0], times = [];
        const lanes = document.getElementById('timeline-lanes');
        lanes.scrollIntoView();
        lanes.focus();
        const keys = ['ArrowRight', '+', 'ArrowRight', '+', '+', '+', '+', '+', '-', 'f'];
        (function step() {
          if (!keys.length) return done(times);
          const began = performance.now();
          lanes.dispatchEvent(new KeyboardEvent('keydown', { key: keys.shift() }));
          requestAnimationFrame(() => requestAnimationFrame(() => { times.push(performance.now() - began); step(); }));
        })();
    """
    times = browser.driver.execute_async_script(script)
    assert sorted(times)[len(times) // 2] < 250, times
    browser.shot(shots / "large.png")
    assert browser.complaints() == []
