"""What can be said to ``mtaio run``."""

import os
from collections import deque

from ._program import Program

#: Holds the token, where no file does: unlike an argument, nobody sees it in a list of processes.
TOKEN_VARIABLE = "MTAIO_TOKEN"
#: A file that is longer holds no token.
MOST_TOKEN_BYTES = 4096

USAGE = """\
Usage: mtaio run [OPTIONS] SCRIPT [ARGUMENTS]
       mtaio run [OPTIONS] -m MODULE [ARGUMENTS]
"""

HELP = f"""\
Run a Python program with a monitor beside it

{USAGE}
The program runs as `python SCRIPT` and `python -m MODULE` run it, in this process: its output, its exit status and its
death by a signal are its own. Tasks of its event loops are counted and timed under the names of their coroutines, and
traced with --profile. At the end a summary goes to the standard error.

Options:
      --profile OUT      Write the profile to a file; its ending says the format: .json, .trace.json (Perfetto),
                         .speedscope.json, .collapsed or .html
      --serve[=ADDRESS]  Serve a page, the scrape and JSON over HTTP while the program runs: at 127.0.0.1 and a free
                         port, or at HOST:PORT. With --profile, the profile so far is served too
      --token-file PATH  Ask for the token in this file; without it for that in the variable {TOKEN_VARIABLE}, if it is
                         set. Another address than the loopback needs a token
  -c, --config PATH      Read settings, thresholds and destinations from a TOML file such as mtaio.toml
  -q, --quiet            Print no summary
  -h, --help             Print this

The exit status is the program's; 2 where the program was not started, since the arguments, the configuration or the
address cannot be used.

Examples:
  mtaio run service.py --port 8000
  mtaio run --serve service.py                       prints where the page is, on the standard error
  mtaio run --serve=127.0.0.1:9100 -m uvicorn shop:app
  mtaio run --profile run.html -m uvicorn shop:app
"""

#: Options that are followed by the name of a file, and where it goes.
_FILES = {"--profile": "profile", "--config": "config", "-c": "config", "--token-file": "token_file"}

ACCEPTED = "HOST:PORT, a port or a host, as in --serve=127.0.0.1:8000"


class Place:
    """An address to listen on."""

    def __init__(self, given: str | None) -> None:
        """The loopback and a free port, unless something else is given.

        Raises:
            ValueError: What is wrong with it.
        """
        self.host, self.port = "127.0.0.1", 0
        if given is None:
            return
        host, colon, port = given.rpartition(":")
        if given.isascii() and given.isdigit():
            host, port = "", given
        elif given and (not colon or given.endswith("]") or (":" in host and not host.endswith("]"))):
            # A name, or an address of IPv6 without a port.
            host, port = given, "0"
        if not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError(f"--serve takes {ACCEPTED}, with a port from 0 (one that is free) to 65535; got {given}")
        self.host, self.port = host or self.host, int(port)


class Options:
    """What was asked for."""

    profile: str | None = None
    config: str | None = None
    place: Place | None = None
    token_file: str | None = None
    is_quiet = False
    is_help = False

    def __init__(self, arguments: list[str]) -> None:
        """Takes the options off the front; the rest is the program's.

        Raises:
            ValueError: What is wrong with them.
        """
        left = deque(arguments)
        self.program: Program | None = None
        while left:
            given = left.popleft()
            name, equals, value = given.partition("=")
            if name in _FILES:
                if not equals:
                    if not left:
                        raise ValueError(f"{name} needs a file after it")
                    value = left.popleft()
                if not value:
                    raise ValueError(f"{name} needs a file, got an empty name")
                setattr(self, _FILES[name], os.path.abspath(value))
            elif name == "--serve":
                self.place = Place(value if equals else None)
            elif name == "--token":
                raise ValueError(
                    f"a token in the arguments is seen in every list of processes: set {TOKEN_VARIABLE}, or give"
                    " --token-file"
                )
            elif given in ("-q", "--quiet"):
                self.is_quiet = True
            elif given in ("-h", "--help"):
                self.is_help = True
                return
            elif given == "-m" or (given.startswith("-m") and not given.startswith("--")):
                module = given[2:] or (left.popleft() if left else "")
                if not module:
                    raise ValueError("-m needs a module after it")
                self.program = Program(module, True, list(left))
                return
            elif given == "--" and left:
                self.program = Program(left.popleft(), False, list(left))
                return
            elif given.startswith("-"):
                raise ValueError(f"there is no option {given}: options of the program stand after its name")
            else:
                self.program = Program(given, False, list(left))
                return
        raise ValueError("a script, or -m and a module, is needed")

    def check(self) -> None:
        """Finds out before the program has run for hours that its profile cannot be written.

        Raises:
            ValueError: Why.
        """
        if self.profile is not None:
            folder = os.path.dirname(self.profile)
            if os.path.isdir(self.profile) or not os.access(folder, os.W_OK | os.X_OK):
                raise ValueError(f"the profile cannot be written to {self.profile}")
        if self.token_file is not None and self.place is None:
            raise ValueError("--token-file is for --serve, which was not given")

    def token(self) -> str | None:
        """What a client must send: what the file holds, or else the variable; None where there is neither.

        Raises:
            ValueError: The file cannot be read.
        """
        file = self.token_file
        if file is None:
            return os.environ.get(TOKEN_VARIABLE)
        try:
            with open(file, "rb") as opened:
                held = opened.read(MOST_TOKEN_BYTES + 1)
        except OSError as error:
            raise ValueError(f"the token cannot be read from {file}: {os.strerror(error.errno or 0)}") from None
        if len(held) > MOST_TOKEN_BYTES:
            raise ValueError(f"the token cannot be read from {file}: it has more than {MOST_TOKEN_BYTES} bytes")
        # An editor ends the file with a line feed. What is no text is refused with the words for tokens.
        return held.decode("utf-8", "replace").strip()
