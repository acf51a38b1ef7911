"""The starter of a task: definitions to be filled in, and a loop that runs them."""

from __future__ import annotations

from textwrap import dedent, fill, indent

from gradkit.authoring.new import words
from gradkit.records.task import Task
from gradkit.task.activations import ACTIVATIONS

MISSING = "raise NotImplementedError"


def starter(task: Task) -> str:
    """The starter file."""
    return "\n\n\n".join(
        [f'"""{_about(task)}"""\n\n{imports(task)}', *definitions(task), _main(task)]
    )


def imports(task: Task) -> str:
    """Return the imports of a task's code."""
    return (
        "import numpy as np" if task.framework == "numpy" else "import torch\nfrom torch import nn"
    )


def definitions(task: Task) -> list[str]:
    """Functions and classes, each with what is asked of it."""
    return _numpy(task) if task.framework == "numpy" else _torch(task)


def run(task: Task) -> str:
    """The training loop that shows what has been written."""
    return _run_numpy(task) if task.framework == "numpy" else _run_torch(task)


def _about(task: Task) -> str:
    file = f"``gradkit check {words.module(task)}.py``"
    _, h, o = words.sizes(task)
    if task.framework == "torch":
        head = (
            f"{words.heading(task)}: a {words.net(task)} network, trained on all examples at once."
        )
        rest = (
            f"{words.story(task)} Fill in the model and the training loop, run this file, then run"
        )
        return f"{head}\n\n{fill(f'{rest} {file}.', 88, break_on_hyphens=False)}\n"
    hidden, output = words.formulas(task)
    width = len(hidden) + 4
    count = words.COUNTS[len(_numpy(task))]
    ending = (
        f"The loss of one example is {words.LOSSES[task.loss]}. Fill in the {count} functions, "
    )
    ending += f"run this file, then run {file}."
    return "\n".join(
        [
            f"{words.heading(task)}: backpropagation by hand through a {words.net(task)} network.",
            "",
            words.story(task),
            "",
            f"    {hidden:{width}}hidden layer, {words.units(h, 'unit')}",
            f"    {output:{width}}output, {words.units(o, 'unit')}",
            "",
            *_filled(ending, 88),
            "",
        ]
    )


def _filled(text: str, width: int) -> list[str]:
    """Wrapped, with no break inside of what is typed."""
    marked = text.replace("gradkit check ", "gradkit\0check\0")
    return fill(marked, width, break_on_hyphens=False).replace("\0", " ").split("\n")


def _function(head: str, doc: str) -> str:
    body = indent(f'"""{dedent(doc).strip()}', "    ").rstrip()
    closing = '"""' if "\n" not in doc.strip() else '\n    """'
    return f"def {head}:\n{body}{closing}\n    {MISSING}"


def _numpy(task: Task) -> list[str]:
    n, h, o = words.sizes(task)
    weight, bias = words.begins(task)
    sign = ACTIVATIONS[task.layers[0].activation].sign if words.alike(task) else ""
    layer = f"{sign}(Wᵀ·A_prev + b)" if sign else "Wᵀ·A_prev + b"
    bare = "" if sign or _plain(task) else ", without its activation"
    made = [
        _function(
            "initialise_parameters(dim)",
            f"""
            Return a dict of starting parameters: every weight {weight:g}, every bias {bias:.1f}.

            ``dim`` lists the units per layer, input first: ``[{n}, {h}, {o}]``. The dict has
            ``W1`` of shape ({n}, {h}), ``b1`` ({h}, 1), ``W2`` ({h}, {o}) and ``b2`` ({o}, 1): a
            weight matrix is (inputs of the layer, units of the layer).
            """,
        )
    ]
    if "sigmoid" in words.activations(task):
        made.append(
            _function(
                "sigmoid(Z)",
                "Return σ(Z), entry by entry: near 0 for very negative Z, near 1 for very "
                "positive.",
            )
        )
    made.append(
        _function(
            "linear_forward(A_prev, W, b)",
            f"""
            Return the output of one layer, {layer}{bare}.

            ``A_prev`` is a column, what enters the layer; ``W`` and ``b`` belong to the layer.
            """,
        )
    )
    made.append(
        _function(
            "L_layer_forward(X, parameters)",
            f"""
            Run one example through all layers and return the pair ``(A, A_prev)``.

            ``X`` is a column of shape ({n}, 1). ``A`` is the prediction ŷ, shape ({o}, 1);
            ``A_prev`` is what entered the last layer, shape ({h}, 1). ``parameters`` is not
            changed.
            """,
        )
    )
    rules = "\n            ".join(_rules(task))
    made.append(
        _function(
            "update_parameters(parameters, y, y_hat, A1, X)",
            f"""
            Take one step of gradient descent for one example, changing ``parameters`` in place.

            ``y`` and ``y_hat`` are numbers, ``A1`` is the hidden layer ({h}, 1) and ``X`` the
            example ({n}, 1). Each entry moves by minus its learning rate times its gradient.

            {rules}
            """,
        )
    )
    return made


