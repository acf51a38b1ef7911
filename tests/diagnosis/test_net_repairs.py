"""Mistakes in numpy nets have a finding with their line and a repair."""

from __future__ import annotations

import pytest
from correct_styles import source_of
from said import after_exceptions
from written import homework

from gradkit.grading import net_repairs, repairs
from gradkit.grading.net_repairs import RATES
from gradkit.grading.points import DIVERGES, price_of
from gradkit.records.result import UNEXPLAINED, TaskResult

pytestmark = pytest.mark.sample(108)

REGRESSION, CLASSIFICATION = "regression-numpy", "classification-numpy"

Case = tuple[str, str, str, str, str, str]
"""Task, style, what is changed, check, kind of change."""

CASES: dict[str, Case] = {
    "a plus": (REGRESSION, "outer", "d = 2 * (", "d = 2 + (", "update", "wrong-operator"),
    "a quotient in one entry": (
        *(REGRESSION, "entry by entry", "e * w0 * 1.0 * X[0][0]", "e / w0 * 1.0 * X[0][0]"),
        *("update", "wrong-operator"),
    ),
    "in a new dict": (
        *(CLASSIFICATION, "a new dict", "0.01 * (y - y_hat)", "0.01 + (y - y_hat)"),
        *("update", "wrong-operator"),
    ),
    "in a layer": (
        *(REGRESSION, "loops", "np.dot(W.T, A)", "np.multiply(W.T, A)"),
        *("forward", "wrong-function"),
    ),
    "exchanged arguments of a layer": (
        *(REGRESSION, "entry by entry", "linear_forward(A_prev, parameters['W' + str(l)]"),
        *("linear_forward(parameters['W' + str(l)], A_prev", "forward", "wrong-order"),
    ),
    "at the start": (
        *(REGRESSION, "loops", "np.zeros((m, 1))", "np.ones((m, 1))"),
        *("interface", "wrong-function"),
    ),
    "a sum for a difference": (
        CLASSIFICATION,
        "loops",
        "parameters['W1'][i, j] += 0.001 * (y - y_hat)",
        "parameters['W1'][i, j] += 0.001 * (y + y_hat)",
        *("update", "turned-sign"),
    ),
    "one bracket for many mistakes": (
        REGRESSION,
        "a new dict",
        "parameters['W2'] + 0.001 * 2 * (y - y_hat) * A1",
        "(parameters['W2'] + 0.001 * 2 * (y - y_hat)) * A1",
        *("update", "wrong-brackets"),
    ),
    "one key for many mistakes": (
        CLASSIFICATION,
        "loops",
        "parameters['W2'][j, 0] = parameters",
        "parameters['W1'][j, 0] = parameters",
        *("update", "wrong-entry"),
    ),
}


def text_of(task: str, style: str, was: str, now: str) -> tuple[str, int]:
    """Return a right answer with a change, and the number of the changed line."""
    right = homework(task, source_of(style, task))
    assert right.count(was) == 1, was
    return right.replace(was, now), right[: right.index(was)].count("\n") + 1


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_mistake_without_a_name_has_a_repair(diagnosed, case: Case) -> None:
    """The finding has the line, the repair and all wrong entries, and costs its price."""
    task, style, was, now, check, kind = case
    text, line = text_of(task, style, was, now)
    result: TaskResult = diagnosed(text, task)
    (finding,) = result.findings
    assert (finding.check, finding.mistake) == (check, kind)
    assert finding.place is not None
    assert finding.place.line == line
    assert was in finding.fix
    (failed,) = [each for each in result.checks if each.check == check]
    later = [each for each in result.checks if each.state == "fail" and each is not failed]
    assert all(each.causes == (kind,) for each in later)
    assert bool(later) is (check == "update")
    wrong = [each for each in failed.entries if each.state != "pass"]
    assert len(finding.entries) in (0, len(wrong))
    price = price_of(kind)
    assert price is not None
    earned = failed.max_score * (1 - price)
    assert failed.score <= earned + 0.25
    # Where the loss rises, the task stays below half, so each check loses more.
    assert DIVERGES in result.notes or failed.score >= earned - 0.25


def test_a_crash_has_its_price_and_a_change_that_costs_nothing(diagnosed) -> None:
    """The finding on the crash has the price, and the repair only says what to write."""
    text, line = text_of(CLASSIFICATION, "helper functions", "X @ d1.T", "X @ d1")
    crash, repair = diagnosed(text, CLASSIFICATION).findings
    assert (crash.mistake, repair.mistake) == ("crash", "wrong-transpose")
    assert crash.place.line == repair.place.line == line
    assert "X @ d1.T" in repair.fix
    assert crash.deduction > repair.deduction == 0.0


GUESSED: dict[str, Case] = {
    "the rate that a helper is handed": (
        *(CLASSIFICATION, "helper functions", "else 0.01)", "else 0.02)"),
        *("update", "wrong-factor"),
    ),
    "the error that a helper makes": (
        *(REGRESSION, "helper functions", "-(2 * (y - y_hat))", "-(3 * (y - y_hat))"),
        *("update", "wrong-learning-rate"),
    ),
    "a layer that comes too late": (
        *(REGRESSION, "loops", "for l in range(1, len(p", "for l in range(2, len(p"),
        *("forward", "layer-skipped"),
    ),
    # What several wrong lines are made of.
    "a constant that all steps share": (
        *(REGRESSION, "outer", "d = 2 * (y", "d = 3 * (y"),
        *("update", "wrong-learning-rate"),
    ),
    "an error that is missing before the steps": (
        *(REGRESSION, "outer", "d = 2 * (y - y_hat)", "d = 2"),
        *("update", "missing-error"),
    ),
    "a copy of something else": (
        *(CLASSIFICATION, "loops", "W2 = parameters['W2'].copy", "W2 = parameters['b1'].copy"),
        *("update", "wrong-weight"),
    ),
}
"""Mistakes of which the numbers do not say where they are."""


@pytest.mark.parametrize("case", GUESSED.values(), ids=GUESSED)
def test_a_named_mistake_is_located_by_its_repair(diagnosed, case: Case) -> None:
    """The numbers give the name but not the line; the repair gives the line."""
    task, style, was, now, check, code = case
    text, line = text_of(task, style, was, now)
    (finding,) = [each for each in diagnosed(text, task).findings if each.check == check]
    assert finding.place is not None
    assert (finding.mistake, finding.place.line) == (code, line)
    assert was in finding.fix


