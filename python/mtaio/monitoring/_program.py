"""Runs a Python program as the interpreter itself would: as ``__main__``, and with nothing of ours in what it sees."""

import importlib.machinery
import io
import os
import pkgutil
import runpy
import signal
import sys
import traceback
from types import CodeType, ModuleType
from typing import Any, NoReturn

#: What runs programs: its frames are no part of a traceback. The folder, since the command calls it.
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Program:
    """A script, a folder or archive with a ``__main__.py``, or a module, with its arguments."""

    def __init__(self, name: str, is_module: bool, arguments: list[str]) -> None:
        """What ``python name arguments…`` or ``python -m name arguments…`` would run."""
        self._name, self._is_module, self._arguments = name, is_module, arguments

    @property
    def name(self) -> str:
        """What it is called in a message."""
        return f"-m {self._name}" if self._is_module else self._name

    def missing(self) -> str | None:
        """Why it cannot be run, as the interpreter says it; None where it can be opened."""
        if self._is_module:
            return None
        try:
            if not os.path.isdir(self._name):
                with open(self._name, "rb"):
                    pass
        except OSError as error:
            path = os.path.abspath(self._name)
            return f"can't open file {path!r}: [Errno {error.errno}] {os.strerror(error.errno or 0)}"
        return None

    def execute(self) -> None:
        """Runs it. What it raises comes out of this."""
        # A module of its own: this process's holds the names of the command.
        main = ModuleType("__main__")
        main.__dict__.update(__builtins__=sys.modules["builtins"], __annotations__={})
        sys.modules["__main__"] = main
        if self._is_module:
            # What the interpreter itself calls; it puts the module's file there.
            sys.argv[:] = ["-m", *self._arguments]
            self._put_first(os.getcwd())
            runpy._run_module_as_main(self._name)  # type: ignore[attr-defined]
            return
        sys.argv[:] = [self._name, *self._arguments]
        if _is_container(self._name):
            self._put_first(os.path.join(os.getcwd(), self._name), whatever_is_safe=True)
            runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]
            return
        self._put_first(os.path.dirname(os.path.realpath(self._name)))
        path = os.path.join(os.getcwd(), self._name)
        main.__dict__["__file__"] = path
        main.__dict__["__cached__"] = None
        code, loader = _code_of(path)
        main.__loader__ = loader
        exec(code, main.__dict__)

    @staticmethod
    def _put_first(folder: str, whatever_is_safe: bool = False) -> None:
        """The folder of the program in place of the command's."""
        is_safe = bool(sys.flags.safe_path)
        if is_safe and not whatever_is_safe:
            return
        if is_safe:
            sys.path.insert(0, folder)
        else:
            sys.path[0] = folder


def _is_container(path: str) -> bool:
    """Whether it is a folder or an archive, in which a ``__main__.py`` is looked for."""
    importer = pkgutil.get_importer(path)
    return importer is not None


def _code_of(path: str) -> tuple[CodeType, Any]:
    with io.open_code(path) as file:
        code = pkgutil.read_code(file)
    if code is not None:
        return code, importlib.machinery.SourcelessFileLoader("__main__", path)
    with io.open_code(path) as file:
        source = file.read()
    return compile(source, path, "exec", dont_inherit=True), importlib.machinery.SourceFileLoader("__main__", path)


def raise_as_interpreter(error: BaseException) -> NoReturn:
    """Ends the process as one that the interpreter runs ends with this error: shown, and with its status.

    Raises:
        SystemExit: With the status, unless it is a KeyboardInterrupt, of which the process is to die at its very end.
    """
    if isinstance(error, SystemExit):
        raise error
    _show(error)
    if isinstance(error, KeyboardInterrupt):
        # Shown already; the interpreter ends everything, and then kills itself with the signal.
        sys.excepthook = lambda *_: None
        raise error
    raise SystemExit(1)


def _show(error: BaseException) -> None:
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_OURS):
        frames = frames.tb_next
    error.__traceback__ = frames
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, frames
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        sys.excepthook(type(error), error, frames)
    except SystemExit:
        raise
    except BaseException as failure:
        inner = failure.__traceback__.tb_next if failure.__traceback__ else None
        print("Error in sys.excepthook:", file=sys.stderr)
        traceback.print_exception(type(failure), failure, inner)
        print("\nOriginal exception was:", file=sys.stderr)
        sys.__excepthook__(type(error), error, frames)
    sys.stderr.flush()


def die_of(number: int) -> None:
    """Ends this process as the signal would have, had nobody handled it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
