"""A machine that others share may hold up any one test: it is run once more, and told. Much of that is red."""

import pytest

#: Tests of one run that may fail, and pass when they are run once more. A test that fails by itself fails more often.
MOST_RERUN = 3


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run in which too many tests passed at the second attempt only."""
    rerun = _rerun(session.config)
    if len(rerun) > MOST_RERUN and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says so, with what failed at first: a test that does so often has a fault."""
    rerun = _rerun(config)
    for report in rerun:
        terminalreporter.section(f"failed at first: {report.nodeid}")
        terminalreporter.line(report.longreprtext[-4_000:])
    if len(rerun) > MOST_RERUN:
        terminalreporter.line(f"{len(rerun)} tests were run twice; {MOST_RERUN} may be", red=True)


def _rerun(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return [] if reporter is None else reporter.stats.get("rerun", [])
