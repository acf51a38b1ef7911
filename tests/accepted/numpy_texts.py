"""numpy submissions that differ in one respect, built from one text.

`NUMPY_OPTIONS` names the respects: what functions, arguments and keys are called, how
arrays lie, what forward returns, what update does to its dict, what it takes for ŷ.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent, indent

from accepted.entry import PROBLEMS, Accepted, spoil

KEYS = ("W1", "b1", "W2", "b2")

ROLES = {
    "initialise": "initialise_parameters",
    "layer": "linear_forward",
    "forward": "L_layer_forward",
    "update": "update_parameters",
}
ARGUMENTS = {"parameters": "parameters", "y": "y", "y_hat": "y_hat", "A1": "A1", "X": "X"}

SHAPES = {  # (weights, vectors): shape of W, shape of b, a layer's sum
    ("in_out", "column"): ("(dim[l-1], dim[l])", "(dim[l], 1)", "np.dot(W.T, {A}) + b"),
    ("out_in", "column"): ("(dim[l], dim[l-1])", "(dim[l], 1)", "W @ {A} + b"),
    ("in_out", "row"): ("(dim[l-1], dim[l])", "(1, dim[l])", "{A} @ W + b"),
    ("in_out", "flat"): ("(dim[l-1], dim[l])", "(dim[l], 1)", "{A}.dot(W) + b.ravel()"),
}
GRADIENTS = {  # dW2, db2, error sent back, dW1, db1
    ("in_out", "column"): ("{A1} * d2", "d2", "{W2} * d2", "np.dot({X}, d1.T)", "d1"),
    ("out_in", "column"): ("({A1} * d2).T", "d2", "{W2}.T * d2", "d1 @ {X}.T", "d1"),
    ("in_out", "row"): ("({A1} * d2).T", "d2", "{W2}.T * d2", "{X}.T @ d1", "d1"),
    ("in_out", "flat"): (
        "{A1}.reshape(2, 1) * d2",
        "d2",
        "{W2}.ravel() * d2",
        "np.outer({X}, d1)",
        "d1.reshape(2, 1)",
    ),
}
MATRIX_GRADIENTS = ("{A1} @ d2.T", "d2", "{W2} @ d2", "{X} @ d1.T", "d1")

RETURNS = {  # text after `return`
    "pair": "A2, A1",
    "output": "A2",
    "cache-dict": 'A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}',
    "cache-list": "A2, [(X, W1, b1, Z1), (A1, W2, b2, Z2)]",
    "quadruple": "Z1, A1, Z2, A2",
    "quadruple-output-first": "A2, A1, Z2, Z1",
}

SIGMOID = """
def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))
"""


def _called(activation: str, argument: str) -> str:
    return f"{activation}({argument})" if activation else argument


def _forward_text(
    *,
    activate: str,
    total: str,
    names: Mapping[str, str],
    returns: str,
    x: str,
    p: str,
    keys: tuple[str, ...],
) -> str:
    if returns == "pair":
        W, b = keys[0][0], keys[1][0]
        loop = f"""
            def {names["layer"]}(A_prev, W, b):
                return {_called(activate, total.format(A="A_prev"))}

            def {names["forward"]}({x}, {p}):
                A = {x}
                for l in range(1, len({p}) // 2 + 1):
                    A_prev = A
                    A = {names["layer"]}(A_prev, {p}["{W}" + str(l)], {p}["{b}" + str(l)])
                return A, A_prev
            """
        return dedent(loop)
    lines = [f"W{n}, b{n} = {p}['{keys[2 * n - 2]}'], {p}['{keys[2 * n - 1]}']" for n in (1, 2)]
    for n, entering in ((1, x), (2, "A1")):
        Z = total.format(A=entering).replace("W", f"W{n}").replace("+ b", f"+ b{n}")
        lines += [f"Z{n} = {Z}", f"A{n} = {_called(activate, f'Z{n}')}"]
    lines.append(f"return {RETURNS[returns].replace('X', x)}")
    return f"\ndef {names['forward']}({x}, {p}):\n" + indent("\n".join(lines), "    ") + "\n"


def _update_text(
    *,
    gradients: tuple[str, ...],
    derivative: str,
    factor: str,
    name: str,
    words: Mapping[str, str],
    keys: tuple[str, ...],
    changes: str,
) -> str:
    p, y, y_hat, A1, X = (words[kind] for kind in ARGUMENTS)
    rate = words["rate"].split("=")[0] if "rate" in words else None
    known = {"A1": A1, "X": X, "W2": f"{p}['{keys[2]}']"}
    dW2, db2, back, dW1, db1 = (text.format(**known) for text in gradients)
    lines = [
        f"d2 = {factor}({y} - {y_hat})",
        f"dW2 = {dW2}",
        f"db2 = {db2}",
        f"d1 = {back}{derivative.format(A1=A1)}",
        f"dW1 = {dW1}",
        f"db1 = {db1}",
    ]
    steps = {
        key: f"{rate or ('0.001' if ours[0] == 'W' else '0.01')} * d{ours}"
        for ours, key in zip(KEYS, keys, strict=True)
    }
    if changes == "new dict":
        moved = [f"    '{key}': {p}['{key}'] - {step}," for key, step in steps.items()]
        lines += ["return {", *moved, "}"]
    elif changes == "copied dict":
        lines += [f"new = copy.deepcopy({p})"]
        lines += [f"new['{key}'] -= {step}" for key, step in steps.items()]
        lines += ["return new"]
    elif changes == "rebound":
        lines += [f"{p}['{key}'] = {p}['{key}'] - {step}" for key, step in steps.items()]
    else:
        lines += [f"{p}['{key}'] -= {step}" for key, step in steps.items()]
        lines += [f"return {p}"] if changes == "same dict" else []
    return f"\ndef {name}({', '.join(words.values())}):\n" + indent("\n".join(lines), "    ") + "\n"


ENTRYWISE = {
    "regression": ("2 * (y - y_hat)", ""),
    "classification": ("(y - y_hat)", " * A1[{j}][0] * (1 - A1[{j}][0])"),
}


def _entrywise_update(problem: str) -> str:
    """Entry by entry, in the manner of the notebook: only a number can be ŷ here."""
    error, derivative = ENTRYWISE[problem]
    lines = [f"error = {error}", "w = [parameters['W2'][0][0], parameters['W2'][1][0]]"]
    for j in (0, 1):
        entry = f"parameters['W2'][{j}][0]"
        lines += [f"{entry} = {entry} + 0.001 * error * A1[{j}][0]"]
    lines.append("parameters['b2'][0][0] = parameters['b2'][0][0] + 0.01 * error")
    for j in (0, 1):
        d = f"error * w[{j}]{derivative.format(j=j)}"
        for i in (0, 1):
            entry = f"parameters['W1'][{i}][{j}]"
            lines.append(f"{entry} = {entry} + 0.001 * {d} * X[{i}][0]")
        entry = f"parameters['b1'][{j}][0]"
        lines.append(f"{entry} = {entry} + 0.01 * {d}")
    body = indent("\n".join(lines), "    ")
    return f"\ndef update_parameters(parameters, y, y_hat, A1, X):\n{body}\n"


def numpy_text(
    problem: str,
    *,
    roles: Mapping[str, str] = ROLES,
    words: Mapping[str, str] = ARGUMENTS,
    keys: tuple[str, ...] = KEYS,
    weights: str = "in_out",
    vectors: str = "column",
    returns: str = "pair",
    changes: str = "in place",
    style: str = "arrays",
    inputs: str = "array",
    made: str = "",
) -> str:
    """Return the source of a correct numpy submission in the given conventions.

    ``words`` are the student's names for what update takes, in order, a rate's default
    included. ``style`` is ``arrays``, ``matrix`` (ŷ must be (1, 1)) or ``entries`` (ŷ
    must be a number). ``made`` is a way of `MADE` in which update comes to its name.
    """
    activate = "sigmoid" if problem == "classification" else ""
    shape_W, shape_b, total = SHAPES[weights, vectors]
    initialise = dedent(f"""
        def {roles["initialise"]}(dim):
            parameters = {{}}
            for l in range(1, len(dim)):
                parameters["{keys[0][0]}" + str(l)] = np.ones({shape_W}) * 0.1
                parameters["{keys[1][0]}" + str(l)] = np.zeros({shape_b})
            return parameters
        """)
    forward = _forward_text(
        activate=activate,
        total=total,
        names=roles,
        returns=returns,
        x=words["X"],
        p=words["parameters"],
        keys=keys,
    )
    if style == "entries":
        update = _entrywise_update(problem)
    else:
        update = _update_text(
            gradients=MATRIX_GRADIENTS if style == "matrix" else GRADIENTS[weights, vectors],
            derivative=" * {A1} * (1 - {A1})" if activate else "",
            factor="-" if activate else "-2 * ",
            name=roles["update"],
            words=words,
            keys=keys,
            changes=changes,
        )
    if inputs == "series":
        taken = f"    {words['X']} = {words['X']}.to_numpy().reshape(2, 1)\n"
        forward = forward.replace("parameters):\n", "parameters):\n" + taken)
        update = update.replace("X):\n", "X):\n" + taken)
    imports = "import numpy as np\n" + ("import copy\n" if changes == "copied dict" else "")
    text = imports + initialise + (SIGMOID if activate else "") + forward + update
    return _made(text, roles["update"], made) if made else text


MADE = {  # how the update function comes to its name: its `def` line, what stands around it
    "factory": ("def {name}(", "def make():\n{text}    return {name}\n\n{name} = make()\n"),
    "static-method": (
        "@staticmethod\ndef {name}(",
        "class Net:\n{text}\n{name} = Net.{name}\n",
    ),
    "bound-method": (
        "def {name}(self, ",
        "class Net:\n{text}\nnet = Net()\n{name} = net.{name}\n",
    ),
    "callable-object": ("def __call__(self, ", "class Step:\n{text}\n{name} = Step()\n"),
    "partial": (
        "def step(scale, ",
        "from functools import partial\n\n{text}\n{name} = partial(step, 1.0)\n",
    ),
}


def _made(text: str, name: str, way: str) -> str:
    """Return a submission whose update function is defined in another way than by `def`."""
    head, around = MADE[way]
    above, below = text.split(f"def {name}(")
    function = indent(head.format(name=name) + below, "    ")
    if way == "partial":
        function = dedent(function).replace("0.001 * ", "0.001 * scale * ")
    return above + around.format(name=name, text=function)


WRONG_STEP = (  # the sign of W1's step, as it stands in each kind of update
    ("'{W1}'] -= ", "'{W1}'] += "),
    ("'{W1}': {p}['{W1}'] - ", "'{W1}': {p}['{W1}'] + "),
    ("'{W1}'] = {p}['{W1}'] - ", "'{W1}'] = {p}['{W1}'] + "),
    ("'W1'][0][1] + 0.001", "'W1'][0][1] - 0.001"),
)


def _wrong_step(text: str, p: str, W1: str) -> str:
    for right, wrong in WRONG_STEP:
        if (told := right.format(W1=W1, p=p)) in text:
            return spoil(text, told, wrong.format(W1=W1, p=p))
    raise AssertionError("no step of W1 was found")


WRONG_TOTAL = (
    (" + b.ravel()", ""),
    (" + b2.ravel()", ""),
    (" + b)\n", ")\n"),
    (" + b\n", "\n"),
    (" + b2\n", "\n"),
)


def _wrong_total(text: str) -> str:
    """Leave out the bias, in both layers or, if each is written out, in the second."""
    for right, wrong in WRONG_TOTAL:
        if right in text:
            return spoil(text, right, wrong)
    raise AssertionError("no bias was found")


def numpy_entry(problem: str, name: str, spoilt: str = "update", **options: object) -> Accepted:
    """Return an entry whose text is `numpy_text` with ``options``."""
    text = numpy_text(problem, **options)
    words, keys = options.get("words", ARGUMENTS), options.get("keys", KEYS)
    twin = (
        _wrong_total(text)
        if spoilt == "forward"
        else _wrong_step(text, words["parameters"], keys[0])
    )
    return Accepted(name, f"{problem}-numpy", text, twin, spoilt)


def named(initialise: str, forward: str, update: str) -> dict[str, object]:
    """Return the options of `numpy_text` for other function names."""
    return {"roles": ROLES | {"initialise": initialise, "forward": forward, "update": update}}


def worded(*words: str, rate: str | None = None) -> dict[str, object]:
    """Return options for other names of (parameters, y, ŷ, A1, X), and a rate at the end."""
    pairs = dict(zip(ARGUMENTS, words, strict=True)) if words else ARGUMENTS
    return {"words": pairs | ({"rate": rate} if rate else {})}


NUMPY_OPTIONS: dict[str, dict[str, object]] = {
    "as-asked": {},
    "names-american": named("initialize_parameters", "l_layer_forward", "update_params"),
    "names-short": named("initialize_params", "forward_propagation", "update_param"),
    "names-descriptive": named("initialize_parameters", "forward_pass", "update_weight_bias"),
    "names-capitalised": named("Initialise_Parameters", "Forward_Propagation", "Update_Parameters"),
    "names-shouted": named("INITIALIZE_PARAMETERS", "FORWARD_PASS", "UPDATE_PARAMS"),
    "arguments-underscored": worded("params", "y_", "y_prediction", "a1", "x_"),
    "arguments-of-a-course": worded("parameters", "y", "y_pred", "Al", "x"),
    "arguments-o-prev": worded("parameters", "y", "y_hat", "O_prev", "X"),
    "arguments-reordered": {
        "words": {kind: ARGUMENTS[kind] for kind in ("y", "y_hat", "A1", "X", "parameters")}
    },
    "rate-without-default": worded(rate="lr"),
    "rate-with-default": worded(rate="lr=0.001"),
    "rate-called-L": worded(rate="L"),
    "rate-called-L-with-default": worded(rate="L=0.01"),
    "rate-spelt-out": worded(rate="learning_rate=0.001"),
    "keys-small": {"keys": ("w1", "b1", "w2", "b2")},
    "keys-capital": {"keys": ("W1", "B1", "W2", "B2")},
    "layout-out-in": {"weights": "out_in"},
    "layout-rows": {"vectors": "row"},
    "layout-out-in-keys-small": {"weights": "out_in", "keys": ("w1", "b1", "w2", "b2")},
    "layout-rows-new-dict": {"vectors": "row", "changes": "new dict"},
    "x-flat": {"vectors": "flat"},
    "x-dataframe-row": {"inputs": "series"},
    "returns-output": {"returns": "output", "spoilt": "forward"},
    "returns-cache-dict": {"returns": "cache-dict", "spoilt": "forward"},
    "returns-cache-list": {"returns": "cache-list", "spoilt": "forward"},
    "returns-quadruple": {"returns": "quadruple", "spoilt": "forward"},
    "returns-quadruple-output-first": {"returns": "quadruple-output-first", "spoilt": "forward"},
    "layout-rows-cache-dict": {"vectors": "row", "returns": "cache-dict", "spoilt": "forward"},
    "layout-out-in-output": {"weights": "out_in", "returns": "output", "spoilt": "forward"},
    "changes-rebound": {"changes": "rebound"},
    "changes-same-dict": {"changes": "same dict"},
    "changes-new-dict": {"changes": "new dict"},
    "changes-copied-dict": {"changes": "copied dict"},
    "scalars-only": {"style": "entries"},
    "matrices-only": {"style": "matrix"},
    "several-at-once": {
        **named("initialize_params", "Forward_Pass", "update_weight_bias"),
        "words": {
            "y": "y_",
            "y_hat": "y_pred",
            "A1": "a1",
            "X": "x",
            "parameters": "params",
            "rate": "lr",
        },
        "keys": ("w1", "b1", "w2", "b2"),
        "vectors": "row",
        "returns": "cache-dict",
        "changes": "new dict",
    },
    **{f"update-by-{way}": {"made": way} for way in MADE},
}


def numpy_entries() -> list[Accepted]:
    """All options for both problems."""
    return [
        numpy_entry(problem, name, **options)
        for problem in PROBLEMS
        for name, options in NUMPY_OPTIONS.items()
    ]
