"""Clients that mean harm, in a process of their own: `python hostile.py PORT TOKEN SECONDS`.

Says "ready" when the storm has begun, and at its end what became of it, as a line of JSON. `refusals` is for tests that
want the answers one by one.
"""

import asyncio
import contextlib
import json
import resource
import socket
import sys
import time

#: Connections that are held open at once, where the system allows so many.
CONNECTIONS = 10_000
#: As many as are connecting at once. The queue of a listener has an end, and who finds it full tries again in a second.
AT_ONCE = 200
#: Heads sent byte by byte, and scrapes asked for and never read: fewer together than there are places.
SLOW = 100
DEAF = 60


def refusals(token: str) -> dict[str, tuple[bytes, list[int]]]:
    """Requests that are not answered, and with which status. 0 is an end without an answer."""
    host = b"Host: localhost\r\n"
    own = host + b"Authorization: Bearer " + token.encode() + b"\r\n"
    last = own + b"Connection: close\r\n"

    def get(path: bytes, lines: bytes = last) -> bytes:
        return b"GET " + path + b" HTTP/1.1\r\n" + lines + b"\r\n"

    return {
        "many lines": (get(b"/metrics", last + b"a: b\r\n" * 1_000), [431]),
        "one long line": (get(b"/metrics", last + b"X: " + b"x" * 60_000 + b"\r\n"), [431]),
        "many bytes": (get(b"/metrics", last + b"".join(b"x%d: %s\r\n" % (n, b"y" * 400) for n in range(90))), [431]),
        "a long path": (get(b"/" + b"x" * 60_000), [414, 431]),
        "another host": (get(b"/metrics", last.replace(b"localhost", b"evil.example")), [403]),
        "a host that is no name": (get(b"/metrics", last.replace(b"localhost", b"localhost\xff")), [400, 403]),
        "two hosts": (get(b"/metrics", host + last), [400, 403]),
        "no token": (get(b"/metrics", host + b"Connection: close\r\n"), [401]),
        "another token": (get(b"/metrics", last.replace(token.encode(), token[::-1].encode())), [401]),
        "part of the token": (get(b"/metrics", last.replace(token.encode(), token[:-1].encode())), [401]),
        "up and away": (get(b"/../../../../etc/passwd"), [404]),
        "up and away, encoded": (get(b"/%2e%2e/%2e%2e/etc/passwd"), [404]),
        "up and away, twice encoded": (get(b"/%252e%252e%252fetc%252fpasswd"), [404]),
        "up and away, from below": (get(b"/api/v1/..%2f..%2f..%2fetc/passwd"), [404]),
        "up and away, backwards": (get(b"/..\\..\\etc\\passwd"), [400, 404]),
        "a path with a NUL, encoded": (get(b"/metrics%00.html"), [404]),
        "a path with a NUL": (get(b"/metrics\0"), [400]),
        "a head with a NUL": (get(b"/metrics", last + b"X: a\0b\r\n"), [400]),
        "nothing but NULs": (b"\0" * 4_000, [0, 400]),
        "a name of a line with a space": (get(b"/metrics", last + b"X Y: z\r\n"), [400]),
        "a line that goes on": (get(b"/metrics", last + b"X: a\r\n b\r\n"), [400]),
        "no version": (b"GET /metrics\r\n\r\n", [0, 400]),
        "another version": (b"GET /metrics HTTP/9.9\r\n" + last + b"\r\n", [400]),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [0, 400]),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500, [0, 400]),
        "two lengths": (get(b"/metrics", last + b"Content-Length: 1\r\nContent-Length: 2\r\n") + b"x", [400]),
        "a length and chunks": (
            get(b"/metrics", last + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
            [400, 413],
        ),
        "a length that is none": (get(b"/metrics", last + b"Content-Length: -1\r\n"), [400]),
        "a body": (get(b"/metrics", last + b"Content-Length: 1000000000\r\n"), [413]),
        "a body in chunks": (get(b"/metrics", last + b"Transfer-Encoding: chunked\r\n") + b"ffffffff\r\n", [413]),
        "another method": (b"POST /metrics HTTP/1.1\r\n" + last + b"\r\n", [405]),
        "a method of nobody's": (b"BREW /metrics HTTP/1.1\r\n" + last + b"\r\n", [405]),
        "a method that is none": (b"G\xc3\x89T /metrics HTTP/1.1\r\n" + last + b"\r\n", [400]),
        "a proxy's": (b"CONNECT evil.example:443 HTTP/1.1\r\n" + last + b"\r\n", [400, 403, 405]),
        # What comes first is answered, and then there is an end.
        "garbage after a request": (get(b"/healthz", host) + b"\xff\xfe{}\r\n\r\n" + get(b"/healthz"), [200]),
    }


