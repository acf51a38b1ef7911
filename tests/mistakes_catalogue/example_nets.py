"""Build the nets of the catalogue's examples, and differentiate them numerically.

Nothing here is derived by hand: what an example should give is a forward pass, a central
difference of the loss through it, or a step against that.
"""

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

RATE = 0.05
EPOCHS = 5
GRADIENTS = {f"d{name}": name for name in ("U", "a", "V", "c", "w", "k")}
Values = dict[str, Any]


def values_of(net: str) -> Values:
    """Return inputs, target and parameters of a net: asymmetric, and always the same."""
    rng = np.random.default_rng(7)

    def draw(*shape: int) -> np.ndarray:
        return np.round(rng.uniform(0.3, 1.2, shape) * rng.choice([-1, 1], shape), 2)

    if net == "logistic":
        return {"q": draw(3, 1), "w": draw(3, 1), "k": draw(1, 1), "t": 1.0}
    units = 3 if net == "square" else 4
    parameters = {"U": draw(3, units), "a": draw(units, 1), "V": draw(units, 1), "c": draw(1, 1)}
    if net.startswith("torch"):
        targets = draw(6, 1)
        if net == "torch-logistic":
            targets = (targets > 0).astype(float)
        return {**parameters, "x": draw(6, 3), "t": targets}
    return {**parameters, "x": draw(3, 1), "t": 1.7}


