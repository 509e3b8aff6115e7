"""What can go wrong, in words that say what was given, what is accepted and what to do."""


class MonitoringError(Exception):
    """Base of every exception that this package raises on purpose."""


class ProfilerError(MonitoringError):
    """What a profiler was asked for cannot be had: there is no such format, or a file is no profile."""


class ConfigurationError(MonitoringError, ValueError):
    """An argument that cannot be used. The message names it, what was given and what is accepted."""


class ConfigurationTypeError(ConfigurationError, TypeError):
    """An argument of a type that cannot be used: a string for a number, or no callable for a handler."""


class UnknownMetricError(MonitoringError, KeyError):
    """A metric that has no value. The message lists the known names."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; this one is a sentence.
        return str(self.args[0]) if self.args else ""
