"""Version bounds, the version number and the files that a release needs agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from gradkit import __version__

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OTHER_BUILDS = {"torch"}
"""Packages that .ci/lowest takes from another index, so .ci/lowest.txt has no line for them."""


def bounds(lines: list[str]) -> dict[str, Version]:
    """Return the lower bound of each requirement, by normalised name.

    Raises
    ------
    ValueError
        A requirement has no lower bound, or is limited in another way.
    """
    found = {}
    for line in lines:
        wanted = Requirement(line)
        clauses = list(wanted.specifier)
        if [clause.operator for clause in clauses] != [">="]:
            raise ValueError(f"{line}: expected one lower bound, as in `numpy>=2.0`.")
        found[canonicalize_name(wanted.name)] = Version(clauses[0].version)
    return found


def declared() -> list[str]:
    """Return all requirements of pyproject.toml but those that name gradkit's own extras."""
    lines = [*PROJECT["dependencies"], *(line for each in EXTRAS.values() for line in each)]
    return [line for line in lines if Requirement(line).name != "gradkit"]


def test_the_lowest_versions_are_the_bounds() -> None:
    """CI tests each dependency at exactly the version that pyproject.toml promises."""
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = {
        name: Version(number)
        for name, _, number in (line.partition("==") for line in lines if line[0] not in "# ")
    }
    wanted = bounds(declared())
    assert wanted.keys() >= OTHER_BUILDS
    assert OTHER_BUILDS.isdisjoint(pins)
    tested = {name: pins.get(name) for name in wanted.keys() - OTHER_BUILDS}
    assert tested == {name: wanted[name] for name in tested}


@pytest.mark.parametrize("line", ["numpy", "numpy<3", "numpy==2.0", "numpy>=2.0,<3"])
def test_a_requirement_without_a_plain_bound_is_refused(line: str) -> None:
    """The message quotes the requirement and shows an example."""
    message = f"{line}: expected one lower bound, as in `numpy>=2.0`."
    with pytest.raises(ValueError, match=re.escape(message)):
        bounds([line])


@pytest.mark.parametrize(
    ("name", "refused"),
    [("click", "8.1.8"), ("jinja2", "3.1.4"), ("msgspec", "0.21.1"), ("numpy", "1.26.4")],
)
def test_versions_that_crash_are_refused(name: str, refused: str) -> None:
    """Installed with these versions, gradkit 0.2.0 failed with a traceback."""
    assert bounds(PROJECT["dependencies"])[name] > Version(refused)


def test_the_bounds_allow_what_colab_has() -> None:
    """`pip install` in Colab replaces no package that is there."""
    lines = (ROOT / "tests" / "house" / "colab.txt").read_text(encoding="utf-8").splitlines()
    there = {
        canonicalize_name(name): Version(number)
        for name, _, number in (line.partition("==") for line in lines if "==" in line)
    }
    wanted = bounds(PROJECT["dependencies"])
    assert wanted.keys() - there.keys() == {"msgspec"}
    assert [name for name in wanted.keys() & there.keys() if wanted[name] > there[name]] == []


def test_each_removal_has_a_replacement() -> None:
    """The upgrade notes name what the version no longer has."""
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = changes.partition("### Upgrade from 0.2")[2].partition("### Changes")[0]
    rows = re.findall(r"^\| (.*?) \| (.*?) \|$", notes, flags=re.MULTILINE)[1:]
    gone = " ".join(left for left, _ in rows)
    for word in ("GRADKIT_LANGUAGE", "tap", "prairielearn", "gradkit.pth", "numpy 1"):
        assert word in gone
    assert [left for left, right in rows if not right.strip()] == []


def test_the_version_is_written_once() -> None:
    """The build reads it from the package, and the changelog begins with it."""
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## (\S+)", changes, flags=re.MULTILINE)[0]
    assert newest == __version__


def test_links_to_the_project_are_complete() -> None:
    """An index shows where to report a problem and where to read."""
    urls = PROJECT["urls"]
    assert urls.keys() == {"Homepage", "Documentation", "Issues", "Changelog"}
    assert all(url.startswith("https://github.com/gradkit/gradkit") for url in urls.values())
    paths = [url.partition("/main/")[2] for url in urls.values() if "/main/" in url]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_security_policy_says_how_to_report() -> None:
    """SECURITY.md names the supported versions, the scope and the page of promises."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    heads = ["Supported versions", "Report a vulnerability", "In scope", "Not in scope"]
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == heads
    assert "(docs/security.md)" in text
    assert f"| {__version__.rpartition('.')[0]}.x | yes |" in text
    assert PROJECT["urls"]["Homepage"] + "/security/advisories/new" in text
