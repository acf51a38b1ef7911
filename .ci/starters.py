"""Write what students start from in each exercise of functions that comes with gradkit.

Run ``.venv/bin/python .ci/starters.py`` after a model solution or an assignment file has changed; a
test says when that is due.
"""

from __future__ import annotations

from gradkit.authoring.new.functions import STARTER, starters
from gradkit.task.assignment import exercises, find_reference, read_assignment


def main() -> None:
    """Write the starter files of all exercises with functions; delete outdated ones."""
    for name, path in exercises().items():
        reference = find_reference(path, None)
        assignment = read_assignment(path)
        if reference is None or not assignment.functions:
            continue
        folder = path.parent / STARTER
        folder.mkdir(exist_ok=True)
        texts = starters(assignment, reference)
        for old in folder.glob("*.py"):
            if old.name not in texts:
                old.unlink()
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}: {', '.join(texts)}")


if __name__ == "__main__":
    main()