STOPPED: dict[str, Case] = {
    "a name that is not there": (
        *(CLASSIFICATION, "a new dict", "0.01 * (y - y_hat)", "0.01 * (y - yhat)"),
        *("update", "wrong-name"),
    ),
    "a key that is not there": (
        *(REGRESSION, "outer", "parameters['W2'] +=", "parameters['w2'] +="),
        *("update", "wrong-entry"),
    ),
    "shapes that do not fit": (
        *(REGRESSION, "loops", "np.dot(W.T, A)", "np.dot(W, A)"),
        *("forward", "wrong-transpose"),
    ),
}


@pytest.mark.parametrize("name", STOPPED)
def test_an_exception_is_reported_at_its_line(diagnosed, name: str) -> None:
    """A repair follows where the exception does not name the reason; both cost what was lost."""
    task, style, was, now, check, kind = STOPPED[name]
    text, line = text_of(task, style, was, now)
    result: TaskResult = diagnosed(text, task)
    (stopped,) = [each for each in result.checks if each.check == check]
    assert stopped.state == "error"
    repaired = name == "shapes that do not fit"
    kinds = [kind] if repaired else []
    assert [each.mistake for each in result.findings] == ["crash", *kinds]
    for finding in result.findings:
        assert finding.place is not None
        assert (finding.check, finding.place.line) == (check, line)
        assert (was in finding.fix) == (finding.mistake == kind)
    costs = sum(finding.costs[check] for finding in result.findings)
    assert costs == stopped.max_score - stopped.score > 0


AROUND = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    dW1 = X @ (parameters['W2'] * d).T
    for i in range(1, 3):
        for j in range(1, 3):
            parameters['W1'][i][j] -= 0.001 * dW1[i][j]
    parameters['b1'] = parameters['b1'] - 0.01 * parameters['W2'] * d
    parameters['W2'] = parameters['W2'] - 0.001 * A1 * d
    parameters['b2'] = parameters['b2'] - 0.01 * d
"""


def test_loops_around_a_line_that_raises_are_tried_first(
    diagnosed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So are the lines that change the parameters of a function without a return."""
    monkeypatch.setattr(net_repairs, "STOPPED", 4000)
    (finding,) = diagnosed(homework(REGRESSION, AROUND), REGRESSION).findings
    assert (finding.mistake, finding.source) == ("wrong-bounds", "for i in range(1, 3):")
    assert finding.fix == "for i in range(2):\n    for j in range(2):"


BESIDES = {
    "a sign": ("-y / out + (1 - y)", "y / out - (1 - y)", "wrong-sign", "return y / out"),
    "a gradient": ("values[l - 1] @", "values[0] @", "wrong-layer-input", "dW[l], db[l] ="),
}


@pytest.mark.parametrize("made", BESIDES.values(), ids=BESIDES)
def test_a_mistake_beside_a_product_that_raises_is_named(diagnosed, made) -> None:
    """Once the product is repaired, the numbers name the other mistake."""
    was, now, code, line = made
    right = homework(CLASSIFICATION, LAYERS)
    text = right.replace("[f'W{l}'] @ dZ", "[f'W{l}'].T @ dZ").replace(was, now)
    product, other = diagnosed(text, CLASSIFICATION).findings
    assert product.mistake == "wrong-transpose"
    assert product.fix == "dA = parameters[f'W{l}'] @ dZ"
    assert other.mistake == code
    assert other.source.startswith(line)


def test_a_wrong_sign_is_located_in_the_gradient(diagnosed) -> None:
    """A step that subtracts is right; the gradient that it subtracts is not."""
    text, line = text_of(REGRESSION, "matmul", "-2 * (y - y_hat)", "2 * (y - y_hat)")
    (finding,) = diagnosed(text, REGRESSION).findings
    assert (finding.mistake, finding.place.line) == ("wrong-sign", line)


ALIAS = """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    W2 = parameters['W2']
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.01 * e
    parameters['W1'] += 0.001 * e * X @ W2.T
    parameters['b1'] += 0.01 * e * W2
"""


def test_a_missing_copy_is_located_where_the_name_is_bound(diagnosed) -> None:
    """The lines that use the name are right."""
    text = homework(REGRESSION, ALIAS)
    (finding,) = diagnosed(text, REGRESSION).findings
    assert (finding.mistake, finding.source) == ("updated-before-use", "W2 = parameters['W2']")
    assert finding.fix == "W2 = parameters['W2'].copy()"


OVERDUE = """
def update_parameters(parameters, y, y_hat, A1, X):
    delta2 = 2 * (y_hat - y)
    parameters['W2'] = parameters['W2'] - 0.001 * delta2 * A1
    grad_b2 = delta2
    delta1 = delta2 * parameters['W2']
    grad_w1 = np.dot(X, delta1.T)
    grad_b1 = delta1
    parameters['b2'] = parameters['b2'] - 0.01 * grad_b2
    parameters['W1'] = parameters['W1'] - 0.001 * grad_w1
    parameters['b1'] = parameters['b1'] - 0.01 * grad_b1
"""


def test_a_line_that_comes_too_late_is_moved(diagnosed) -> None:
    """The repair puts it before the step that changes what it reads."""
    (finding,) = diagnosed(homework(REGRESSION, OVERDUE), REGRESSION).findings
    line = "delta1 = delta2 * parameters['W2']"
    assert (finding.mistake, finding.source) == ("updated-before-use", line)
    assert finding.fix.startswith(f"{line}\nparameters['W2'] =")


def test_an_extra_factor_of_a_linear_output_may_be_no_derivative(diagnosed) -> None:
    """The sentence names both readings."""
    text = homework(REGRESSION, NAMES.replace("2 * (out - y)", "2 * (out - y) * out"))
    (finding,) = diagnosed(text, REGRESSION).findings
    assert finding.mistake == "extra-output-derivative"
    assert finding.sentence.endswith(", or a part of this derivative.")