def parameters_of(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the parameters."""
    return [name for name in ("U", "a", "V", "c", "w", "k") if name in values]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + e^(−z))."""
    return np.asarray(1 / (1 + np.exp(-z)))


def cross_entropy(o: np.ndarray, t: np.ndarray) -> float:
    """Return the mean of −t·log(o) − (1−t)·log(1−o)."""
    return float(np.mean(-t * np.log(o) - (1 - t) * np.log(1 - o)))


def stages_of(net: str, v: Mapping[str, Any]) -> Values:
    """Return all values that a forward pass computes, by the names of the pages."""
    if net == "logistic":
        return {"o": sigmoid(v["w"].T @ v["q"] + v["k"])}
    rows = net.startswith("torch")
    x = v["x"].T if rows else v["x"]
    u = v["U"].T @ x + v["a"]
    h = np.tanh(u)
    o = v["V"].T @ h + v["c"]
    if net == "torch-logistic":
        o = sigmoid(o)
    return {"u": u, "h": h, "o": o.T if rows else o}


def loss_of(net: str, v: Mapping[str, Any]) -> float:
    """Return the loss that the net's text names; a mean if there are several rows."""
    o = stages_of(net, v)["o"]
    if net.endswith("logistic"):
        return cross_entropy(o, np.asarray(v["t"]))
    return float(np.mean((o - v["t"]) ** 2))


def slope_of(loss: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """Return central differences of a function of one array, entry by entry."""
    slope = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = 1e-5
        slope[place] = (loss(at + step) - loss(at - step)) / 2e-5
    return slope


def gradients_of(net: str, v: Mapping[str, Any]) -> Values:
    """Return the slope of the loss for each parameter, ``dU`` and so on."""
    found = {}
    for name in parameters_of(v):

        def moved(value: np.ndarray, name: str = name) -> float:
            return loss_of(net, {**v, name: value})

        found[f"d{name}"] = slope_of(moved, v[name])
    return found


def stepped(net: str, v: Mapping[str, Any], gradients: Mapping[str, Any]) -> Values:
    """Return the parameters after one step of gradient descent."""
    return {name: v[name] - RATE * gradients[f"d{name}"] for name in parameters_of(v)}


def expected_of(net: str) -> Values:
    """Return the right value of each name that a numpy example may assign."""
    v = values_of(net)
    gradients = gradients_of(net, v)
    right = {**stages_of(net, v), **gradients, **stepped(net, v, gradients)}
    if net != "logistic":
        # ∂L/∂a is ∂L/∂u, since u = … + a.
        right["delta"] = gradients["da"]
    return right


def run_numpy(net: str, code: str, *, column: bool = False) -> Values:
    """Run a numpy example, and return all its names, ``store`` as ``store[…]``.

    The output ``o`` is a number or, as the net's own formula gives it, a ``column`` of one.
    """
    v = values_of(net)
    gradients, stages = gradients_of(net, v), stages_of(net, v)
    scope: Values = {**v, **gradients, **stages, "np": np, "rate": RATE}
    scope["o"] = stages["o"] if column else float(stages["o"][0, 0])
    if "da" in gradients:
        scope["delta"] = gradients["da"].copy()
    scope["store"] = {name: v[name].copy() for name in parameters_of(v)}
    exec(code, scope)
    return scope


def written_by(code: str) -> set[str]:
    """Return the names that an example assigns at top level, or whose entries it assigns."""
    names = set()
    for node in ast.parse(code).body:
        for inner in ast.walk(node):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                break
            if isinstance(inner, ast.Name | ast.Subscript) and isinstance(inner.ctx, ast.Store):
                root: ast.expr = inner
                while isinstance(root, ast.Subscript):
                    root = root.value
                assert isinstance(root, ast.Name)
                names.add(root.id)
    return names


def wrong_numpy(net: str, code: str, graded: set[str], *, column: bool = False) -> list[str]:
    """Return the ``graded`` names to which an example assigns a wrong value."""
    scope, right = run_numpy(net, code, column=column), expected_of(net)
    found = {name: scope.get(name) for name in graded if name in right}
    if "store" in graded:
        found |= {f"store {name}": value for name, value in scope["store"].items()}
        right |= {f"store {name}": right[name] for name in scope["store"]}
    return [name for name, value in sorted(found.items()) if not agrees(value, right[name])]


def agrees(value: Any, right: np.ndarray, tolerance: float = 1e-7) -> bool:
    """Return whether an array or a number has the right size and the right values."""
    flat = np.ravel(np.asarray(value, dtype=float))
    return flat.size == right.size and bool(np.allclose(flat, np.ravel(right), tolerance, 1e-9))


def run_torch(net: str, code: str) -> Values:
    """Run a torch example, and return its loss and gradients, or its training run, by name.

    Where the example only prepares a loss, a model or an optimiser, the usual loop follows.
    """
    import torch
    from torch import nn

    v = {name: torch.tensor(value, dtype=torch.float64) for name, value in values_of(net).items()}
    first, second = nn.Linear(3, 4).double(), nn.Linear(4, 1).double()
    layers = {"U": first.weight, "a": first.bias, "V": second.weight, "c": second.bias}
    with torch.no_grad():
        for name, layer in layers.items():
            layer.copy_(v[name].T.reshape(layer.shape))
    logistic = net == "torch-logistic"
    model = nn.Sequential(first, nn.Tanh(), second, *([nn.Sigmoid()] if logistic else []))
    scope: Values = {
        **{"torch": torch, "nn": nn, "first": first, "second": second, "net": model},
        **{"x": v["x"], "t": v["t"], "history": []},
        "loss_function": nn.BCELoss() if logistic else nn.MSELoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=RATE),
    }
    exec(code, scope)
    found: Values = {}
    if "for epoch" not in code and "loss" in scope:
        scope["loss"].backward()
        found["loss"] = scope["loss"].item()
        for name, layer in layers.items():
            slope = torch.zeros_like(layer) if layer.grad is None else layer.grad
            found[f"d{name}"] = slope.numpy().T
        return found
    if "for epoch" not in code:
        for _ in range(EPOCHS):
            loss = scope["loss_function"](scope["net"](scope["x"]), scope["t"])
            scope["optimizer"].zero_grad()
            loss.backward()
            scope["optimizer"].step()
    found |= {name: layer.detach().numpy().T for name, layer in layers.items()}
    return {**found, "history": scope["history"]} if "history" in code else found


def wrong_torch(net: str, code: str) -> list[str]:
    """Return the names of losses, gradients and parameters that gradient descent does not give."""
    v = values_of(net)
    right: Values = {"loss": np.asarray(loss_of(net, v)), **gradients_of(net, v), "history": []}
    for _ in range(EPOCHS):
        right["history"].append(loss_of(net, v))
        v |= stepped(net, v, gradients_of(net, v))
    right |= {name: v[name] for name in parameters_of(v)}
    found = run_torch(net, code)
    return [
        name for name, value in found.items() if not agrees(value, np.asarray(right[name]), 1e-6)
    ]
