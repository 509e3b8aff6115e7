"""What has been: a range of samples, oldest first."""

import asyncio
import itertools
import math
import time
from pathlib import Path

import pytest
from deadline import eventually, run
from mtaio.monitoring import ConfigurationError, ConfigurationTypeError, ResourceMonitor, SystemStats


async def filled(history_size: int = 3600, rows: int = 12) -> ResourceMonitor:
    """A monitor that was stopped when it had this many rows."""
    monitor = ResourceMonitor(interval=0.005, history_size=history_size)
    async with monitor:
        await eventually(lambda: monitor.health().samples >= rows + 30)
    return monitor


def test_is_empty_before_the_first_start() -> None:
    assert run(ResourceMonitor().get_history()) == []


def test_rows_are_whole_statistics_oldest_first() -> None:
    async def main() -> None:
        begun = time.time()
        rows = await (await filled()).get_history()
        ended = time.time()
        assert len(rows) >= 12
        assert {type(row) for row in rows} == {SystemStats}
        times = [row.timestamp for row in rows]
        assert times == sorted(times)
        assert begun - 0.01 <= times[0]
        assert times[-1] <= ended + 0.01
        sequences = [row.sequence for row in rows]
        assert all(later > earlier for earlier, later in itertools.pairwise(sequences))
        for row in rows:
            assert 0.0 <= row.cpu.usage_percent <= 100.0, "a row without a window is not kept"
            assert row.elapsed_seconds is not None
            assert row.elapsed_seconds >= 0.09
            assert not row.gap

    run(main())


def test_the_range_is_inclusive_at_both_ends_for_times_of_an_earlier_answer() -> None:
    async def main() -> None:
        monitor = await filled()
        rows = await monitor.get_history()
        for row in rows:
            assert await monitor.get_history(row.timestamp, row.timestamp) == [row]
            assert await monitor.get_history(start_time=row.timestamp) == rows[rows.index(row) :]
            assert await monitor.get_history(end_time=row.timestamp) == rows[: rows.index(row) + 1]
        first, last = rows[2], rows[-3]
        assert await monitor.get_history(first.timestamp, last.timestamp) == rows[2:-2]
        after, before = math.nextafter(first.timestamp, math.inf), math.nextafter(last.timestamp, 0)
        assert await monitor.get_history(after, before) == rows[3:-3]

    run(main())


def test_ends_that_are_open_or_beyond_it() -> None:
    async def main() -> None:
        monitor = await filled()
        rows = await monitor.get_history()
        assert await monitor.get_history(None, None) == rows
        assert await monitor.get_history(-math.inf, math.inf) == rows
        assert await monitor.get_history(0, 10**400) == rows
        assert await monitor.get_history(-5, 1e18) == rows
        assert await monitor.get_history(math.inf) == []
        assert await monitor.get_history(end_time=-math.inf) == []
        assert await monitor.get_history(rows[-1].timestamp, rows[0].timestamp) == [], "the wrong way round"
        assert await monitor.get_history(rows[-1].timestamp + 1) == []

    run(main())


@pytest.mark.parametrize("argument", ["start_time", "end_time"])
def test_ends_that_are_no_times(argument: str) -> None:
    monitor = ResourceMonitor()
    with pytest.raises(ConfigurationError, match=f"{argument} must be seconds since the epoch.*got NaN"):
        run(monitor.get_history(**{argument: math.nan}))
    with pytest.raises(ConfigurationTypeError, match=f"{argument} must be seconds since the epoch.*got str 'now'"):
        run(monitor.get_history(**{argument: "now"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 7])
def test_the_oldest_rows_go_where_there_is_no_more_room(size: int) -> None:
    async def main() -> None:
        monitor = await filled(history_size=size)
        rows = await monitor.get_history()
        assert len(rows) == size
        assert rows[-1].sequence == monitor.health().samples + monitor.health().missed_ticks - 1

    run(main())


def test_a_stop_and_a_start_leave_a_gap_and_times_that_do_not_go_back() -> None:
    async def main() -> None:
        monitor = await filled()
        count = len(await monitor.get_history())
        async with monitor:
            samples = monitor.health().samples
            await eventually(lambda: monitor.health().samples >= samples + 40)
        rows = await monitor.get_history()
        assert [index for index, row in enumerate(rows) if row.gap] == [count], "the first row after the hole"
        times = [row.timestamp for row in rows]
        assert times == sorted(times)

    run(main())


def test_readings_that_are_asked_for_are_no_rows() -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=60.0) as monitor:
            for _ in range(5):
                await monitor.get_current_stats()
            assert await monitor.get_history() == []

    run(main())


def test_a_history_of_ten_million_costs_nothing_until_it_fills() -> None:
    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    async def main() -> None:
        await filled()
        before = resident_bytes()
        monitor = await filled(history_size=10_000_000)
        assert len(await monitor.get_history()) >= 12
        assert resident_bytes() - before < 20_000_000

    run(main())


def test_a_long_history_does_not_hold_up_the_loop() -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.001) as monitor:
            await eventually(lambda: monitor.health().samples >= 2000)
        steps = 0

        async def count_steps() -> None:
            nonlocal steps
            while True:
                steps += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count_steps())
        rows = await monitor.get_history()
        counting.cancel()
        assert len(rows) > 1500
        assert steps >= len(rows) // 500, "others ran in between"

    run(main())
