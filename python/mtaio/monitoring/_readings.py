"""Readings of the native half, tuples in the order of the dataclasses, as those dataclasses."""

from collections.abc import Callable
from typing import Any, TypeVar

from ._devices import (
    CoreStats,
    DiskStats,
    FilesystemStats,
    HostStats,
    InterfaceStats,
    NetworkStats,
    SpaceStats,
)
from ._stats import CPUStats, IOStats, MemoryStats, MonitorStats, ProcessStats, SystemStats, TreeStats

T = TypeVar("T")


def system_stats(fields: tuple[Any, ...]) -> SystemStats:
    """One sample."""
    timestamp, cpu, memory, io, elapsed, sequence, gap, network, space, filesystems, host, *rest = fields
    process, tree, monitor = rest
    (*modes, cores), (*counters, devices), (*traffic, interfaces) = cpu, io, network
    return SystemStats(
        timestamp,
        CPUStats(*modes, _listed(CoreStats, cores)),
        MemoryStats(*memory),
        IOStats(*counters, _listed(DiskStats, devices)),
        elapsed,
        sequence,
        gap,
        NetworkStats(*traffic, _listed(InterfaceStats, interfaces)),
        SpaceStats(*space),
        _listed(FilesystemStats, filesystems),
        HostStats(*host),
        ProcessStats(*process),
        TreeStats(*tree),
        MonitorStats(*monitor),
    )


def _listed(kind: Callable[..., T], rows: list[tuple[Any, ...]] | None) -> list[T] | None:
    """Rows of the history have no lists."""
    return None if rows is None else [kind(*row) for row in rows]
