"""A client of `monitor.serve()`."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

from mtaio.monitoring import Server


def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of what is at a path."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def events(server: Server) -> Iterator[tuple[str, Any]]:
    """What a stream tells."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/api/v1/stream")
    answer = connection.getresponse()
    name = ""
    try:
        while line := answer.readline().decode():
            word, _, rest = line.rstrip("\n").partition(": ")
            if word == "event":
                name = rest
            elif word == "data":
                yield name, json.loads(rest)
    finally:
        connection.close()
