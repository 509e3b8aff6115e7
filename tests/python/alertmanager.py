"""A real Alertmanager, a receiver of its webhooks, and a way between us and it that can be made bad."""

import contextlib
import json
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deadline import soon

UNPACKED = Path(__file__).parents[2] / ".venv" / "debian"
#: Where Debian's build looks for its templates: a folder that only an installation has.
TEMPLATES = b"/usr/share/prometheus/alertmanager"


class Receiver:
    """Takes what is posted to it, in a thread of its own."""

    def __init__(self) -> None:
        """On a port of its own."""
        self.bodies: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Keeps the body."""
                receiver.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Receiver":
        """Listens."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Ends."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def alerts(self) -> list[tuple[str, str]]:
        """The name and the status of each alert that Alertmanager told of."""
        return [(alert["labels"]["alertname"], alert["status"]) for body in self.bodies for alert in body["alerts"]]


class Alertmanager:
    """One that can be killed and started again, on the same port and with the same state."""

    def __init__(self, folder: Path, receiver: str) -> None:
        """Its configuration; it does not run yet."""
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # The same number of letters, below the folder that it is started in.
        binary = (UNPACKED / "usr/bin/prometheus-alertmanager").read_bytes()
        self._binary = folder / "alertmanager"
        self._binary.write_bytes(binary.replace(TEMPLATES, TEMPLATES[1:] + b"/"))
        self._binary.chmod(0o755)
        route = {"receiver": "test", "group_by": ["..."], "group_wait": "100ms", "group_interval": "100ms"}
        hook = {"url": receiver, "send_resolved": True}
        config = {"route": route, "receivers": [{"name": "test", "webhook_configs": [hook]}]}
        (folder / "config.yml").write_text(json.dumps(config))

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    self._binary,
                    f"--config.file={self._folder}/config.yml",
                    f"--storage.path={self._folder}/data",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    "--cluster.listen-address=",
                ],
                cwd=UNPACKED,
                stdout=log,
                stderr=log,
            )
        soon(self._is_ready)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=1.0) as answer:
            return bool(answer.status == 200)
        return False

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10.0)
            self._process = None

    def alerts(self) -> list[dict[str, Any]]:
        """What it believes."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5.0) as answer:
            alerts: list[dict[str, Any]] = json.load(answer)
        return alerts


@contextlib.contextmanager
def alertmanager(folder: Path) -> Iterator[tuple[Alertmanager, Receiver]]:
    """One that runs, and the receiver of its webhooks."""
    with Receiver() as receiver:
        manager = Alertmanager(folder, receiver.url)
        manager.start()
        try:
            yield manager, receiver
        finally:
            manager.stop()


class Way:
    """A proxy between us and an Alertmanager.

    Attributes:
        mode: "through", to the Alertmanager; "slow", after a while; "hangs", never answers; "500", answers that.
        calls: Connections so far.
    """

    def __init__(self, port: int) -> None:
        """To a port of this machine."""
        self.mode = "through"
        self.calls = 0
        self._over = threading.Event()
        way = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                """One connection."""
                way.calls += 1
                with contextlib.suppress(OSError):
                    way._answer(self.request, port)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = False
            block_on_close = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Way":
        """Listens."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Ends, with every connection."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, connection: socket.socket, port: int) -> None:
        connection.settimeout(5.0)
        request = connection.recv(65536)
        while b"\r\n\r\n" not in request or len(request) < _length(request):
            request += connection.recv(65536)
        mode = self.mode
        if mode == "500":
            connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
            return
        if mode == "hangs":
            while self.mode == "hangs" and not self._over.wait(0.01):
                pass
            return
        if mode == "slow":
            self._over.wait(1.0)
        with socket.create_connection(("127.0.0.1", port), timeout=5.0) as onward:
            head, _, body = request.partition(b"\r\n\r\n")
            onward.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            while answer := onward.recv(65536):
                connection.sendall(answer)


def _length(request: bytes) -> int:
    head = request.partition(b"\r\n\r\n")[0]
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(head) + 4 + sum(lengths)


def longest(seconds: list[float]) -> float:
    """The longest of some times, or nothing."""
    return max(seconds, default=0.0)


def timed(call: Any) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