def test_inputs_that_do_not_show_the_mistake_are_drawn_again(
    diagnosed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search with such inputs ends at once, with nothing found."""
    task, style, was, now, *_ = GUESSED["a layer that comes too late"]
    searched, results = repairs.proposals, [([], 100)]
    monkeypatch.setattr(
        repairs, "proposals", lambda *asked: results.pop() if results else searched(*asked)
    )
    (finding, *_) = diagnosed(text_of(task, style, was, now)[0], task).findings
    assert was in finding.fix


def test_a_missing_step_is_located_where_it_belongs(diagnosed) -> None:
    """The text steps each entry by a statement, and one of them is missing."""
    gone = "    parameters['b1'][1][0] += 0.01 * e * w1 * 1.0\n"
    text, line = text_of(REGRESSION, "entry by entry", gone, "")
    (finding,) = diagnosed(text, REGRESSION).findings
    assert finding.mistake == "not-updated"
    assert finding.fix.startswith("parameters['b1'][1, 0] -= (0.01 * ")
    assert finding.adds is not None
    assert line - 1 <= finding.adds


def test_a_missing_step_can_belong_after_the_last_line(diagnosed) -> None:
    """The repair adds it at the end of the text."""
    right = homework(REGRESSION, source_of("entry by entry", REGRESSION)).rstrip()
    text = right[: right.rindex("\n")]
    (finding,) = diagnosed(text, REGRESSION).findings
    assert finding.mistake == "not-updated"
    assert finding.adds == text.count("\n") + 1


STARTS = ("np.random.normal(0, 0.1, (n, m))", "0.01 * np.random.randn(n, m)", "np.zeros((n, m))")


@pytest.mark.parametrize("start", STARTS)
def test_other_initial_weights_are_one_finding(diagnosed, start: str) -> None:
    """They are random, or filled with another number, and located where they are made."""
    text, line = text_of(REGRESSION, "loops", "np.ones((n, m)) * 0.1", start)
    (finding,) = diagnosed(text, REGRESSION).findings
    assert finding.place is not None
    assert (finding.mistake, finding.place.line) == ("wrong-expression", line)
    assert "np.full((n, m), 0.1)" in finding.fix


NAMED_RATES = """
WEIGHTS, BIASES = 0.001, {biases}

def rate(name):
    return WEIGHTS if name.startswith('W') else BIASES

def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    hidden = parameters['W2'] * e
    grads = {{'W1': X @ hidden.T, 'b1': hidden, 'W2': A1 * e, 'b2': e}}
    for name in grads:
        parameters[name] = parameters[name] + rate(name) * grads[name]
"""

TABLE = """
RATES = {{'W1': 0.001, 'b1': 0.01, 'W2': {second}, 'b2': 0.01}}

def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    hidden = parameters['W2'] * e
    grads = {{'W1': X @ hidden.T, 'b1': hidden, 'W2': A1 * e, 'b2': e}}
    for name in grads:
        parameters[name] = parameters[name] + RATES[name] * grads[name]
"""

OF_TWO = ("'W2': 0.01, 'b2': 0.001", "'W2': 0.001, 'b2': 0.01")

LOCAL_RATES = """
def rates():
    return {rates}

def update_parameters(parameters, y, y_hat, A1, X):
    of_weights, of_biases = rates()
    e = 2 * (y - y_hat)
    hidden = parameters['W2'] * e
    parameters['W2'] = parameters['W2'] + of_weights * A1 * e
    parameters['b2'] = parameters['b2'] + of_biases * e
    parameters['W1'] = parameters['W1'] + of_weights * X @ hidden.T
    parameters['b1'] = parameters['b1'] + of_biases * hidden
"""


@pytest.mark.parametrize(
    ("text", "was", "now"),
    [
        (NAMED_RATES.format(biases="0.05"), "BIASES = 0.001, 0.05", "BIASES = 0.001, 0.01"),
        (TABLE.format(second="0.01"), "'W2': 0.01", "'W2': 0.001"),
        (LOCAL_RATES.format(rates="0.01, 0.001"), "0.01, 0.001", "0.001, 0.01"),
        (TABLE.format(second="0.01, 'b2': 0.001").replace(", 'b2': 0.01}", "}"), *OF_TWO),
    ],
    ids=["by a name", "in a table", "exchanged", "exchanged in a table"],
)
def test_a_learning_rate_is_located_where_it_is_set(
    diagnosed, text: str, was: str, now: str
) -> None:
    """It reaches the step through other names, a table or a function."""
    (finding,) = diagnosed(homework(REGRESSION, text), REGRESSION).findings
    assert finding.mistake in RATES
    assert was in finding.source
    assert finding.fix == finding.source.replace(was, now)
    assert finding.place is not None
    assert finding.places == (finding.place,)


OF_A_LAYER = """
class Layer:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def back(self, x, delta):
        self.dW, self.db = x @ delta.T, delta

    def step(self, lr_w=0.001, lr_b=0.01):
        self.W -= lr_w * self.dW
        self.b -= lr_b * self.db

def update_parameters(parameters, y, y_hat, A1, X):
    hidden = Layer(parameters['W1'], parameters['b1'])
    out = Layer(parameters['W2'], parameters['b2'])
    err = np.array([[y_hat - y]]).reshape(1, 1)
    back = out.W @ err * A1 * (1 - A1)
    out.back(A1, err)
    hidden.back(X, back)
    out.step()
    hidden.step()
"""

IN_COMPANY = {
    "a rate by default": ("lr_b=0.01", "lr_b=0.05"),
    "a sign of the error": ("[[y_hat - y]]", "[[y - y_hat]]"),
}


@pytest.mark.parametrize("made", IN_COMPANY.values(), ids=IN_COMPANY)
def test_a_mistake_is_located_beside_another_one(diagnosed, made: tuple[str, str]) -> None:
    """The repair of one leaves the other as it was."""
    was, now = made
    text = homework(CLASSIFICATION, OF_A_LAYER).replace("out.back(A1", "out.back(X")
    findings = diagnosed(text.replace(was, now), CLASSIFICATION).findings
    told = {each.mistake: each for each in findings}
    code = "wrong-sign" if "y" in was else "wrong-learning-rate"
    assert {*told} == {code, "wrong-layer-input"}
    assert now in told[code].source
    assert was in told[code].fix


READ = """\
    v1 = parameters['W2'][0][0]
    v2 = parameters['W2'][1][0]
"""

STEPS = """\
    parameters['W2'][0][0] -= 0.001 * err * h1
    parameters['W2'][1][0] -= 0.001 * err * h2
    parameters['b2'][0][0] -= 0.01 * err
"""

BY_NAMES = f"""
def update_parameters(parameters, y, y_hat, A1, X):
    h1 = A1[0][0]
    h2 = A1[1][0]
    err = y_hat - y
{READ}{STEPS}\
    s1 = h1 * (1 - h1)
    s2 = h2 * (1 - h2)
    parameters['W1'][0][0] -= 0.001 * err * v1 * s1 * X[0][0]
    parameters['W1'][1][0] -= 0.001 * err * v1 * s1 * X[1][0]
    parameters['b1'][0][0] -= 0.01 * err * v1 * s1
    parameters['W1'][0][1] -= 0.001 * err * v2 * s2 * X[0][0]
    parameters['W1'][1][1] -= 0.001 * err * v2 * s2 * X[1][0]
    parameters['b1'][1][0] -= 0.01 * err * v2 * s2
"""

LATE = {
    "another entry": ("h2 = A1[1][0]", "h2 = A1[0][0]", "h2 ="),
    "exchanged": (
        *("v1 = parameters['W2'][0][0]\n    v2 = parameters['W2'][1][0]",),
        *("v1 = parameters['W2'][1][0]\n    v2 = parameters['W2'][0][0]", "v1 ="),
    ),
    "after the step": (READ + STEPS, STEPS + READ, "v1 ="),
}


@pytest.mark.parametrize("made", LATE.values(), ids=LATE)
@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
def test_a_wrong_value_is_located_where_it_is_assigned(
    diagnosed, made: tuple[str, str, str], company
) -> None:
    """Several lines use it and are right."""
    was, now, line = made
    text = homework(CLASSIFICATION, BY_NAMES)
    assert text.count(was) == 1
    text = text.replace(was, now)
    if company:
        text = text.replace("['b2'][0][0] -= 0.01", "['b2'][0][0] -= 0.03")
    findings = diagnosed(text, CLASSIFICATION).findings
    assert len(findings) == 1 + company
    (finding,) = [each for each in findings if "b2" not in each.entries]
    places = [each.place.line for each in findings if each.place and each is not finding]
    told = [text.split("\n")[line - 1].strip() for line in places]
    assert told == ["parameters['b2'][0][0] -= 0.03 * err"] * company
    assert finding.source.startswith(line)
    right = [each.strip() for each in was.strip().split("\n")]
    assert finding.fix.split("\n")[:2] == right[:2]


def test_a_change_that_raises_is_no_repair(diagnosed) -> None:
    """The lines of the mistake are reported as before."""
    text = homework(CLASSIFICATION, BY_NAMES).replace("err * v1 * s1", "err * v1 * s2")
    (finding,) = diagnosed(text, CLASSIFICATION).findings
    lines = text.split("\n")
    assert len(finding.places) > 1
    assert all("v1 * s2" in lines[place.line - 1] for place in finding.places)


def test_a_rate_at_the_top_of_a_file_is_located_there(diagnosed) -> None:
    """All tasks of the file share that line."""
    _, rest = NAMED_RATES.format(biases=0.05).split("\n\n", 1)
    text = f"BIASES = 0.05\nWEIGHTS = 0.001\n\n\n{homework(REGRESSION, rest)}"
    (finding,) = diagnosed(text, REGRESSION).findings
    assert finding.place is not None
    assert (finding.place.line, finding.fix) == (1, "BIASES = 0.01")


IN_LOOPS = """
def update_parameters(parameters, y, y_hat, A1, X):
    W2 = parameters['W2'].copy()
    for j in range(2):
        for i in range(2):
            parameters['W1'][{of_weights}] += 0.001 * 2 * (y - y_hat) * W2[j, 0] * X[i, 0]
        parameters['b1'][{of_biases}] += 0.01 * 2 * (y - y_hat) * W2[j, 0]
        parameters['W2'][j, 0] += 0.001 * 2 * (y - y_hat) * A1[j, 0]
    parameters['b2'][0, 0] += 0.01 * 2 * (y - y_hat)
"""


@pytest.mark.parametrize(
    ("of_weights", "of_biases", "kind", "at"),
    [
        ("j, j", "j, 0", "wrong-name", "parameters['W1'][j, j]"),
        ("i, j", "i, 0", "wrong-target", "parameters['b1'][i, 0]"),
    ],
    ids=["a weight's", "a bias's"],
)
def test_a_step_of_another_entry_is_one_finding(
    diagnosed, of_weights: str, of_biases: str, kind: str, at: str
) -> None:
    """Some entries stay as they were, and others change too much."""
    text = homework(REGRESSION, IN_LOOPS.format(of_weights=of_weights, of_biases=of_biases))
    (finding,) = diagnosed(text, REGRESSION).findings
    assert finding.mistake == kind
    assert finding.source.startswith(at)


BEYOND = {
    "two things at once": ("d = 2 * (y - y_hat)", "d = np.cos(y) / np.arctan(y_hat) ** 3"),
    "chance": ("d = 2 * (y - y_hat)", "d = 2 + (y - y_hat) * np.random.default_rng().normal()"),
}


@pytest.mark.parametrize("change", BEYOND.values(), ids=BEYOND)
def test_a_mistake_without_a_repair_stays_unexplained(diagnosed, change: tuple[str, str]) -> None:
    """So does an update that gives other values each time."""
    text, _ = text_of(REGRESSION, "outer", *change)
    codes = {each.mistake for each in diagnosed(text, REGRESSION).findings}
    assert codes <= {UNEXPLAINED, "nondeterministic"}
    assert UNEXPLAINED in codes


OWN_RATES = """
def update_parameters(parameters, y, y_hat, A1, X, lr=0.001):
    e = y - y_hat
    hidden = parameters['W2'] * e
    grads = {'W1': X @ hidden.T, 'b1': hidden, 'W2': A1 * e, 'b2': e}
    for name in grads:
        rate = lr if name.startswith('W') else 10 * lr
        parameters[name] = parameters[name] + rate * grads[name]
"""


def test_rates_in_the_right_proportion_are_right_beside_a_mistake(diagnosed) -> None:
    """Biases have ten times the rate, as the task asks; only the derivative is missing."""
    (finding,) = diagnosed(homework(CLASSIFICATION, OWN_RATES), CLASSIFICATION).findings
    assert finding.mistake == "missing-activation-derivative"


def test_functions_can_be_named_like_their_roles(diagnosed) -> None:
    """A repair is verified by calling them more than once."""
    text, line = text_of(REGRESSION, "matmul", "-2 * (y - y_hat)", "2 * (y - y_hat)")
    named = text.replace("update_parameters", "update").replace("L_layer_forward", "forward")
    (finding,) = diagnosed(named, REGRESSION).findings
    assert (finding.mistake, finding.place.line) == ("wrong-sign", line)


LOCAL = """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    v = parameters['W2'][1][0]
    dh = parameters['W2'] * e
    v += 0.001 * e * A1[1][0]
    parameters['W2'][0][0] += 0.001 * e * A1[0][0]
    parameters['b2'] += 0.01 * e
    parameters['W1'] += 0.001 * X @ dh.T
    parameters['b1'] += 0.01 * dh
"""


def test_a_stepped_number_that_is_not_written_back_is_located(diagnosed) -> None:
    """The number is not the first of its array."""
    (finding,) = diagnosed(homework(REGRESSION, LOCAL), REGRESSION).findings
    assert (finding.mistake, finding.source) == ("not-updated", "v += 0.001 * e * A1[1][0]")


KEYS = """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    grads = {'dW2': A1 * e, 'db2': e, 'dW1': X @ (parameters['W2'] * e).T}
    grads['b1'] = parameters['W2'] * e
    for name, rate in zip(['W1', 'b1', 'W2', 'b2'], [0.001, 0.01, 0.001, 0.01]):
        parameters[name] = parameters[name] + rate * grads['d' + name]
"""


def test_a_change_that_only_prevents_an_exception_is_not_reported(diagnosed) -> None:
    """Other keys would prevent it, but one parameter would never change."""
    (finding,) = diagnosed(homework(REGRESSION, KEYS), REGRESSION).findings
    assert finding.mistake == "crash"
    assert "grads" in finding.source


CLASS = """
class Net:
    def __init__(self, params):
        self.W1, self.b1, self.W2, self.b2 = (params[key] for key in ('W1', 'b1', 'W2', 'b2'))

    def backward(self, x, h, y, y_hat):
        delta2 = np.atleast_2d(2 * (y_hat - y))
        delta1 = self.W2 @ delta2
        self.dW1, self.db1 = x @ delta1.T, delta1
        self.dW2, self.db2 = h @ delta2.T, delta2

    def step(self):
        self.W1 -= 0.001 * self.dW1
        self.b1 -= 0.01 * self.db1
        self.W2 -= 0.001 * self.dW2
        self.b2 -= 0.01 * self.db2

def update_parameters(parameters, y, y_hat, A1, X):
    net = Net(parameters)
    net.backward(X, A1, y, y_hat)
    net.step()
"""

LAYERS = """
RATE_W, RATE_B = 0.001, 0.01

def slope(a):
    return a * (1 - a)

def of_loss(y, out):
    return -y / out + (1 - y) / (1 - out)

def update_parameters(parameters, y, y_hat, A1, X):
    values = [X, A1, np.array(y_hat).reshape(1, 1)]
    dA = of_loss(y, values[2])
    dW, db = {}, {}
    for l in [2, 1]:
        dZ = dA * slope(values[l])
        dW[l], db[l] = values[l - 1] @ dZ.T, dZ
        dA = parameters[f'W{l}'] @ dZ
    for l in [1, 2]:
        parameters[f'W{l}'] -= RATE_W * dW[l]
        parameters[f'b{l}'] -= RATE_B * db[l]
"""

HELPER = """
def slope(a):
    return a * (1 - a)

def gradients(parameters, y, y_hat, A1, X):
    diff = y_hat - y
    d1 = np.dot(parameters['W2'], diff) * slope(A1)
    grads = {}
    grads['dW2'], grads['db2'] = A1 * diff, diff
    grads['dW1'] = X @ d1.T
    grads['db1'] = d1
    return grads

def update_parameters(parameters, y, y_hat, A1, X):
    grads = gradients(parameters, y, y_hat, A1, X)
    for name in ['W1', 'b1', 'W2', 'b2']:
        rate = 0.001 if name.startswith('W') else 0.01
        parameters[name] = parameters[name] - rate * grads['d' + name]
"""

ENTRIES = """
def update_parameters(parameters, y, y_hat, A1, X):
    W2 = parameters['W2'].copy()
    err = y - y_hat
    for j in range(2):
        parameters['W2'][j][0] += 0.001 * err * A1[j][0]
    parameters['b2'][0][0] += 0.01 * err
    for j in range(2):
        slope = A1[j][0] * (1 - A1[j][0])
        common = err * W2[j][0] * slope
        for i in range(2):
            parameters['W1'][i][j] += 0.001 * common * X[i][0]
        parameters['b1'][j][0] += 0.01 * common
"""

LAYERED = LAYERS.replace("values[l - 1] @ dZ.T, dZ", "gradients_of(dZ, values[l - 1])").replace(
    "def update", "def gradients_of(dZ, A):\n    dW = A @ dZ.T\n    return dW, dZ\n\ndef update"
)

HALVED = """
def update_parameters(parameters, y, y_hat, A1, X):
    diff = y_hat - y
    slope = A1 * (1 - A1)
    back = diff * parameters['W2'] * slope
    grads = {'W2': diff * A1, 'b2': diff, 'W1': X @ back.T, 'b1': back}
    for key, rate in {'W1': 0.001, 'b1': 0.01, 'W2': 0.001, 'b2': 0.01}.items():
        parameters[key] = parameters[key] - rate * grads[key]
"""

ROW = """
def update_parameters(parameters, y, y_hat, A1, X):
    inputs = [X, A1]
    delta = np.array(2 * (y_hat - y)).reshape(1, 1)
    for l in (2, 1):
        back = parameters[f'W{l}'] @ delta
        parameters[f'W{l}'] = parameters[f'W{l}'] - 0.001 * inputs[l - 1] @ delta.T
        parameters[f'b{l}'] = parameters[f'b{l}'] - 0.01 * delta
        delta = back
"""

STEPS = """
def act(x, slope=False):
    if slope:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))

