"""The site of the documents in a real Chromium."""

from pathlib import Path
from typing import Any

import pytest
from chromium import violations
from house.test_site import ROOT, built

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every page of it."""
    site = tmp_path_factory.mktemp("site")
    done = built(ROOT / "docs", site)
    assert done.returncode == 0, done.stderr
    return sorted(site.rglob("*.html"))


@pytest.mark.rotate(2)
@pytest.mark.parametrize(("scheme", "width"), [("dark", 400), ("light", 1100)])
def test_the_site_is_accessible(browser: Any, pages: list[Path], scheme: str, width: int) -> None:
    """In either scheme and on a phone, and never to be scrolled sideways."""
    assert len(pages) > 15
    context = browser.new_context(
        color_scheme=scheme, offline=True, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    for path in pages:
        page.goto(path.as_uri())
        assert violations(page) == [], path.name
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    light, dark = (sum(map(int, text[4:-1].split(", "))) for text in colours)
    assert (light > dark) == (scheme == "light")
    context.close()
