"""Record examples of the model solutions beside each exercise of functions that gradkit ships.

Run ``.venv/bin/python .ci/examples.py`` after a change of a model solution or an assignment file.
``tests/house/test_shipped_examples.py`` fails until then.
"""

from __future__ import annotations

from gradkit.task.assignment import exercises, find_reference, read_assignment
from gradkit.task.examples import pack_examples
from gradkit.task.solution import load_solution
from gradkit.task.tables import EXAMPLES


def made() -> dict[str, bytes]:
    """Return the content of the file of examples of each exercise, by the exercise's name.

    Exercises without model solutions or tasks of functions are left out.
    """
    files = {}
    for name, path in exercises().items():
        reference = find_reference(path, None)
        tasks = read_assignment(path).functions
        if reference is not None and tasks:
            files[name] = pack_examples(load_solution(task, reference) for task in tasks)
    return files


def main() -> None:
    """Write the file of examples of each exercise, and print the sizes."""
    for name, content in made().items():
        path = exercises()[name].parent / EXAMPLES
        path.write_bytes(content)
        print(f"{path}: {len(content)} bytes")


if __name__ == "__main__":
    main()
