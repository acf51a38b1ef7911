"""While something loads, the collector rests and a student's settings are out of sight."""

import gc

import pytest

from gradkit.loading import uncollected


@pytest.mark.parametrize("at_work", [True, False])
def test_the_collector_is_left_as_it_was(at_work: bool) -> None:
    """On or off, and whatever happens meanwhile."""
    during = []

    @uncollected()
    def load() -> None:
        during.append(gc.isenabled())
        raise ImportError("nothing of the kind")

    try:
        if not at_work:
            gc.disable()
        with pytest.raises(ImportError, match="nothing of the kind"):
            load()
        assert (during, gc.isenabled()) == ([False], at_work)
    finally:
        gc.enable()
