"""Monitors out of a file."""

import inspect
import os
from typing import Any, Self

from . import _native
from ._errors import ConfigurationTypeError
from ._sending import Sending


class Configured(Sending):
    """What ``ResourceMonitor`` has of configuration files."""

    @classmethod
    def from_config(cls, path: str | os.PathLike[str], **overrides: Any) -> Self:
        """Makes a monitor with the settings, thresholds and destinations of a file such as ``mtaio.toml``.

        Keys have the names of the keywords of the constructor, ``set_threshold``, ``Webhook`` and ``Alertmanager``::

            interval = 0.5

            [[thresholds]]
            metric = "memory_usage"
            value = 80.0
            critical = 95.0

            [[destinations]]
            type = "webhook"
            url = "https://hooks.example.org/${HOOK_TOKEN}"

        ``${NAME}`` in the texts of a destination stands for a variable of the environment. Of a file named
        ``pyproject.toml`` the table ``tool.mtaio.monitoring`` is read. A subclass is made with the settings that the
        file gives, and so must accept these.

        Args:
            path: The file, of up to 1 MiB.
            overrides: Keywords of the constructor, which count before what the file says.

        Raises:
            ConfigurationError: The file cannot be read; or something in it cannot be used: the message has every
                fault, with its line.
            ConfigurationTypeError: The path is none, or the class does not accept a setting of the file.

        Example:
            >>> import pathlib, tempfile
            >>> from mtaio.monitoring import ResourceMonitor
            >>> path = pathlib.Path(tempfile.mkdtemp(), "mtaio.toml")
            >>> _ = path.write_text('interval = 0.5')
            >>> ResourceMonitor.from_config(path, history_size=60)
            <ResourceMonitor interval=0.5 history_size=60 scope='auto' stopped>
        """
        file = _native.ConfigFile(path)
        settings = file.settings()
        try:
            inspect.signature(cls).bind_partial(**settings)
        except TypeError as error:
            raise ConfigurationTypeError(
                f"{cls.__name__} does not accept the settings of {os.fspath(path)} ({error}): let its __init__ take "
                "them as keywords and hand them on to super().__init__(), or leave them out of the file"
            ) from None
        monitor = cls(**{**settings, **overrides})
        monitor._mtaio_add_numbered_destinations(file.set_up(monitor))
        monitor._mtaio_deliver_if_stopped()
        return monitor
