"""`gradkit explain --out` writes the catalogue as files that link to each other."""

from __future__ import annotations

import re
from pathlib import Path

from classroom.classes import changed_assignment
from click.testing import CliRunner

from gradkit.cli import main
from gradkit.diagnosis.catalogue import catalogue
from gradkit.report.exercise import page_text


def test_every_mistake_has_a_page_and_a_link(tmp_path: Path) -> None:
    """A page per code, as `gradkit explain CODE` shows it, and an index that leads to all."""
    folder = tmp_path / "new" / "mistakes"
    done = CliRunner().invoke(main, ["explain", "--out", str(folder)])
    assert done.exit_code == 0
    codes = [*catalogue()]
    assert {"swapped-index", "wrong-axis"} < set(codes)
    assert done.stdout == f"{len(codes)} pages and an index: {folder / 'index.md'}\n"
    written = {path.name for path in folder.iterdir()}
    assert written == {"index.md", *(f"{code}.md" for code in codes)}
    index = (folder / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((.*?)\)", index)) == written - {"index.md"}
    for code, mistake in catalogue().items():
        assert (folder / f"{code}.md").read_text(encoding="utf-8") == page_text(mistake)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Not even one page, and no other is written then."""
    (tmp_path / "wrong-sign.md").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(main, ["explain", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert f"{tmp_path} already has wrong-sign.md, and nothing is overwritten. " in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["wrong-sign.md"]
    assert (tmp_path / "wrong-sign.md").read_text(encoding="utf-8") == "mine"


def test_a_code_and_a_folder_are_refused(tmp_path: Path) -> None:
    """One page is what standard output is for."""
    folder = tmp_path / "pages"
    done = CliRunner().invoke(main, ["explain", "wrong-sign", "--out", str(folder)])
    assert done.exit_code == 2
    assert "--out writes the pages of all mistakes: leave out wrong-sign" in done.output
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    done = CliRunner().invoke(main, ["explain", "--out", str(file / "pages")])
    assert done.exit_code == 2
    assert f"{file / 'pages'}: cannot be written (Not a directory)" in done.output


def test_a_kind_of_change_is_explained() -> None:
    """As any mistake: by its code, in the list, and among those that are spelt nearly so."""
    done = CliRunner().invoke(main, ["explain", "wrong-axis"])
    assert done.stdout.startswith(
        "# Wrong axis\n\n`wrong-axis`\n\nAn array in a function is reduced "
    )
    assert "Right:\n\n```python\ndb = du.sum(axis=0)\n```\n" in done.stdout
    assert done.stdout.endswith(
        "\nDeduction: 30% (default), 50% (strict), 20% (lenient) of the points of each check that "
        "fails because of this mistake.\n"
    )
    listed = CliRunner().invoke(main, ["explain"]).stdout
    assert "\nGeneral mistakes in code\n  wrong-name  " in listed
    done = CliRunner().invoke(main, ["explain", "wrong-axs"])
    assert done.exit_code == 2
    assert "There is no mistake 'wrong-axs' in the catalogue; similar mistakes are wrong-axis," in (
        done.output
    )


def test_what_mistakes_cost_is_listed(tmp_path: Path) -> None:
    """By preset, and beside them an assignment's own figures; a page says the same of its own."""
    listed = CliRunner().invoke(main, ["explain", "--costs"]).stdout
    assert re.search(r"^swapped-index +30% +50% +20%$", listed, re.MULTILINE)
    assert re.search(r"^not-updated +share +share +share$", listed, re.MULTILINE)
    # The list and the page of a mistake have the same words for a share.
    for code in ("not-updated", "unexplained"):
        page = CliRunner().invoke(main, ["explain", code]).stdout
        share = " ".join(page.split()).rpartition("Deduction: ")[2]
        assert f"{code} costs {share}" in " ".join(listed.split())
    below = "[roles.initialise]"
    figure = f"[marking.deductions]\nswapped-index = 0.5\n{below}"
    own = changed_assignment(tmp_path, below, figure)
    words = ["explain", "swapped-index", "--costs", "--assignment", str(own)]
    assert "swapped-index  30%      50%     20%      50%" in CliRunner().invoke(main, words).stdout
    page = CliRunner().invoke(main, ["explain", "swapped-index"]).stdout
    assert "30% (default), 50% (strict), 20% (lenient)" in page