def update_parameters(parameters, y, y_hat, A1, X):
    old = {key: value.copy() for key, value in parameters.items()}
    dA2 = -y / y_hat + (1 - y) / (1 - y_hat)
    slope2 = act(y_hat, slope=True)
    dZ2 = dA2 * slope2
    db2 = dZ2
    parameters['W2'] -= 0.001 * A1 * dZ2
    parameters['b2'] = parameters['b2'] - 0.01 * db2
    dA1 = old['W2'] * dZ2
    dZ1 = dA1 * act(A1, slope=True)
    db1 = dZ1
    dW1 = np.zeros((2, 2))
    for unit in range(2):
        dW1[:, unit] = dZ1[unit, 0] * X[:, 0]
    for key, grad, rate in (('W1', dW1, 0.001), ('b1', db1, 0.01)):
        parameters[key] -= rate * grad
"""

OLD = """
def update_parameters(parameters, y, y_hat, A1, X):
    diff = y_hat - y
    old = {key: value.copy() for key, value in parameters.items()}
    for j in range(2):
        a = A1[j, 0]
        parameters['W2'][j, 0] -= 0.001 * diff * a
        back = diff * old['W2'][j, 0] * a * (1 - a)
        for i in range(2):
            parameters['W1'][i, j] -= 0.001 * back * X[i, 0]
        parameters['b1'][j, 0] -= 0.01 * back
    parameters['b2'][0, 0] -= 0.01 * diff
