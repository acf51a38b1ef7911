"""Pack an assignment for a platform, as `gradkit export` does."""

from __future__ import annotations

from pathlib import Path

from gradkit.authoring.export.bundle import bundle
from gradkit.authoring.export.classroom import classroom
from gradkit.authoring.export.gradescope import gradescope
from gradkit.authoring.export.install import choose, wheel_alone
from gradkit.authoring.export.prairielearn import prairielearn
from gradkit.authoring.export.write import write_folder, write_zip


def export_assignment(
    platform: str,
    out: Path,
    *,
    assignment: Path | None = None,
    reference: Path | None = None,
    no_reference: bool = False,
    install: str | None = None,
    image: str = "gradkit-grader",
) -> None:
    """Write what a platform needs to grade an assignment; nothing is overwritten.

    Parameters
    ----------
    platform : str
        ``gradescope`` (a zip), ``prairielearn``, ``github-classroom``, or ``wheel`` for gradkit
        alone (a folder each).
    out : Path
        The zip or folder to write.
    assignment : Path, optional
        An assignment file; by default gradkit's own assignment.
    reference : Path, optional
        Folder of the model solutions; by default the checkout's.
    no_reference : bool
        Leave model solutions out.
    install : str, optional
        What pip installs gradkit from; by default a wheel of the gradkit that runs.
    image : str
        PrairieLearn's name for the image.

    Raises
    ------
    GradkitError
        Something is there already, cannot be written, or is lacking.

    Examples
    --------
    >>> from pathlib import Path
    >>> export_assignment("github-classroom", Path("classroom"))
    >>> sorted(str(path) for path in Path("classroom").rglob("*.yml"))
    ['classroom/.github/workflows/classroom.yml']
    """
    given = choose(install)
    if platform == "wheel":
        return write_folder(wheel_alone(given), out)
    keyless = no_reference or platform == "github-classroom"
    source = bundle(assignment, reference, keyless=keyless)
    if platform == "github-classroom":
        return write_folder(classroom(source, given), out)
    if platform == "prairielearn":
        return write_folder(prairielearn(source, given, image), out)
    return write_zip(gradescope(source, given), out)