def _plain(task: Task) -> bool:
    return set(words.activations(task)) == {"linear"}


def _rules(task: Task) -> list[str]:
    """List what is graded, where it is needed."""
    rates, hidden = task.rates, task.layers[0].activation
    told = [
        f"- The learning rate is {rates.weight:g} for weights (W1, W2) and {rates.bias:g} for "
        "biases (b1, b2)."
    ]
    if task.loss == "squared_error":
        told += [
            "- The loss is (y − ŷ)², so its derivative by ŷ is −2(y − ŷ). Mind the factor 2.",
            *(
                [f"- The hidden layer's {hidden} has a derivative too."]
                if hidden != "linear"
                else []
            ),
        ]
    else:
        told += [
            "- The loss is the binary cross-entropy. Work out what remains of its derivative",
            "  once the output's sigmoid is taken into account, and what the hidden layer's",
            f"  {hidden} contributes.",
        ]
    return [
        *told,
        "- Compute all four gradients before you change any parameter: each of them belongs",
        "  to the parameters that made the prediction.",
    ]


def _torch(task: Task) -> list[str]:
    n, h, _ = words.sizes(task)
    last = "probability" if task.loss == "binary_cross_entropy" else "output"
    what = "probabilities" if last == "probability" else "predictions"
    flow = f"{words.units(n, 'input')} → {words.units(h, 'hidden unit')} → 1 {last}"
    loss = (
        "binary cross-entropy of probabilities" if last == "probability" else "mean squared error"
    )
    holds = " that\n    holds 0.0 and 1.0" if last == "probability" else ""
    ways = (
        f"Use plain stochastic gradient descent (``torch.optim.SGD``) at learning rate ``lr`` and "
        f"the {loss}. Every epoch is one step on all examples. Predictions have shape "
        "(examples, 1): bring both to one shape before you compare them."
    )
    text = (
        f"``X`` is a tensor of shape (examples, {n}), ``y`` one of shape (examples,){holds}. {ways}"
    )
    wrapped = indent(fill(" ".join(text.split()), 84, break_on_hyphens=False), "    ")
    return [
        f'''class Model(nn.Module):
    """{words.stack(task)}: {flow}."""

    def __init__(self):
        super().__init__()
        {MISSING}

    def forward(self, X):
        """Return the {what}, shape (examples, 1), for ``X`` of shape (examples, {n})."""
        {MISSING}''',
        f'''def train(model, X, y, epochs={task.epochs}, lr={task.rates.weight:g}):
    """Train ``model`` in place; return a list with the loss of each epoch before its step.

{wrapped}
    """
    {MISSING}''',
    ]


def _main(task: Task) -> str:
    return f'if __name__ == "__main__":\n{indent(run(task), "    ")}\n'


def _run_numpy(task: Task) -> str:
    *features, target = task.columns
    n, h, o = words.sizes(task)
    loss = {
        "squared_error": "(y - y_hat) ** 2",
        "binary_cross_entropy": "-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)",
    }[task.loss]
    return f"""examples = np.array({words.literal(task.X)})  # {", ".join(features)}
targets = np.array({words.literal(task.y[:, 0])})  # {target}

parameters = initialise_parameters([{n}, {h}, {o}])
for epoch in range({task.epochs}):
    losses = []
    for example, y in zip(examples, targets, strict=True):
        X = example.reshape({n}, 1)
        y_hat, A1 = L_layer_forward(X, parameters)
        y_hat = y_hat.item()
        losses.append({loss})
        update_parameters(parameters, y, y_hat, A1, X)
    print("epoch", epoch + 1, "loss", np.mean(losses))"""


def _run_torch(task: Task) -> str:
    *features, target = task.columns
    printed = 'print("epoch", epoch, "loss", loss)'
    if task.epochs > 20:
        printed = f"if epoch % 10 == 0:\n        {printed}"
    return f"""X = torch.tensor({words.literal(task.X, floats=True)})  # {", ".join(features)}
y = torch.tensor({words.literal(task.y[:, 0], floats=True)})  # {target}
for epoch, loss in enumerate(train(Model(), X, y)):
    {printed}"""