"""

NAMES = """
def update_parameters(parameters, y, y_hat, A1, X):
    out = y_hat
    W2 = parameters['W2']
    d2 = 2 * (out - y)
    d1 = d2 * W2
    parameters['W2'] = parameters['W2'] - 0.001 * d2 * A1
    parameters['b2'] = parameters['b2'] - 0.01 * d2
    parameters['W1'] = parameters['W1'] - 0.001 * X @ d1.T
    parameters['b1'] = parameters['b1'] - 0.01 * d1
"""

TWICE = "W2 = parameters['W2'] = parameters['W2'] - 0.002 * A1 * (out - y)"

AT_LAST = """
def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1, W2, b2 = (parameters[key] for key in ('W1', 'b1', 'W2', 'b2'))
    eta = 0.01
    dA2 = -y / y_hat + (1 - y) / (1 - y_hat)
    slope2 = y_hat * (1 - y_hat)
    dZ2 = dA2 * slope2
    dW2, db2 = A1 * dZ2, dZ2
    dZ1 = W2 * dZ2 * A1 * (1 - A1)
    dW1, db1 = X @ dZ1.T, dZ1
    parameters['W1'] = W1 - eta / 10 * dW1
    parameters['b1'] = b1 - eta * db1
    parameters['W2'] = W2 - eta / 10 * dW2
    parameters['b2'] = b2 - eta * db2
