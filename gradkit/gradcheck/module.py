"""Autograd of a torch module held against finite differences in float64."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradkit.gradcheck.check import check_gradient
from gradkit.gradcheck.records import Report

if TYPE_CHECKING:
    import torch


def check_module(
    module: torch.nn.Module,
    loss: Callable[..., Any],
    *inputs: Any,
    seed: int | None = None,
    budget: int | None = None,
) -> Report:
    """Check autograd of every parameter of a module against finite differences.

    Everything happens in float64 on a copy of the module, in the mode (training or not) that
    it is in. The module, its buffers and the inputs are left alone.

    Parameters
    ----------
    module : torch.nn.Module
    loss : callable
        ``loss(output)``, or ``loss(output, target)`` such as ``torch.nn.MSELoss()``; then the
        last of the inputs is the target. It returns a single number.
    *inputs
        What the module is called with. Floating tensors become float64.
    seed, budget
        As for `gradkit.check_gradient`.

    Returns
    -------
    Report
        Its entries carry the names that ``module.named_parameters()`` gives. Notes name
        dropout and batch normalisation in training mode and parameters that are frozen or
        that the loss does not depend on.

    Raises
    ------
    ValueError
        When the module has no parameter that requires a gradient.

    Examples
    --------
    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    >>> x, y = torch.randn(5, 3), torch.randn(5, 1)
    >>> check_module(net, torch.nn.MSELoss(), x, y).verdict
    'agree'
    """
    import torch

    double = copy.deepcopy(module).double()
    wide = [_widen(value) for value in inputs]
    pair = _takes_target(loss) and len(wide) > 0
    arguments, target = (wide[:-1], wide[-1:]) if pair else (wide, [])
    # A loss such as MSELoss or BCEWithLogitsLoss may hold weights of its own.
    measure = copy.deepcopy(loss).double() if isinstance(loss, torch.nn.Module) else loss
    trained = {name: p for name, p in double.named_parameters() if p.requires_grad}
    if not trained:
        raise ValueError(
            f"{type(module).__name__} has no parameter that requires a gradient, so there is "
            f"nothing to check. Call .requires_grad_() on what should be learned."
        )

    def evaluate() -> Any:
        return measure(double(*arguments), *target)

    def gradient() -> dict[str, Any]:
        value = evaluate()
        found: tuple[Any, ...] = (None,) * len(trained)
        if value.requires_grad:
            found = torch.autograd.grad(value, list(trained.values()), allow_unused=True)
        return dict(zip(trained, found, strict=True))

    def f(params: dict[str, Any]) -> Any:
        with torch.no_grad():
            for name, value in params.items():
                trained[name].copy_(value)
            return evaluate()

    slopes = gradient()
    start = {name: p.detach().clone() for name, p in trained.items()}
    unused = [name for name, slope in slopes.items() if slope is None]
    claimed = {
        name: torch.zeros_like(start[name]) if slope is None else slope.detach()
        for name, slope in slopes.items()
    }
    report = check_gradient(f, start, claimed, seed=seed, budget=budget)
    frozen = [name for name, p in double.named_parameters() if not p.requires_grad]
    notes = [*_randomness(double), *report.notes]
    if unused:
        notes.append(f"the loss does not depend on {', '.join(unused)}.")
    if frozen:
        notes.append(f"not checked, because they are frozen: {', '.join(frozen)}.")
    return replace(report, notes=tuple(notes))


def _widen(value: Any) -> Any:
    """Return floating tensors in float64, and everything else as it is."""
    if hasattr(value, "is_floating_point") and value.is_floating_point():
        return value.detach().double()
    if isinstance(value, (list, tuple)):
        return type(value)(_widen(part) for part in value)
    if isinstance(value, dict):
        return {key: _widen(part) for key, part in value.items()}
    return value


def _takes_target(loss: Callable[..., Any]) -> bool:
    """Whether a loss needs a target as its second argument."""
    call = loss.forward if hasattr(loss, "forward") else loss
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) >= 2


def _randomness(module: torch.nn.Module) -> list[str]:
    """Name the layers whose output depends on more than the input while training."""
    dropping, norming = [], []
    for name, layer in module.named_modules():
        if not layer.training:
            continue
        kind = type(layer).__name__
        if "Dropout" in kind and getattr(layer, "p", 0) > 0:
            dropping.append(name or kind)
        elif "BatchNorm" in kind:
            norming.append(name or kind)
    notes = []
    if dropping:
        notes.append(
            f"dropout is on in {', '.join(dropping)}: every evaluation drops other units. Call "
            f".eval() before checking."
        )
    if norming:
        notes.append(
            f"batch normalisation is in training mode in {', '.join(norming)}: the gradient "
            f"checked is the one with the statistics of this batch."
        )
    return notes
