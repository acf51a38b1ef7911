"""The names that packages promise are there, though they are loaded late."""

import msgspec
import pytest

import gradkit
from gradkit import gradcheck
from gradkit.records.result import Evidence, Result


@pytest.mark.parametrize("package", [gradkit, gradcheck], ids=lambda package: package.__name__)
def test_every_public_name_is_there(package) -> None:
    """Each name in ``__all__`` gives a class or function of that name."""
    assert package.__all__
    assert [getattr(package, name).__name__ for name in package.__all__] == package.__all__


def test_another_name_is_refused() -> None:
    """With the names that there are; a sub-module can still be imported by name."""
    with pytest.raises(AttributeError, match=r"gradkit has no 'chek'; it has .*check_"):
        gradkit.chek  # noqa: B018  (asking for it is the test)
    from gradkit.gradcheck import ladder

    assert ladder.__name__ == "gradkit.gradcheck.ladder"


def test_stored_records_can_be_decoded() -> None:
    """Each type that a stored record names can be found, also one that only annotates."""
    for kind in (Evidence, Result):
        with pytest.raises(msgspec.ValidationError, match="missing required field"):
            msgspec.msgpack.decode(msgspec.msgpack.encode({}), type=kind)