"""

ANEW = """
def slope(Z):
    a = 0.5 * (1 + np.tanh(Z / 2))
    return a * (1 - a)

def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1, W2, b2 = (parameters[key] for key in ('W1', 'b1', 'W2', 'b2'))
    dA2 = -y / y_hat + (1 - y) / (1 - y_hat)
    dZ2 = dA2 * y_hat * (1 - y_hat)
    dW2, db2 = A1 * dZ2, dZ2
    Z1 = W1.T @ X + b1
    dZ1 = W2 * dZ2 * slope(Z1)
    dW1, db1 = X @ dZ1.T, dZ1
    parameters['W1'] = W1 - 0.001 * dW1
    parameters['b1'] = b1 - 0.01 * db1
    parameters['W2'] = W2 - 0.001 * dW2
    parameters['b2'] = b2 - 0.01 * db2
"""

NO_ERROR = "back = parameters['W2'] * slope"

Made = tuple[str, str, str, str, str]
"""Task, a right body, what is changed, and the mistake that is told there."""

THERE: dict[str, Made] = {
    "a parameter of an object's own": (
        *(REGRESSION, CLASS, "self.W1 -= 0.001 * self.dW1", "self.W1 = self.W1 - 0.001 * self.dW1"),
        "not-updated",
    ),
    "a method of an object": (
        *(REGRESSION, CLASS, "x @ delta1.T, delta1", "x @ delta1.T, delta2"),
        "missing-weight",
    ),
    "brackets around nothing": (
        *(CLASSIFICATION, ENTRIES, "A1[j][0] * (1 - A1[j][0])", "A1[j][0] * 1 - A1[j][0]"),
        "not-updated",
    ),
    "a sign that several steps share": (
        *(CLASSIFICATION, ENTRIES, "err = y - y_hat", "err = y_hat - y"),
        "wrong-sign",
    ),
    "a sign in a function": (
        *(CLASSIFICATION, HELPER, "diff = y_hat - y", "diff = y - y_hat"),
        "wrong-sign",
    ),
    "a slope in a function": (
        *(CLASSIFICATION, HELPER, "return a * (1 - a)", "return 1 - a"),
        "wrong-activation-derivative",
    ),
    "a slope of all layers": (
        *(CLASSIFICATION, LAYERS, "return a * (1 - a)", "return 1 - a"),
        "missing-factor",
    ),
    "one half of a loss": (
        *(CLASSIFICATION, LAYERS, "-y / out + (1 - y) / (1 - out)", "-y / out"),
        "wrong-error",
    ),
    "the slope of another loss": (
        *(CLASSIFICATION, LAYERS, "-y / out + (1 - y) / (1 - out)", "-2 * (y - out)"),
        "wrong-loss",
    ),
    "the input of a function": (
        *(CLASSIFICATION, LAYERED, "gradients_of(dZ, values[l - 1])", "gradients_of(dZ, X)"),
        "wrong-layer-input",
    ),
    "a row of inputs": (
        *(REGRESSION, ROW, "inputs = [X, A1]", "inputs = [A1, X]"),
        "wrong-layer-input",
    ),
    "the error of a product": (
        *(CLASSIFICATION, HALVED, "back = diff * parameters['W2'] * slope", NO_ERROR),
        "missing-error",
    ),
    "a name for another's gradient": (
        *(CLASSIFICATION, HALVED, "'b1': back", "'b1': diff"),
        "wrong-name",
    ),
    "another name in a slope": (
        *(CLASSIFICATION, HALVED, "slope = A1 * (1 - A1)", "slope = A1 * (1 - y_hat)"),
        "wrong-name",
    ),
    "rates that are set together": (
        *(CLASSIFICATION, LAYERS, "RATE_W, RATE_B =", "RATE_B, RATE_W ="),
        "wrong-learning-rate",
    ),
    "a copy that each key is to hold": (
        *(CLASSIFICATION, OLD, "value.copy() for", "value for"),
        "updated-before-use",
    ),
    "another name for what lacks its slope": (
        *(CLASSIFICATION, STEPS, "dZ2 = dA2 * slope2", "dZ2 = dA2"),
        "missing-output-derivative",
    ),
    "a switch that is left as it is": (
        *(CLASSIFICATION, STEPS, "act(A1, slope=True)", "act(A1)"),
        "wrong-activation-derivative",
    ),
    "an entry for a row": (
        *(CLASSIFICATION, STEPS, "dZ1[unit, 0] * X[:, 0]", "dZ1[unit, 0] * X[unit, 0]"),
        "wrong-index",
    ),
    "a step too many": (
        *(REGRESSION, NAMES, "W2 = parameters['W2']\n", f"{TWICE}\n"),
        "extra-term",
    ),
    "a name of another shape": (
        *(CLASSIFICATION, AT_LAST, "- eta * db2", "- eta * db1"),
        "wrong-name",
    ),
    "what all is made of that lacks a factor": (
        *(CLASSIFICATION, ANEW, "dZ2 = dA2 * y_hat * (1 - y_hat)", "dZ2 = dA2"),
        "missing-factor",
    ),
    "entries of a product in a method": (
        *(REGRESSION, CLASS, "x @ delta1.T, delta1", "x * delta1, delta1"),
        "wrong-index",
    ),
    "a round less than there are layers": (
        *(CLASSIFICATION, LAYERS, "for l in [1, 2]:", "for l in [1]:"),
        "not-updated",
    ),
    "a key that is one layer's": (
        *(REGRESSION, ROW, "= parameters[f'b{l}'] - 0.01", "= parameters['b2'] - 0.01"),
        "wrong-source-entry",
    ),
    "an error of what is handed over": (
        *(CLASSIFICATION, HELPER),
        "grads = gradients(parameters, y, y_hat, A1, X)",
        "grads = gradients(parameters, y, y, A1, X)",
        "nothing-updated",
    ),
    "an index in a loop that stops": (
        *(CLASSIFICATION, LAYERS, "slope(values[l])", "slope(values[l-1])"),
        "extra-term",
    ),
}
"""Mistakes that show elsewhere: where a function is called, or a step is made."""


@pytest.mark.parametrize("made", THERE.values(), ids=THERE)
def test_a_mistake_is_located_where_it_is_made(diagnosed, made: Made) -> None:
    """Its consequences are in other lines."""
    task, body, was, now, code = made
    right = homework(task, body)
    assert right.count(was) == 1
    (finding,) = after_exceptions(diagnosed(right.replace(was, now), task).findings)
    assert finding.place is not None
    line = right[: right.index(was)].count("\n") + 1
    assert (finding.mistake, finding.place.line) == (code, line)


HALF = """
def gradients(parameters, y, y_hat, A1, X):
    diff = y_hat - y
    back = 2 * diff * parameters['W2']
    return {'W2': 2 * diff * A1, 'b2': 2 * diff, 'W1': X @ back.T, 'b1': back}

