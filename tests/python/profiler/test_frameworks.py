"""Traced functions in the hands of FastAPI, pytest and unittest, which look at functions before they call them."""

import asyncio
import subprocess
import sys
import textwrap
import unittest
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient
from mtaio.monitoring import Profile, Profiler


def profile_of(profiler: Profiler) -> Profile:
    profile = asyncio.run(profiler.get_profile())
    assert profile.open_traces == []
    return profile


def service(profiler: Profiler, closed: list[str]) -> FastAPI:
    """Every kind of dependency and route, all traced."""
    application, router = FastAPI(), APIRouter()
    trace = profiler.trace

    @trace(name="token")
    async def token(token: str) -> str:
        await asyncio.sleep(0)
        if token == "bad":
            raise HTTPException(401, "bad token")
        return token

    @trace(name="page")
    def page(number: int = 1, size: int = 10) -> tuple[int, int]:
        return number, size

    @trace(name="connection")
    async def connection(token: Annotated[str, Depends(token)]) -> AsyncIterator[str]:
        try:
            yield f"connection of {token}"
        finally:
            await asyncio.sleep(0)
            closed.append("connection")

    @trace(name="file")
    def file() -> Iterator[str]:
        try:
            yield "file"
        finally:
            closed.append("file")

    class Paging:
        @trace(name="paging")
        async def __call__(self, limit: int = 5) -> int:
            return limit

    @application.get("/rows/{row}")
    @trace(name="read")
    async def read(
        row: int,
        connection: Annotated[str, Depends(connection)],
        page: Annotated[tuple[int, int], Depends(page)],
        limit: Annotated[int, Depends(Paging())],
    ) -> list[str | int]:
        """Reads a row."""
        async with profiler.trace_context("query"):
            await asyncio.sleep(0)
        return [row, connection, *page, limit]

    @application.get("/plain/{row}")
    @trace(name="plain")
    def plain(row: int, file: Annotated[str, Depends(file)]) -> list[str | int]:
        if row < 0:
            raise LookupError(row)
        return [row, file]

    @router.post("/items")
    @trace(name="create")
    async def create(item: dict[str, int]) -> dict[str, int]:
        return {name: value + 1 for name, value in item.items()}

    application.include_router(router)
    return application


def test_fastapi() -> None:
    profiler, closed = Profiler(), list[str]()
    application = service(profiler, closed)
    with TestClient(application, raise_server_exceptions=False) as client:
        answer = client.get("/rows/7", params={"token": "t", "number": 2, "limit": 3})
        assert (answer.status_code, answer.json()) == (200, [7, "connection of t", 2, 10, 3])
        assert client.get("/rows/seven", params={"token": "t"}).status_code == 422
        assert client.get("/rows/7", params={"token": "bad"}).status_code == 401
        assert client.get("/plain/1").json() == [1, "file"]
        assert client.get("/plain/-1").status_code == 500
        assert client.post("/items", json={"a": 1}).json() == {"a": 2}
        schema = client.get("/openapi.json").json()
    operation = schema["paths"]["/rows/{row}"]["get"]
    assert (operation["summary"], operation["description"]) == ("Read", "Reads a row.")
    assert [each["name"] for each in operation["parameters"]] == ["row", "token", "number", "size", "limit"]
    assert Counter(closed)["file"] == 2
    assert "connection" in closed

    profile = profile_of(profiler)
    found = Counter((trace.name, trace.status) for trace in profile.traces)
    # What is resolved beside a parameter that is not valid is FastAPI's business; the rest is ours.
    for name, status, count in [
        *(("read", "ok", 1), ("plain", "ok", 1), ("plain", "error", 1), ("create", "ok", 1), ("query", "ok", 1)),
        *(("token", "error", 1), ("file", "error", 1), ("file", "ok", 1)),
    ]:
        assert found[name, status] == count, f"{name} {status}: {found}"
    # A request that is not valid has its error thrown into what its dependencies opened.
    assert found["connection", "ok"] + found["connection", "error"] == Counter(closed)["connection"]
    named = {trace.trace_id: trace.name for trace in profile.traces}
    (query,) = [trace for trace in profile.traces if trace.name == "query"]
    assert named[query.parent_id] == "read"
    assert all(trace.parent_id is None for trace in profile.traces if trace.name in ("read", "plain", "create"))


def test_pytest_collects_traced_tests_and_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_traced.py").write_text(
        textwrap.dedent(
            """
            import asyncio
            import pytest
            from mtaio.monitoring import Profiler

            profiler = Profiler()

            @pytest.fixture
            @profiler.trace(name="number")
            def number():
                return 7

            @pytest.fixture(params=["a", "b"])
            @profiler.trace(name="letter")
            def letter(request, number):
                yield request.param * number

            @profiler.trace
            def test_uses(number, letter):
                assert letter in ("a" * number, "b" * number)

            @pytest.mark.parametrize("count", [1, 2, 3])
            @profiler.trace
            def test_parametrized(count):
                assert count < 3, "as it should"

            class TestGroup:
                @profiler.trace
                def test_method(self, number):
                    assert self is not None and number == 7

                @staticmethod
                @profiler.trace
                def test_static(number):
                    assert number == 7

            def test_the_profile():
                profile = asyncio.run(profiler.get_profile())
                counts = {name: profile.get_metrics(name).call_count for name in profile.names}
                assert counts == {
                    "number": 4, "letter": 2, "test_uses": 2, "test_parametrized": 3,
                    "TestGroup.test_method": 1, "TestGroup.test_static": 1,
                }
                assert profile.open_traces == []
            """
        )
    )
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, cwd=tmp_path)
    assert "1 failed, 7 passed" in ran.stdout, ran.stdout + ran.stderr
    for name in ("test_uses[a]", "test_parametrized[3]", "TestGroup::test_method", "TestGroup::test_static"):
        assert name in ran.stdout
    # The failing line, and no frame of the profiler on the way to it.
    assert 'assert count < 3, "as it should"' in ran.stdout
    assert "monitoring" not in ran.stdout.split("FAILURES")[1].replace("from mtaio.monitoring import Profiler", "")


def test_a_unittest_case() -> None:
    profiler = Profiler()

    class Case(unittest.IsolatedAsyncioTestCase):
        @profiler.trace
        async def asyncSetUp(self) -> None:
            self.ready = True

        @profiler.trace
        async def test_it(self) -> None:
            await asyncio.sleep(0)
            assert self.ready

        @profiler.trace
        async def test_fails(self) -> None:
            self.fail("as it should")

    outcome = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(outcome)
    assert (outcome.testsRun, len(outcome.failures), outcome.errors) == (2, 1, [])
    assert "as it should" in outcome.failures[0][1]
    statuses = [(trace.name.split(".")[-1], trace.status) for trace in asyncio.run(profiler.get_profile()).traces]
    assert statuses == [("asyncSetUp", "ok"), ("test_fails", "error"), ("asyncSetUp", "ok"), ("test_it", "ok")]
