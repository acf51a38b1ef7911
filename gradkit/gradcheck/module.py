"""Autograd of a torch module held against finite differences in float64."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradkit.gradcheck.check import check_gradient
from gradkit.gradcheck.evaluate import needs
from gradkit.gradcheck.records import Report
from gradkit.gradcheck.structure import mapped

if TYPE_CHECKING:
    import torch


RANDOM = re.compile("Dropout|BatchNorm")
"""Layers whose output depends on more than the input while training."""


def check_module(
    module: torch.nn.Module,
    loss: Callable[..., Any],
    *args: Any,
    inputs: bool = False,
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Report:
    """Check autograd of every parameter of a module against finite differences.

    Everything happens in float64 on a copy of the module, in the mode (training or not) that
    it is in. The module, its buffers and the inputs are left alone.

    Parameters
    ----------
    module : torch.nn.Module
    loss : callable
        ``loss(output)``; or a loss of more arguments, such as ``torch.nn.MSELoss()`` with a target
        or ``torch.nn.GaussianNLLLoss()`` with a target and a variance: then so many of the last
        arguments are those, not the module's. It returns a single number.
    *args
        What the module is called with, and what the loss needs beside its output. Floating tensors
        become float64.
    inputs : bool
        Whether gradients of the floating tensors among the module's own arguments are checked
        too; they are called ``input 0`` and so on, or by their keyword.
    kwargs : dict, optional
        Keyword arguments of the module.
    **options
        As for `gradkit.check_gradient`: ``seed``, ``entries``, ``budget``, ``seconds``,
        ``progress``, ``rtol``, ``atol``, ``kinks``.

    Returns
    -------
    Report
        Its entries carry the names that ``module.named_parameters()`` gives. Notes name
        dropout and batch normalisation in training mode and parameters that are frozen or
        that the loss does not depend on.

    Raises
    ------
    TypeError
        When the loss is no function.
    ValueError
        When there is nothing that requires a gradient, when the loss gives more than one number, or
        when there are fewer arguments than the loss needs.

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

    if not callable(loss):
        raise TypeError(
            f"loss must be a function of the module's output; found {type(loss).__name__}. Pass it "
            f"before the inputs: check_module(module, torch.nn.MSELoss(), x, y)."
        )
    double, called = copy.deepcopy(module).double(), getattr(loss, "__name__", type(loss).__name__)
    wide, named = mapped(list(args), _widen), mapped(dict(kwargs or {}), _widen)
    # How many arguments a loss needs beside the module's output.
    more = max((needs(getattr(loss, "forward", loss)) or 1) - 1, 0)
    if more > len(wide):
        raise ValueError(
            f"{called} needs {more} argument{'s' * (more > 1)} beside the module's output; "
            f"found {len(wide)} after it. Pass the target last: check_module(module, loss, x, y)."
        )
    own, rest = wide[: len(wide) - more], wide[len(wide) - more :]
    # A loss such as MSELoss or BCEWithLogitsLoss may hold weights of its own.
    measure = copy.deepcopy(loss).double() if isinstance(loss, torch.nn.Module) else loss
    every: dict[str, torch.Tensor] = dict(double.named_parameters())
    trained = {name: p for name, p in every.items() if p.requires_grad}
    frozen = [name for name in every if name not in trained]
    given = {f"input {number}": value for number, value in enumerate(own)} | named
    for name, value in given.items() if inputs else ():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            trained[name] = value.requires_grad_()
    if not trained:
        raise ValueError(
            f"{type(module).__name__} has no parameter that requires a gradient, so there is "
            f"nothing to check. Call .requires_grad_() on what should be learned, or pass "
            f"inputs=True."
        )

    def evaluate(params: Mapping[str, Any]) -> Any:
        for name, p in trained.items():
            p.data.copy_(params[name])
        value = measure(double(*own, **named), *rest)
        if isinstance(value, torch.Tensor) and value.numel() != 1:
            raise ValueError(
                f"{called} gives a tensor of shape {tuple(value.shape)}; expected a single "
                f"number. Use reduction='mean' or 'sum', or a function that adds it up."
            )
        return value

    def gradient(params: Mapping[str, Any]) -> dict[str, Any]:
        value = evaluate(params)
        for p in trained.values():
            p.grad = None
        if value.requires_grad:
            value.backward()
        return {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in trained.items()}

    start = {name: p.detach().clone() for name, p in trained.items()}
    report = check_gradient(torch.no_grad()(evaluate), start, gradient, **options)
    training = [
        name or type(one).__name__
        for name, one in double.named_modules()
        if one.training and getattr(one, "p", 1) and RANDOM.search(type(one).__name__)
    ]
    told = (
        ("in training mode, where it depends on chance or on the batch (see .eval()):", training),
        ("the loss does not depend on", [name for name, p in trained.items() if p.grad is None]),
        ("not checked, because they are frozen:", frozen),
    )
    notes = [f"{said} {', '.join(names)}." for said, names in told if names]
    return replace(report, notes=(*notes, *report.notes))


def _widen(value: Any) -> Any:
    """Return floating tensors as copies in float64, and everything else as it is."""
    floating = hasattr(value, "is_floating_point") and value.is_floating_point()
    return value.detach().double().clone() if floating else value