def update_parameters(parameters, y, y_hat, A1, X):
    rates = {'W1': 0.001, 'b1': 0.01, 'W2': 0.001, 'b2': 0.01}
    grads = gradients(parameters, y, y_hat, A1, X)
    for key in parameters:
        parameters[key] = parameters[key] - rates[key] * grads[key]
"""

TWO: dict[str, Made] = {
    "one in a method": (
        *(REGRESSION, CLASS, "x @ delta1.T, delta1", "x @ delta1.T, delta2"),
        "0.001 * self.dW1",
    ),
    "one in a function": (
        *(CLASSIFICATION, LAYERS, "return a * (1 - a)", "return 1 - a"),
        "RATE_W, RATE_B = 0.001",
    ),
    "one before two parameters": (
        *(REGRESSION, HALF, "back = 2 * diff", "back = diff"),
        "'W1': 0.001",
    ),
}
"""The last one is a rate, which is another one."""


@pytest.mark.parametrize("made", TWO.values(), ids=TWO)
def test_one_of_two_mistakes_is_located(diagnosed, made: Made) -> None:
    """The other mistake is a rate."""
    task, body, was, now, rate = made
    right = homework(task, body)
    wrong = right.replace(was, now).replace(rate, rate.replace("0.001", "0.01"))
    places = [each.place for each in diagnosed(wrong, task).findings]
    assert right[: right.index(was)].count("\n") + 1 in {place.line for place in places if place}


EXCHANGED = """
def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y_hat - y)
    back = parameters['W2'] * e
    g11 = back[0][0] * X[0][0]
    g21 = back[0][0] * X[1][0]
    g12 = back[1][0] * X[0][0]
    g22 = back[1][0] * X[1][0]
    parameters['W2'] -= 0.001 * e * A1
    parameters['b2'] -= 0.01 * e
    parameters['W1'][0][0] -= 0.001 * g11
    parameters['W1'][0][1] -= 0.001 * g21
    parameters['W1'][1][0] -= 0.001 * g12
    parameters['W1'][1][1] -= 0.001 * g22
    parameters['b1'] -= 0.01 * back
"""


def test_exchanged_steps_are_located(diagnosed) -> None:
    """The gradients are right, but each steps another entry."""
    text = homework(REGRESSION, EXCHANGED)
    (finding,) = diagnosed(text, REGRESSION).findings
    lines = text.split("\n")
    told = {
        name
        for name in ("g11", "g12", "g21", "g22")
        for place in finding.places
        if name in lines[place.line - 1]
    }
    assert (finding.mistake, len(finding.places), told) == ("swapped-index", 2, {"g12", "g21"})


FLAT = """
def update_parameters(parameters, y, y_hat, A1, X):
    X, A1 = np.ravel(X), np.ravel(A1)
    d2 = np.ravel(y_hat) - y
    d1 = parameters['W2'] @ d2 * A1 * (1 - A1)
    steps = {'W2': np.outer(A1, d2), 'b2': d2, 'W1': np.outer(X, d1), 'b1': d1}
    rates = {'W': 0.001, 'b': 0.01}
    return {name: value - rates[name[0]] * steps[name] for name, value in parameters.items()}
"""

OF_FLAT = {
    "another name": ("'b1': d1", "'b1': d2", {"wrong-name"}),
    "a function too many": (
        "np.ravel(y_hat) - y",
        "np.exp(np.ravel(y_hat) - y)",
        {"extra-function"},
    ),
    "outside of the activation": (
        *("sigmoid(np.ravel(A) @ W + b)", "sigmoid(np.ravel(A) @ W) + b"),
        {"wrong-brackets"},
    ),
}


@pytest.mark.parametrize("made", OF_FLAT.values(), ids=OF_FLAT)
def test_mistakes_with_flat_vectors_are_located(diagnosed, made: tuple[str, str, set[str]]) -> None:
    """The repair gives the line that the numbers do not give."""
    was, now, codes = made
    right = homework(CLASSIFICATION, FLAT, "flat")
    assert right.count(was) == 1
    findings = diagnosed(right.replace(was, now), CLASSIFICATION).findings
    assert {each.mistake for each in findings} == codes
    places = {each.place.line for each in findings if each.place}
    assert places == {right[: right.index(was)].count("\n") + 1}
    assert all(each.fix for each in findings)


def test_transposed_initial_weights_are_the_mistake(diagnosed) -> None:
    """The forward pass and the update fit the right shape."""
    text = homework(CLASSIFICATION, HELPER).replace("np.ones((n, m))", "np.ones((m, n))")
    result = diagnosed(text, CLASSIFICATION)
    (finding,) = result.findings
    assert (finding.check, finding.mistake) == ("interface", "wrong-transpose")
    assert [each.check for each in result.checks if each.state != "pass"] == ["interface"]


def test_flat_initial_biases_are_the_mistake(diagnosed) -> None:
    """The forward pass and the update fit columns."""
    text = homework(CLASSIFICATION, ENTRIES).replace("np.zeros((m, 1))", "np.zeros(m)")
    text = text.replace("np.dot(W.T, A) + b", "np.einsum('ij,ik->jk', W, A) + b")
    result = diagnosed(text, CLASSIFICATION)
    (finding,) = result.findings
    assert (finding.check, finding.mistake) == ("interface", "wrong-shape")
    assert [each.check for each in result.checks if each.state != "pass"] == ["interface"]


def test_a_transposed_forward_pass_is_the_mistake(diagnosed) -> None:
    """The initial weights and the update fit the right shape."""
    text = homework(CLASSIFICATION, HELPER).replace("np.dot(W.T, A) + b", "np.dot(W, A) + b")
    findings = diagnosed(text, CLASSIFICATION).findings
    assert {each.check for each in findings} == {"forward"}


LINES = """
def update_parameters(parameters, y, y_hat, A1, X):
    diff = y_hat - y
    slope = A1 * (1 - A1)
    back = diff * parameters['W2'] * slope
    W2, b2 = A1 * diff, diff
    W1 = np.dot(X, back.T)
    b1 = back
    parameters['W1'] = parameters['W1'] - 0.001 * W1
    parameters['b1'] = parameters['b1'] - 0.01 * b1
    parameters['W2'] = parameters['W2'] - 0.001 * W2
    parameters['b2'] = parameters['b2'] - 0.01 * b2