def asked(port: int, request: bytes, seconds: float = 10.0) -> tuple[int, bytes]:
    """Status and all bytes of an answer; 0 where it ended without one."""
    answer = b""
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        # Who refuses may close before it has read all.
        with contextlib.suppress(ConnectionError):
            client.sendall(request)
        while part := client.recv(65536):
            answer += part
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0, answer


def descriptors() -> int:
    """As many connections as this process may hold, of those that are wanted."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard - SLOW - DEAF - 200)


class Storm:
    """Everything at once."""

    def __init__(self, port: int, token: str, seconds: float) -> None:
        """It has not begun."""
        self._port = port
        self._scrape = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self._seconds, self._over = seconds, time.monotonic() + seconds
        self._held: list[socket.socket] = []
        self.told = {"opened": 0, "dripped": 0, "let go": 0, "deaf": 0, "scrapes": 0, "refused": 0}

    async def _connect(self) -> socket.socket:
        client = socket.socket()
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self._port))
        return client

    async def _flood(self, count: int) -> None:
        """Connections that say nothing, and stay; for as long again, where the machine is slow."""
        while self.told["opened"] < count and time.monotonic() < self._over + self._seconds:
            self.told["opened"] += 1
            try:
                self._held.append(await self._connect())
            except OSError:
                self.told["opened"] -= 1
                await asyncio.sleep(0.01)

    async def _drip(self) -> None:
        """A head, byte by byte, again and again."""
        loop = asyncio.get_running_loop()
        while time.monotonic() < self._over:
            with contextlib.suppress(OSError), await self._connect() as client:
                with contextlib.suppress(ConnectionError):
                    for byte in b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + b"x" * 10_000:
                        await loop.sock_sendall(client, bytes([byte]))
                        self.told["dripped"] += 1
                        await asyncio.sleep(0.05)
                self.told["let go"] += 1
            await asyncio.sleep(0.05)

    async def _be_deaf(self) -> None:
        """A scrape, and not a byte of it taken."""
        loop = asyncio.get_running_loop()
        while time.monotonic() < self._over:
            with contextlib.suppress(OSError), await self._connect() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
                await loop.sock_sendall(client, self._scrape * 20)
                self.told["deaf"] += 1
                await asyncio.sleep(1.0)

    async def _scrape_on(self) -> None:
        """One scrape after the other, each of them taken."""
        loop = asyncio.get_running_loop()
        while time.monotonic() < self._over:
            with contextlib.suppress(OSError), await self._connect() as client:
                await loop.sock_sendall(client, self._scrape.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                begin = await loop.sock_recv(client, 1 << 20)
                while await loop.sock_recv(client, 1 << 20):
                    pass
                self.told["scrapes" if begin.startswith(b"HTTP/1.1 200") else "refused"] += 1
            await asyncio.sleep(0.005)

    async def rage(self) -> None:
        """Until it is over."""
        count = descriptors()
        slow = [asyncio.create_task(self._drip()) for _ in range(SLOW)]
        deaf = [asyncio.create_task(self._be_deaf()) for _ in range(DEAF)]
        print("ready", flush=True)
        await asyncio.gather(*(self._flood(count) for _ in range(AT_ONCE)), self._scrape_on(), *slow, *deaf)
        for client in self._held:
            client.close()
        print(json.dumps({**self.told, "wanted": count}), flush=True)


if __name__ == "__main__":
    asyncio.run(Storm(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])).rage())
