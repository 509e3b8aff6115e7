"""`monitor.serve()`: answers whatever the loop and the GIL are doing, and nobody who should not be answered."""

import ctypes
import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from asking import get
from deadline import eventually, run
from forking import child
from mtaio.monitoring import (
    ConfigurationError,
    MonitoringError,
    ResourceMonitor,
    Server,
)

# From 3.12 on a fork beside other threads is warned of; one of these is about it.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

TOKEN = "a-token-of-enough-letters"

#: Asks again and again, from a process of its own, and says when each answer was there, by a clock that all share.
CLIENT = """
import sys, time, urllib.request
print("ready", flush=True)
while True:
    with urllib.request.urlopen(sys.argv[1]) as answer:
        assert answer.status == 200 and answer.read()
    print(time.monotonic(), flush=True)
    time.sleep(0.01)
"""


def answered_between(server: Server, path: str, busy: Any) -> tuple[int, float]:
    """How often another process was answered while ``busy()`` ran, and how long that took."""
    command = [sys.executable, "-S", "-E", "-c", CLIENT, f"{server.url}{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
            client.stdout.readline()
            began = time.monotonic()
            busy()
            ended = time.monotonic()
            # One that came after it, so that all that came in it are there to be read.
            times = []
            while not times or times[-1] < ended:
                times.append(float(client.stdout.readline()))
        finally:
            client.kill()
    return sum(began < answer < ended for answer in times), ended - began


def test_it_answers_while_the_loop_is_blocked() -> None:
    async def main() -> None:
        async with ResourceMonitor(interval=0.05) as monitor:
            with monitor.serve() as server:
                await eventually(lambda: get(server, "/api/v1/stats")[0] == 200)
                answers, seconds = answered_between(server, "api/v1/stats", lambda: time.sleep(1.0))
                assert answers >= 5, f"{answers} answers in {seconds} s"

    run(main())


def test_it_answers_while_a_thread_holds_the_gil() -> None:
    monitor = ResourceMonitor()
    monitor.record("queue", 3.0)
    # A call that does not let go of the GIL, unlike time.sleep.
    held = ctypes.PyDLL(None)
    with monitor.serve() as server:
        ticks = []
        ticking = threading.Event()

        def tick() -> None:
            while not ticking.wait(0.01):
                ticks.append(time.monotonic())

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            spans = []

            def busy() -> None:
                began = time.monotonic()
                held.usleep(999_999)
                spans.append((began, time.monotonic()))

            answers, seconds = answered_between(server, "metrics", busy)
        finally:
            ticking.set()
            thread.join()
        began, ended = spans[0]
        inside = [at for at in ticks if began + 0.1 < at < ended - 0.1]
        assert not inside, "it was held: no other thread of Python's ran"
        assert answers >= 5, f"{answers} answers in {seconds} s"


def test_it_ends_with_the_block_and_closing_twice_is_closing_once() -> None:
    monitor = ResourceMonitor()
    with monitor.serve() as server:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        assert repr(server) == f"<Server {server.url}>"
        assert get(server, "/healthz")[::2] == (200, "ok\n")
        assert not server.is_closed
    assert server.is_closed
    assert repr(server) == f"<Server {server.url} closed>"
    server.close()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        get(server, "/healthz")
    with monitor.serve(port=server.port) as again:
        assert again.port == server.port


def test_it_serves_without_being_kept_and_ends_with_its_monitor() -> None:
    monitor = ResourceMonitor()
    port = monitor.serve().port
    gc.collect()
    socket.create_connection(("127.0.0.1", port)).close()
    del monitor
    gc.collect()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    # One that is kept keeps what it serves.
    server = ResourceMonitor().serve()
    gc.collect()
    assert get(server, "/metrics")[0] == 200
    server.close()


def test_stop_closes_every_server_of_the_monitor() -> None:
    async def main() -> None:
        monitor = ResourceMonitor(interval=0.05)
        early = monitor.serve()
        await monitor.start()
        late = monitor.serve(token=TOKEN)
        assert get(early, "/healthz")[0] == get(late, "/healthz")[0] == 200
        await monitor.stop()
        assert early.is_closed
        assert late.is_closed
        assert "mtaio-server" not in names_of_threads()
        # What it knows can still be looked at, by who wants to.
        with monitor.serve() as after:
            assert get(after, "/api/v1/history")[0] == 200
        await monitor.stop()

    run(main())


def names_of_threads() -> list[str]:
    """What the threads of this process are called."""
    names = []
    for thread in Path("/proc/self/task").iterdir():
        try:
            names.append((thread / "comm").read_text().strip())
        except OSError:
            continue
    return names


def listening(port: int) -> set[str]:
    """The sockets of any process that have this port at their end, by inode."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[1].endswith(f":{port:04X}")}


def own_sockets() -> set[str]:
    """The sockets of this process, by inode."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(descriptor))
        except FileNotFoundError:
            continue
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def test_the_child_of_a_fork_does_not_hold_the_port() -> None:
    monitor = ResourceMonitor()
    monitor.record("queue", 3.0)
    with monitor.serve() as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        # Accepted, and so a socket of the server's too.
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        sockets = listening(server.port)
        assert len(sockets & own_sockets()) == 2, "one listens, and one is connected"

        def in_the_child() -> tuple[set[str], bool, int, int]:
            left = own_sockets() & sockets
            server.close()
            with monitor.serve() as own:
                return left, server.is_closed, own.port, get(own, "/metrics")[0]

        for _ in range(5):
            left, is_closed, port, status = child(in_the_child)
            assert (left, is_closed, status) == (set(), True, 200)
            assert port != server.port
        assert get(server, "/healthz")[0] == 200, "the parent's goes on"
        assert "queue 3\n" in get(server, "/metrics")[2]
        # Nobody else has the connection either.
        client.settimeout(20)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while client.recv(1000):
            pass


@pytest.mark.once
def test_a_fork_beside_busy_clients() -> None:
    monitor = ResourceMonitor()
    with monitor.serve() as server:
        ending = threading.Event()

        def ask() -> None:
            while not ending.is_set():
                assert get(server, "/api/v1/metrics")[0] == 200

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                assert child(lambda: (server.is_closed, monitor.is_running)) == (True, False)
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        assert get(server, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": "0.0.0.0"}, "host must be a loopback address (127.0.0.1, ::1) where there is no token, got 0.0.0.0"),
        ({"host": "example.org"}, "host must be an IP address or 'localhost', got \"example.org\""),
        ({"host": None}, "host must be a string, got NoneType None"),
        ({"port": 65536}, "port must be a whole number from 0 (one that is free) to 65535, got 65536"),
        ({"port": -1}, "port must be a whole number from 0 (one that is free) to 65535, got -1"),
        ({"port": 10**30}, "port must be a whole number from 0 (one that is free) to 65535, got 1000000"),
        ({"port": "80"}, "port must be a whole number from 0 (one that is free) to 65535, got str '80'"),
        ({"token": "short"}, "token must be 16 to 512 visible ASCII characters"),
        ({"token": b"secret-secret-secret"}, "token must be a str or None, got "),
        ({"profiler": "mine"}, "profiler must be a Profiler or None, got str 'mine'"),
        ({"names": "app"}, "names must be several names of hosts, got str 'app'"),
        ({"names": ["a:80"]}, 'name must be the name of a host, without a port, got "a:80"'),
        ({"names": [1]}, "names must be a string, got int 1"),
    ],
)
def test_bad_arguments_are_refused_in_words(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        ResourceMonitor().serve(**arguments)
    assert message in str(raised.value)
    assert isinstance(raised.value, MonitoringError)
    for secret in ("short", "secret-secret"):
        assert secret not in str(raised.value)


def test_a_port_that_is_taken_and_a_monitor_that_is_none() -> None:
    with ResourceMonitor().serve() as server, pytest.raises(ConfigurationError, match="give another port, or 0"):
        ResourceMonitor().serve(port=server.port)

    class Forgetful(ResourceMonitor):
        def __init__(self) -> None:
            pass

    with pytest.raises(MonitoringError, match=r"must call super\(\).__init__\(\) first"):
        Forgetful().serve()


def test_a_token_is_asked_for_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), ResourceMonitor().serve("0.0.0.0", 0, TOKEN) as server:
        assert get(server, "/metrics")[0] == 401
        assert get(server, "/metrics", Authorization="Bearer another-token-of-letters")[0] == 401
        assert get(server, "/metrics", Authorization=f"Bearer {TOKEN}")[0] == 200
        assert get(server, "/healthz")[0] == 200
        assert TOKEN not in f"{server!r} {vars(server)!r} {caplog.text}"


def test_names_that_clients_may_ask_for() -> None:
    with ResourceMonitor().serve(names=["app.internal"]) as server:
        assert get(server, "/healthz", Host="app.internal:80")[0] == 200
        assert get(server, "/healthz", Host="evil.example")[0] == 403