"""


ENTERED = ("- 0.001 * W2", "- 0.001 ** W2")
COMPANY: dict[str, tuple[str, str, tuple[str, str], tuple[str, str]]] = {
    "one name for many": (CLASSIFICATION, LINES, ("(X, back.T)", "(X, A1.T)"), ENTERED),
    "a start and a pass": (
        *(CLASSIFICATION, LINES),
        *(
            ("np.ones((n, m)) * 0.1", "np.random.randn(n, m)"),
            ("['b' + str(l)])", "['b' + str(2)])"),
        ),
    ),
    "two of a forward pass": (
        *(CLASSIFICATION, LINES),
        *(("(parameters) // 2 + 1", "(parameters) // 2"), ("np.dot(W.T, A)", "np.dot(W, A)")),
    ),
}
"""Task, a right body, and two changes of what is made of it."""


@pytest.mark.parametrize("made", COMPANY.values(), ids=COMPANY)
def test_each_of_two_mistakes_is_located(diagnosed, made) -> None:
    """Each has one finding, with a repair or a name."""
    task, body, *changes = made
    text = right = homework(task, body)
    for was, now in changes:
        assert right.count(was) == 1
        text = text.replace(was, now)
    lines = {right[: right.index(was)].count("\n") + 1 for was, _ in changes}
    findings = diagnosed(text, task).findings
    assert len(findings) == 2
    assert {each.place.line for each in findings if each.place} == lines


def test_a_missing_step_is_located_beside_another_mistake(diagnosed) -> None:
    """The search has the budget of both mistakes."""
    gone = "    parameters['b1'][1][0] += 0.01 * e * w1 * 1.0\n"
    text, line = text_of(REGRESSION, "entry by entry", gone, "")
    text = text.replace("parameters['W2'][0][0] += 0.001", "parameters['W2'][0][0] += 0.003")
    missing, other = diagnosed(text, REGRESSION).findings
    assert (missing.mistake, other.source[:21]) == ("not-updated", "parameters['W2'][0][0]"[:21])
    assert missing.adds is not None
    assert line - 1 <= missing.adds


def test_a_small_change_comes_before_a_rewritten_line(diagnosed) -> None:
    """Writing out the step again would be right too."""
    text = homework(REGRESSION, ROW).replace("2 * (y_hat - y)", "2 * y_hat - y")
    findings = diagnosed(text.replace("[X, A1]", "[A1, X]"), REGRESSION).findings
    assert {each.mistake for each in findings} == {"wrong-brackets", "wrong-constant"}
    assert any("inputs[l - 2]" in each.fix for each in findings)


ANEW = """
def slope(Z):
    A = sigmoid(Z)
    return A * (1 - A)

def update_parameters(parameters, y, y_hat, A1, X):
    W1, b1, W2, b2 = (parameters[name] for name in ('W1', 'b1', 'W2', 'b2'))
    dA2 = -(y / y_hat) + (1 - y) / (1 - y_hat)
    dZ2 = dA2 * y_hat * (1 - y_hat)
    dA1 = np.dot(W2, dZ2)
    dZ1 = dA1 * slope(np.dot(W1.T, X) + b1)
    parameters['W1'] = W1 - 0.001 * np.dot(X, dZ1.T)
    parameters['b1'] = b1 - 0.01 * dZ1
    parameters['W2'] = W2 - 0.001 * A1 * dZ2
    parameters['b2'] = b2 - 0.01 * dZ2
"""


def test_a_recomputed_layer_is_no_mistake_of_its_own(diagnosed) -> None:
    """The hidden layer is computed again, which has no name; the finding is the wrong sign."""
    right = homework(CLASSIFICATION, ANEW)
    wrong = right.replace("-(y / y_hat) + (1", "(y / y_hat) - (1")
    assert wrong != right
    (finding,) = diagnosed(wrong, CLASSIFICATION).findings
    assert finding.mistake == "wrong-sign"
    assert finding.fix == "dA2 = (1 - y) / (1 - y_hat) - y / y_hat"


BY_NUMBER = """
def update_parameters(parameters, y, y_hat, A1, X):
    inputs = {1: X, 2: A1}
    delta = y_hat - y
    steps = {}
    for l in (2, 1):
        steps[f'W{l}'] = inputs[l] @ delta.T
        steps[f'b{l}'] = delta
        delta = parameters[f'W{l}'] @ delta
        if l == 2:
            delta = delta * A1 * (1 - A1)
    for name, step in steps.items():
        parameters[name] = parameters[name] - (0.001 if name[0] == 'W' else 0.01) * step
"""


def test_values_of_a_dict_can_be_exchanged(diagnosed) -> None:
    """They are repaired like the values of a list."""
    right = homework(CLASSIFICATION, BY_NUMBER.replace("y_hat - y", "np.array([[y_hat - y]])"))
    assert not diagnosed(right, CLASSIFICATION).findings
    wrong = right.replace("{1: X, 2: A1}", "{1: A1, 2: X}")
    (finding,) = diagnosed(wrong, CLASSIFICATION).findings
    assert (finding.mistake, finding.fix) == ("wrong-layer-input", "inputs = {1: X, 2: A1}")


MOVED = """
def moved(value, gradient, rate):
    value = value - rate * gradient
    return value

def update_parameters(parameters, y, y_hat, A1, X):
    d2 = y_hat - y
    d1 = parameters['W2'] * d2 * A1 * (1 - A1)
    for name, step in {'W2': A1 * d2, 'b2': d2, 'W1': X @ d1.T, 'b1': d1}.items():
        parameters[name] = moved(parameters[name], step, 0.001 if name[0] == 'W' else 0.01)
"""


def test_a_helper_without_a_return_is_the_mistake(diagnosed) -> None:
    """The verdict says only that the value is missing."""
    right = homework(CLASSIFICATION, MOVED)
    assert not diagnosed(right, CLASSIFICATION).findings
    result = diagnosed(right.replace("    return value\n", ""), CLASSIFICATION)
    assert "found None" in next(each.message for each in result.checks if each.check == "update")
    # The loop hands None to the forward pass, which stops: that is another check.
    missing, crash = result.findings
    assert (missing.mistake, missing.fix) == ("missing-return", "return value")
    assert missing.check == "update"
    assert (crash.mistake, crash.check) == ("crash", "trajectory")
