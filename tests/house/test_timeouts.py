"""No test waits forever: each is ended after its time, and a soak has more of it."""

import pytest

ENDLESS = """
import time

def test_endless():
    time.sleep(30)
"""


def test_a_test_that_hangs_is_ended(pytester: pytest.Pytester) -> None:
    """After the time of its configuration, and told so."""
    pytester.makeini("[pytest]\ntimeout = 0.5\ntimeout_method = signal\n")
    pytester.makepyfile(ENDLESS)
    done = pytester.runpytest("-p", "no:cacheprovider")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*Failed: Timeout (>0.5s)*"])


def test_each_quick_test_has_a_time(request: pytest.FixtureRequest) -> None:
    """That of pyproject.toml."""
    assert float(request.config.getini("timeout")) == 120
    assert request.node.get_closest_marker("timeout") is None


@pytest.mark.slow
def test_a_soak_has_more_time(request: pytest.FixtureRequest) -> None:
    """A marker of its own, put there when tests are collected."""
    marker = request.node.get_closest_marker("timeout")
    assert marker is not None
    assert marker.args == (1200,)
