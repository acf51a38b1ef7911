"""Write gradkit/assignments/names.txt: what only one of the shipped exercises asks for.

.venv/bin/python .ci/gallery.py
"""

from gradkit.grading.functions import is_class_alone, shared_functions
from gradkit.task.assignment import read_assignment, read_gallery
from gradkit.task.shipped import NAMES


def characteristic() -> str:
    """Return the names of functions and classes, one on a line."""
    tasks = [task for exercise in read_gallery() for task in exercise.functions]
    roles = {a for task in read_assignment().tasks for role in task.roles for a in role.aliases}
    shared = shared_functions(tasks, roles)
    names = set()
    for task in tasks:
        for call in task.calls:
            name = call.function
            if name not in shared and not is_class_alone(name, task):
                function = name.partition(".")[0]
                names |= {function, *task.names.get(function, ())}
    return "".join(f"{name}\n" for name in sorted(names))


if __name__ == "__main__":
    NAMES.write_text(characteristic(), encoding="utf-8")
    print(f"{NAMES.name}: {len(NAMES.read_text(encoding='utf-8').split())} names")
