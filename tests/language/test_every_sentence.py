"""Nothing that people read of results is said past the catalogue of texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pseudo
import pytest

from gradkit.grounds import GradingError, Settings
from gradkit.records.result import Result
from gradkit.render.formats import renderer
from gradkit.render.text import to_text

SOLUTION = (pseudo.ROOT / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
TORCH = (pseudo.ROOT / "reference" / "regression_torch.py").read_text(encoding="utf-8")
MISTAKES = pseudo.ROOT / "tests" / "mistakes"
CLASS = pseudo.ROOT / "tests" / "sample_class"
QUICK = (
    "swapped-index",
    "wrong-target",
    "wrong-sign",
    "missing-bias",
    "not-updated",
    "wrong-learning-rate",
    "missing-activation-derivative",
)
READ: dict[str, Callable[[str], str]] = {
    "html": pseudo.read_html,
    "markdown": lambda text: text.replace("```text", ""),
    "junit": pseudo.read_junit,
    "github": pseudo.read_github,
    "gradescope": pseudo.read_json,
    "prairielearn": pseudo.read_json,
}

NAMES = pseudo.names_of_gradkit()


def unsaid(result: Result, source: str, names: Iterable[str] = ()) -> dict[str, set[str]]:
    """By format, the plain words in what is rendered of a result that are nobody's names."""
    known = NAMES | pseudo.names_in(source) | set(names) | {*result.versions.values()}
    texts = {"text": to_text([result], 4), "hints": to_text([result], 1)}
    for word, read in READ.items():
        texts[word] = read(renderer(word)([result], 4, many=False))
    found = {
        word: pseudo.plain_words(pseudo.without_quotes(text, result), known)
        for word, text in texts.items()
    }
    return {word: words for word, words in found.items() if words}


@pytest.mark.parametrize("name", QUICK)
def test_a_mistake_is_told_in_the_language(check, speak, name: str) -> None:
    """Verdicts, findings, hints, notes and the frame around them, in every format."""
    speak()
    path = MISTAKES / f"{name}.py"
    assert unsaid(check(path), path.read_text(encoding="utf-8")) == {}


SPOILED: dict[str, tuple[str, str]] = {
    "nothing returned": ("return A, A_prev", "return None"),
    "none in it": ("return A, A_prev", "return None, A_prev"),
    "one value": ("return A, A_prev", "return A"),
    "text": ("return A, A_prev", "return 'a', A_prev"),
    "object": ("return A, A_prev", "return object(), A_prev"),
    "shape": ("return A, A_prev", "return A, A_prev[:1]"),
    "complex": ("return A, A_prev", "return A + 1j, A_prev"),
    "whole": ("return A, A_prev", "return A.astype(int), A_prev"),
    "half": ("return A, A_prev", "return A.astype(np.float16), A_prev"),
    "single": ("return W.T @ A_prev + b", "return np.float32(W.T @ A_prev + b)"),
    "nan": ("return A, A_prev", "return A * np.nan, A_prev"),
    "infinite": ("return A, A_prev", "return A / 0.0, A_prev"),
    "raises": ("return A, A_prev", "raise ValueError"),
    "within a helper": ("return W.T @ A_prev + b", "raise ValueError"),
    "not written": ("return A, A_prev", "raise NotImplementedError"),
    "left": ("return A, A_prev", "import os; os._exit(3)"),
    "crashed": ("return A, A_prev", "import ctypes; ctypes.string_at(0)"),
    "renamed": ("def L_layer_forward", "def something"),
    "other arguments": ("def L_layer_forward(X, parameters)", "def L_layer_forward(a, b, c, d)"),
    "method": ("def L_layer_forward(X,", "class Net:\n  def L_layer_forward(self, X,"),
    "start": (
        "np.full((dim[layer - 1], dim[layer]), 0.1)",
        "np.ones((dim[layer - 1], dim[layer]))",
    ),
    "changed": ("A = X\n", "A = X; X *= 2\n"),
    "update raises": ("d_output = -2 * (y - y_hat)", "raise ValueError"),
    "update not written": ("d_output = -2 * (y - y_hat)", "raise NotImplementedError"),
    "update mixes": ("d_hidden = parameters", "d_hidden = np.sin(A1) * parameters"),
    "random": ("return A, A_prev", "return A + np.random.rand(), A_prev"),
    "by heart": ("return A, A_prev", "return np.array([[1.6]]), A_prev"),
    "constant in a loop": ("WEIGHT_RATE = 0.001", "for n in [1]:\n    WEIGHT_RATE = 0.001"),
    "constant in main": ("WEIGHT_RATE = 0.001", "if __name__ == '__main__':\n    WEIGHT_RATE = 1"),
    "constant that fails": ("WEIGHT_RATE = 0.001", "WEIGHT_RATE = [][0]"),
    "broken": ("WEIGHT_RATE = 0.001", "WEIGHT_RATE = = 0.001"),
    "indented": ("WEIGHT_RATE = 0.001", "  WEIGHT_RATE = 0.001"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_fault_is_told_in_the_language(check, speak, tmp_path: Path, name: str) -> None:
    """Sentences of verdicts, with what the worker heard and why a name is not there."""
    speak()
    right, wrong = SPOILED[name]
    assert right in SOLUTION
    source = SOLUTION.replace(right, wrong)
    path = tmp_path / "handed_in.py"
    path.write_text(source, encoding="utf-8")
    result = check(path, Settings(("regression-numpy",), no_reference=True, seed=1))
    names = pseudo.names_in(SOLUTION) | set(OUTSIDE)
    assert unsaid(result, wrong, names) == {}


OUTSIDE = (
    "ValueError",
    "IndexError: list index out of range",
    "IndexError",
    "list index out of range",
    "SIGSEGV",
    "float32",
    "float16",
    "os._exit(3)",
    "invalid syntax",
    "NameError",
    "handed_in.py",
    "str",
    "int",
    "object",
    "Net",
)
"""What Python says of a mistake, and names of its own."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((*MISTAKES.glob("*.py"), *CLASS.glob("*"))), ids=lambda path: path.name
)
def test_every_submission_is_told_in_the_language(check, speak, path: Path) -> None:
    """The same of each mistake that there is, and of all that students wrote in the class."""
    speak()
    source = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ipynb":
        cells = json.loads(source)["cells"]
        source = "\n".join("".join(each["source"]) for each in cells if each["cell_type"] == "code")
    try:
        result = check(path)
    except GradingError as error:
        assert pseudo.plain_words(str(error).replace(path.stem, ""), NAMES) == set()
        return
    assert unsaid(result, source) == {}
