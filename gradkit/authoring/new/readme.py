"""Write the READMEs of students and instructors."""

from __future__ import annotations

from gradkit.authoring.export.install import Install
from gradkit.authoring.export.install import words as install_words
from gradkit.authoring.new import words
from gradkit.authoring.new.starter import definitions
from gradkit.records.task import Assignment, Task


def student_readme(assignment: Assignment, given: Install, *, own: bool = False) -> str:
    """The README of a student's folder.

    Parameters
    ----------
    assignment : Assignment
    given : Install
    own : bool
        Whether it is another than gradkit's, and its file is needed to check.
    """
    tasks = words.ordered(assignment)
    rows = [
        f"| `{words.module(task)}.py` | {words.net(task)}, {_layers(task)} | {_loss(task)} | "
        f"{_asked(task)} |"
        for task in tasks
    ]
    option = " --assignment assignment/assignment.toml" if own else ""
    first = words.module(tasks[0])
    wheel = f"\n`{given.what}` is gradkit itself: push it with the rest.\n"
    kept = "" if given.wheel is None else wheel
    return f"""# {assignment.title}

You train small networks: with NumPy, where you write every gradient yourself, and with
PyTorch, where autograd does.

| file | network | loss | you write |
|---|---|---|---|
{chr(10).join(rows)}

Work either in these files or in `starter.ipynb`, which holds the same parts and opens in
Jupyter and Colab. Hand in only what you worked in: where a folder holds both, the files count.

## What is graded

- **Gradient descent.** All gradients are taken at the parameters that made the
  prediction, so compute all of them before you change any parameter.
- **Learning rates** in NumPy: {_rates(tasks)}.
- **The loss as stated.** The squared error has no ½ in front, so its derivative
  carries a factor 2. The cross-entropy has none.
- **PyTorch:** plain SGD on all examples at once; `train` returns the loss of each epoch
  before its step. {_epochs(tasks)}.
- Your functions are called with inputs and starting parameters that you have not seen,
  different in every entry. Equal weights hide mistakes: with all weights alike, as in the
  training loop of these files, an exchanged index changes nothing at first.

How you write it is up to you: loops or matrix products, extra helpers, other argument
names, in place or with a new dict returned.

## Check your work

```
pip install {install_words(given)}
gradkit check {first}.py{option}
```

The PyTorch parts need `pip install torch` too. `gradkit check .{option}`
checks everything in this folder. A function that still says `raise NotImplementedError`
counts as missing.

Plain `pytest` does the same, one test for each check:
`pytest -k {tasks[0].id}` runs one task's, `pytest -x` stops at the first that fails.

In a notebook, the last cell of each part checks what has been run so far.

If you push this folder to GitHub or GitLab, `.github/workflows/gradkit.yml` and
`.gitlab-ci.yml` check it there. They hold no answers and no secrets. What any of these
checks say is provisional: the instructor's grade is final.
{kept}"""


def instructor_readme(assignment: Assignment) -> str:
    """The README of an assignment of one's own."""
    return f"""# {assignment.title}

| here | is |
|---|---|
| `assignment.toml`, `*.csv` | the exercise: tasks, data, layers, loss, rates, points, starts |
| `reference/` | a model solution for each task. Keep it to yourself |
| `template/` | what students get. `template/assignment/` is a copy of the exercise |

```
gradkit check reference --assignment assignment.toml --reference reference
gradkit audit --assignment assignment.toml --reference reference
gradkit check SUBMISSION --assignment assignment.toml --reference reference
```

The first must give full marks. The second tries every known mistake against the exercise and
must end with “Nothing slips through.”: do both again after each change, and copy
`assignment.toml` and the CSVs to `template/assignment/`. If you change sizes, activations or
rates, change the texts in `template/` too.
"""


def _layers(task: Task) -> str:
    hidden, output = words.activations(task)
    if hidden == output:
        return "linear" if hidden == "linear" else f"{hidden} in both layers"
    return f"{hidden}, then {output}"


def _loss(task: Task) -> str:
    if task.framework == "torch" and task.loss == "squared_error":
        return "mean squared error"
    return words.SHORT[task.loss]


def _asked(task: Task) -> str:
    if task.framework == "torch":
        return "`Model`, `train`"
    return f"{words.COUNTS[len(definitions(task))]} functions"


def _rates(tasks: tuple[Task, ...]) -> str:
    told = {
        f"{task.rates.weight:g} for weights, {task.rates.bias:g} for biases": task
        for task in tasks
        if task.framework == "numpy"
    }
    if len(told) == 1:
        return next(iter(told))
    return "; ".join(f"in {_problem(task)} {text}" for text, task in told.items())


def _epochs(tasks: tuple[Task, ...]) -> str:
    return "; ".join(
        f"{_problem(task).capitalize()}: {task.epochs} epochs at {task.rates.weight:g}"
        for task in tasks
        if task.framework == "torch"
    )


def _problem(task: Task) -> str:
    return task.id.partition("-")[0]
