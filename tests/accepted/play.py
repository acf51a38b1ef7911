"""Run a submission as its entry says, without gradkit, to verify the facts of the entry."""

import ast
import contextlib
import copy
import io
import re

import numpy as np
import pytest
from accepted.entry import Accepted
from model_solutions import NAMES, draw, load

OTHERS = {"regression": "classification", "classification": "regression"}


def texts(entry: Accepted, source) -> list[str]:
    """Return the cells that make an entry's namespace, those of other sections first."""
    if isinstance(source, str):
        return [source]
    problem, framework = entry.task.split("-")
    path, own, other = [], [], []
    for kind, text in source:
        if kind == "markdown" and text.startswith("#"):
            level = len(text) - len(text.lstrip("#"))
            path = [*path[: level - 1], text.splitlines()[0].lower()]
        elif kind == "code":
            place = " ".join(path)
            strange = OTHERS[problem] in place or (framework == "numpy" and "pytorch" in place)
            (other if strange else own).append(text)
    if framework == "torch":  # what loops at top level must not run twice
        other = ["\n".join(re.findall(r"(?m)^(?:import|from) .*$", text)) for text in other]
    return other + own


def is_training(node: ast.stmt) -> bool:
    """Return whether a top-level statement is a torch training loop."""
    return isinstance(node, ast.For) and ".backward()" in ast.unparse(node)


def namespace(entry: Accepted, source, put_in: dict | None = None) -> dict:
    """Run a submission's definitions and assignments; skip failing statements and loops.

    With ``put_in``, a torch loop runs with these values in place of the student's own.
    """
    found: dict = {"__name__": "submission"}
    for text in texts(entry, source):
        clean = re.sub(r"(?m)^[%!?].*$", "", text)
        try:
            body = ast.parse(clean).body
        except SyntaxError:
            continue
        for node in body:
            if isinstance(node, ast.Expr | ast.For) and not (put_in and is_training(node)):
                continue
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                exec(compile(ast.Module([node], []), entry.id, "exec"), found)
            found.update(put_in or {})
    return found


def laid_out(entry: Accepted, name: str, value: np.ndarray) -> np.ndarray:
    """Return a canonical array in the student's layout."""
    if name[0] == "W":
        return value.T.copy() if entry.weights == "out_in" else value.copy()
    if name[0] == "b":
        return value.T.copy() if entry.vectors == "row" else value.copy()
    if name == "X" and entry.inputs == "series":
        return pytest.importorskip("pandas").Series(value.ravel(), ["cgpa", "resume_score"])
    return {"row": value.T, "flat": value.ravel(), "column": value}[entry.vectors]


def at(returned, way):
    """Return the value at the end of a path into a returned object."""
    for step in way:
        returned = returned[step]
    return returned


def as_column(value: np.ndarray) -> np.ndarray:
    """Convert a row or a flat array to a column."""
    return np.reshape(value, (-1, 1))


def quantities(entry: Accepted, found: dict, probe, rate: float | None) -> dict[str, np.ndarray]:
    """Run a submission's forward and update at one probe, and return canonical results."""
    names = {"forward": "L_layer_forward", "update": "update_parameters"} | dict(entry.functions)
    reference = load(entry.task.replace("-", "_"))
    y_hat, A1 = reference.L_layer_forward(probe.X, probe.parameters)
    keys = dict(zip(NAMES, entry.keys, strict=True))
    parameters = {keys[name]: laid_out(entry, name, probe.parameters[name]) for name in NAMES}
    before = copy.deepcopy(parameters)
    X = laid_out(entry, "X", probe.X)
    with contextlib.redirect_stdout(io.StringIO()):
        returned = found[names["forward"]](X, parameters)
    seen = {"output": as_column(at(returned, entry.output))}
    if entry.hidden is not None:
        seen["hidden"] = as_column(at(returned, entry.hidden))
    assert all(np.array_equal(before[key], parameters[key]) for key in before)
    offered = {
        "parameters": parameters,
        "y": probe.y,
        "y_hat": y_hat if entry.scalars == "matrix" else y_hat.item(),
        "A1": laid_out(entry, "A1", A1),
        "X": X,
        "rate": rate,
    }
    returned = found[names["update"]](*(offered[kind] for kind in entry.arguments))
    if entry.changes == "new dict":
        assert all(np.array_equal(before[key], parameters[key]) for key in before)
        parameters = returned
    else:
        assert returned is (parameters if entry.changes == "same dict" else None)
    for name in NAMES:
        turned = (name[0] == "W" and entry.weights == "out_in") or (
            name[0] == "b" and entry.vectors == "row"
        )
        seen[name] = parameters[keys[name]].T if turned else parameters[keys[name]]
    return seen


