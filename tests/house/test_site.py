"""The site is made of the documents, without a warning."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("furo")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


def built(docs: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """What Sphinx says of a folder of documents, each warning being an error."""
    options = ["-q", "-W", "--keep-going", "-E", str(docs), str(site)]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_site_is_built(tmp_path: Path) -> None:
    """A page for each document, with the examples of the public functions."""
    done = built(ROOT / "docs", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    assert len(pages) > 15
    assert [
        page for page in pages if not (tmp_path / "site" / page).with_suffix(".html").exists()
    ] == []
    library = (tmp_path / "site" / "reference" / "library.html").read_text(encoding="utf-8")
    assert "grade_class" in library
    assert "student_result" in library


@pytest.mark.parametrize(
    "fault", ["[gone](gone.md)", "```{eval-rst}\n.. autofunction:: gradkit.batch.gone\n```"]
)
def test_a_fault_is_seen(tmp_path: Path, fault: str) -> None:
    """A link that leads nowhere; a function that is not there."""
    docs = shutil.copytree(ROOT / "docs", tmp_path / "docs")
    page = docs / "reference" / "library.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\n{fault}\n", encoding="utf-8")
    done = built(docs, tmp_path / "site")
    assert done.returncode == 1
    assert "gone" in done.stderr
