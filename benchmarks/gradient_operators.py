"""Samples of torch's own operators and modules: autograd against finite differences.

    python benchmarks/gradient_operators.py [--most 3] [--seed N] [-v]

The samples are those of torch's own tests (`torch.testing._internal`), in float64, each with a
random cotangent. autograd is taken for the truth; where it disagrees, it or gradkit is wrong.
"""

from __future__ import annotations

import argparse
import secrets
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from gradkit.gradcheck import check_gradient, check_module

RANDOM = (
    "dropout",
    "bernoulli",
    "rand",
    "multinomial",
    "normal",
    "exponential",
    "cauchy",
    "geometric",
)
"""Operators that are random."""

OTHERS = ("max_unpool", "as_strided_scatter", "nn.functional.hardsigmoid", "Hardsigmoid")
"""Operators whose samples name one place twice, so that torch's own tests leave gradients out; and
one whose backward multiplies by a sixth that torch has in float32, which is wrong by 3e-8."""


def operator_samples(most: int) -> Iterator[tuple[str, Any, dict[str, torch.Tensor], torch.Tensor]]:
    """Yield name, function, tensors and None for samples of each operator of torch.

    There are at most ``most`` for an operator. Random operators, and samples without a suitable
    tensor or with more than 150 numbers, are left out.
    """
    from torch.testing._internal.common_methods_invocations import op_db

    for op in op_db:
        if not op.supports_autograd or any(word in op.name for word in RANDOM + OTHERS):
            continue
        if torch.float64 not in op.supported_dtypes("cpu"):
            continue
        try:
            samples = list(op.sample_inputs("cpu", torch.float64, requires_grad=True))
        except Exception:
            continue
        samples = [s for s in samples if isinstance(s.input, torch.Tensor)]
        chosen = samples[:: max(1, len(samples) // most)][:most]
        for number, sample in enumerate(chosen):
            values = [sample.input, *sample.args]
            moving = {
                str(k): v
                for k, v in enumerate(values)
                if isinstance(v, torch.Tensor) and v.is_floating_point() and v.requires_grad
            }
            size = sum(v.numel() for v in moving.values())
            if (
                not moving
                or not 0 < size <= 150
                or any(v.layout != torch.strided for v in moving.values())
            ):
                continue

            def call(p, values=values, sample=sample, op=op):
                given = [
                    p.get(str(k), v.clone() if isinstance(v, torch.Tensor) else v)
                    for k, v in enumerate(values)
                ]
                out = op.gradcheck_wrapper(op.get_op(), *given, **sample.kwargs)
                if sample.output_process_fn_grad is not None:
                    out = sample.output_process_fn_grad(out)
                parts = out if isinstance(out, (tuple, list)) else [out]
                return [o for o in parts if isinstance(o, torch.Tensor) and o.is_floating_point()]

            yield f"{op.name} {op.variant_test_name} {number}", call, moving, None


def check_operator(name: str, call: Any, moving: dict[str, torch.Tensor], seed: int) -> Any:
    """Check the gradient of one sample.

    None if autograd does not work on the sample, or a value is not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    leaves = {k: v.detach().clone().requires_grad_() for k, v in moving.items()}
    if not all(torch.isfinite(v).all() for v in leaves.values()):
        return None
    try:
        everything = call({k: v.clone() for k, v in leaves.items()})
        kept = [k for k, o in enumerate(everything) if o.requires_grad]  # others are no outputs
        outs = [everything[k] for k in kept]
        weights = [
            torch.rand(o.shape, generator=generator, dtype=torch.float64) + 0.5 for o in outs
        ]
        total = sum((o * w).sum() for o, w in zip(outs, weights, strict=True))
        if not isinstance(total, torch.Tensor) or not total.requires_grad or total.is_complex():
            return None
        found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return None
    pairs = zip(leaves, found, strict=True)
    claim = {k: g.detach() for k, g in pairs if g is not None}  # others are no arguments of it
    if not claim:
        return None
    moving = {k: moving[k] for k in claim}
    if not all(torch.isfinite(g).all() for g in claim.values()) or not torch.isfinite(total):
        return None

    def f(p):
        with torch.no_grad():
            everything = call({k: v.clone() for k, v in p.items()})
            outs = [everything[k] for k in kept]
            return float(sum((o * w).sum() for o, w in zip(outs, weights, strict=True)))

    point = {k: v.detach().clone() for k, v in moving.items()}
    try:
        return check_gradient(f, point, claim, seconds=30)
    except (TypeError, ValueError, RuntimeError) as problem:
        print(f"refused: {name}: {problem}")
        return None


def module_samples(most: int) -> Iterator[tuple[str, Any, list[Any], dict[str, Any]]]:
    """Yield name, module, arguments and keywords of ``most`` samples of each module of torch."""
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        others = ("Dropout", "RReLU", "Fractional", "Transformer", *OTHERS)
        if any(word in info.name for word in others):
            continue
        try:
            samples = info.module_inputs_func(
                info, device="cpu", dtype=torch.float64, requires_grad=False, training=False
            )
        except Exception:
            continue
        for number, sample in enumerate(samples[:most]):
            made, given = sample.constructor_input, sample.forward_input
            try:
                module = info.module_cls(*made.args, **made.kwargs).double().eval()
            except Exception:
                continue
            if given is None:
                continue
            yield f"{info.name} {number}", module, list(given.args), dict(given.kwargs)


class First(torch.nn.Module):
    """A module of its first argument alone: targets and lengths are nothing to differentiate."""

    def __init__(self, module: torch.nn.Module, rest: list[Any], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self.module, self.rest, self.kwargs = module, rest, kwargs

    def forward(self, x: Any) -> Any:
        """Call it."""
        return self.module(x, *self.rest, **self.kwargs)


def added_up(out: Any) -> torch.Tensor:
    """Return a sum of all outputs with uneven weights."""
    parts = out if isinstance(out, (tuple, list)) else [out]
    total = torch.zeros((), dtype=torch.float64)
    for part in parts:
        if isinstance(part, (tuple, list)):
            total = total + added_up(part)
        elif isinstance(part, torch.Tensor) and part.is_floating_point():
            weights = torch.arange(part.numel(), dtype=torch.float64).reshape(part.shape)
            total = total + (part * torch.sin(weights + 1)).sum()
    return total


def main() -> None:
    """Print counts, and every sample that does not agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=4)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    np.random.seed(seed)
    warnings.simplefilter("ignore")
    tally: Counter[str] = Counter()
    started, evaluations, parameters = time.perf_counter(), 0, 0

    def count(name: str, report: Any) -> None:
        nonlocal evaluations, parameters
        if report is None:
            return
        reasons = {e.reason for e in report.entries if e.verdict == "inconclusive"}
        if any(note.startswith(("f is nan", "f is inf", "f is -inf")) for note in report.notes):
            key = "no finite value"  # nothing is right or wrong there
            tally[key] += 1
            return
        key = report.verdict if reasons != {"kink"} or report.verdict == "disagree" else "at a kink"
        tally[key] += 1
        evaluations += report.evaluations
        parameters += len(report.entries)
        if key in ("disagree", "inconclusive"):
            print(f"{key}: {name}" + (f"\n{report}\n" if given.verbose else ""), flush=True)

    for name, call, moving, _ in operator_samples(given.most):
        count(name, check_operator(name, call, moving, seed))
    for name, module, args, kwargs in module_samples(given.most):
        if not args or "CTC" in name:  # whose gradient is meant for normalised probabilities alone
            continue
        try:
            first = First(module, args[1:], kwargs)
            report = check_module(first, added_up, args[0], inputs=True, seconds=30)
        except (ValueError, TypeError, RuntimeError, NotImplementedError):
            continue
        count(name, report)
    total = sum(tally.values())
    print(
        f"seed {seed}: {total} samples: {dict(tally)}; inconclusive, kinks aside, "
        f"{100 * tally['inconclusive'] / max(total, 1):.1f} %; {evaluations / parameters:.2f} "
        f"evaluations per parameter; {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