def expected(entry: Accepted, probe, rate: float | None) -> dict[str, np.ndarray]:
    """Return the model solution's results, with ``rate`` for all entries if it is given."""
    reference = load(entry.task.replace("-", "_"))
    y_hat, A1 = reference.L_layer_forward(probe.X, probe.parameters)
    parameters = copy.deepcopy(probe.parameters)
    reference.update_parameters(parameters, probe.y, y_hat.item(), A1, probe.X)
    if rate is not None:
        for name in NAMES:
            usual = reference.WEIGHT_RATE if name[0] == "W" else reference.BIAS_RATE
            step = (parameters[name] - probe.parameters[name]) * rate / usual
            parameters[name] = probe.parameters[name] + step
    return {"output": y_hat, "hidden": A1, **parameters}


def differing(found: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> set[str]:
    """Return the names of found arrays that differ from the right ones, in shape or value."""
    return {
        name
        for name, value in found.items()
        if value.shape != right[name].shape
        or not np.allclose(value, right[name], rtol=1e-10, atol=1e-13)
    }


def torch_run(entry: Accepted, names_with, seed: int) -> dict[str, np.ndarray]:
    """Return output, parameters after 1, 2 and 6 epochs, and losses, in float64.

    ``names_with(put_in)`` gives the submission's namespace, its loop run with ``put_in``.
    """
    torch = pytest.importorskip("torch")
    problem = entry.task.split("-")[0]
    probe, rows = draw(problem, seed), [draw(problem, seed + shift) for shift in range(4)]
    X = torch.from_numpy(np.hstack([row.X for row in rows]).T)
    y = torch.tensor([row.y for row in rows], dtype=torch.float64)

    def fresh():
        made = names_with(None)[entry.model]
        model = (made() if isinstance(made, type) else made).double()
        linear = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
        with torch.no_grad():
            for number, layer in enumerate(linear, 1):
                layer.weight.copy_(torch.from_numpy(probe.parameters[f"W{number}"].T))
                layer.bias.copy_(torch.from_numpy(probe.parameters[f"b{number}"].ravel()))
            for name, value in probe.parameters.items() if not linear else ():
                parameter = getattr(model, name)
                parameter.copy_(torch.from_numpy(value).reshape(parameter.shape))
        return model

    def held(model):
        by_hand = {name for name, _ in model.named_parameters()} == set(probe.parameters)
        for name, parameter in model.named_parameters():
            value = parameter.detach().numpy()
            yield (value.T if by_hand and name[0] == "W" else value).ravel()

    found = {"output": fresh()(X).detach().numpy().ravel()}
    for epochs in (1, 2, 6):
        model = fresh()
        offered = {"model": model, "X": X, "y": y, "epochs": epochs}
        if entry.loop:
            offered["y"] = y.reshape(-1, 1) if entry.targets == "column" else y
            # A loop may say range(20): the number of epochs is put in there too.
            offered |= {"num_epochs": epochs, "range": lambda _, n=epochs: iter(range(n))}
            losses = names_with(offered).get(entry.losses)
        else:
            offered["lr"] = {"regression": 0.001, "classification": 0.01}[problem]
            train = names_with(None)[entry.functions.get("train", "train")]
            losses = train(*(offered[kind] for kind in entry.arguments))
        found[f"after {epochs}"] = np.concatenate(list(held(model)))
        if losses is not None:
            found[f"losses {epochs}"] = np.array(losses)
    return found
