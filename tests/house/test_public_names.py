"""The names that packages promise are there, though they are loaded late."""

import pytest

import gradkit
from gradkit import gradcheck


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
