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
from ._evidence import Evidence, ProcessEvidence, TraceEvidence
from ._pressure import Pressure, PressureStats
from ._processes import ContainerStats, MonitorStats, ProcessStats, TreeStats
from ._stats import CPUStats, IOStats, MemoryStats, SystemStats

T = TypeVar("T")


def system_stats(fields: tuple[Any, ...]) -> SystemStats:
    """One sample."""
    timestamp, cpu, memory, io, elapsed, sequence, gap, network, space, filesystems, host, *rest = fields
    container, process, tree, monitor, pressure, container_pressure = rest
    return SystemStats(
        timestamp,
        CPUStats(*_with_list_of(CoreStats, cpu)),
        MemoryStats(*memory),
        IOStats(*_with_list_of(DiskStats, io)),
        elapsed,
        sequence,
        gap,
        NetworkStats(*_with_list_of(InterfaceStats, network)),
        SpaceStats(*space),
        _listed(FilesystemStats, filesystems),
        HostStats(*host),
        None if container is None else ContainerStats(*container),
        ProcessStats(*process),
        TreeStats(*tree),
        MonitorStats(*monitor),
        _pressure(pressure),
        _pressure(container_pressure),
    )


def evidence(fields: tuple[Any, ...]) -> Evidence:
    """What was going on when an alert fired."""
    timestamp, sample, slowest_open, slowest_recent, biggest_processes, age = fields
    return Evidence(
        timestamp,
        None if sample is None else system_stats(sample),
        tuple(TraceEvidence(*trace) for trace in slowest_open),
        tuple(TraceEvidence(*trace) for trace in slowest_recent),
        tuple(ProcessEvidence(*process) for process in biggest_processes),
        age,
    )


def _pressure(resources: tuple[tuple[Any, ...], ...] | None) -> PressureStats | None:
    return None if resources is None else PressureStats(*(Pressure(*fields) for fields in resources))


def _with_list_of(kind: Callable[..., T], fields: tuple[Any, ...]) -> tuple[Any, ...]:
    """The fields, of which the last is a list."""
    return (*fields[:-1], _listed(kind, fields[-1]))


def _listed(kind: Callable[..., T], rows: list[tuple[Any, ...]] | None) -> list[T] | None:
    """Rows of the history have no lists."""
    return None if rows is None else [kind(*row) for row in rows]
