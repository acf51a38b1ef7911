"""`check_backward` on sixteen layers, right and with three mistakes, beside torch and jax.

    python benchmarks/gradient_backward.py [--seeds 50]

The layers and their mistakes are those of tests/gradcheck/layers.py. A mistake that changes nothing
on some inputs is not planted there. 11-785's layer keeps its gradients as attributes, which the
others cannot be given.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gradcheck"))
import layers

from gradkit.gradcheck import check_backward


def ours(layer: layers.Layer, backward: Callable[..., Any], inputs: dict[str, Any]) -> str:
    """Return gradkit's verdict."""
    return check_backward(layer.forward, backward, inputs, **layer.options).verdict


def torchs(layer: layers.Layer, backward: Callable[..., Any], inputs: dict[str, Any]) -> str:
    """Return the verdict of torch.autograd.gradcheck on a layer's forward and a backward.

    An exception of the check counts as ``disagree``.
    """
    import torch

    names = [name for name, value in inputs.items() if value.dtype.kind == "f"]

    class Claimed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            given = dict(zip(names, (t.detach().numpy().copy() for t in tensors), strict=True))
            returned = layer.forward(*({**inputs, **given}.values()))
            *outs, ctx.cache = returned
            made = tuple(torch.as_tensor(np.asarray(out)) for out in outs)
            return made if len(made) > 1 else made[0]

        @staticmethod
        def backward(ctx, *douts):
            found = backward(*(d.numpy().copy() for d in douts), ctx.cache)
            if isinstance(found, dict):
                found = tuple(found["d" + name] for name in names)
            found = found if isinstance(found, tuple) else (found,)
            return tuple(torch.as_tensor(np.asarray(g)) for g in found)

    tensors = tuple(torch.tensor(inputs[name], requires_grad=True) for name in names)
    try:
        right = torch.autograd.gradcheck(Claimed.apply, tensors, raise_exception=False)
    except Exception:
        return "disagree"
    return "agree" if right else "disagree"


def jaxs(layer: layers.Layer, backward: Callable[..., Any], inputs: dict[str, Any]) -> str:
    """Return the verdict of jax.test_util.check_vjp on a layer's forward and a backward.

    An exception of the check counts as ``disagree``.
    """
    import jax
    from jax.test_util import check_vjp

    jax.config.update("jax_enable_x64", True)
    names = [name for name, value in inputs.items() if value.dtype.kind == "f"]

    def run(*arrays: Any) -> tuple[Any, Any]:
        given = dict(zip(names, (np.array(a) for a in arrays), strict=True))
        *outs, cache = layer.forward(*({**inputs, **given}.values()))
        return (tuple(outs) if len(outs) > 1 else outs[0]), cache

    def vjp(*arrays: Any) -> tuple[Any, Callable[..., Any]]:
        out, cache = run(*arrays)

        def pull(dout: Any) -> Any:
            douts = dout if isinstance(dout, tuple) else (dout,)
            found = backward(*(np.array(d) for d in douts), cache)
            if isinstance(found, dict):
                found = tuple(found["d" + name] for name in names)
            return found if isinstance(found, tuple) else (found,)

        return out, pull

    try:
        check_vjp(lambda *arrays: run(*arrays)[0], vjp, tuple(inputs[name] for name in names))
    except Exception:
        return "disagree"
    return "agree"


def changed(layer: layers.Layer, wrong: Callable[..., Any], inputs: dict[str, Any]) -> bool:
    """Return whether a wrong backward gives other gradients than the right one at these inputs.

    An exception counts as another gradient.
    """

    def flat(backward: Callable[..., Any]) -> list[np.ndarray]:
        *outs, cache = layer.forward(*inputs.values())
        rng = np.random.default_rng(0)
        found = backward(*(rng.normal(size=np.shape(out)) for out in outs), cache)
        found = list(found.values()) if isinstance(found, dict) else found
        return [np.asarray(one) for one in (found if isinstance(found, tuple) else [found])]

    try:
        pairs = zip(flat(layer.backward), flat(wrong), strict=True)
        return not all(a.shape == b.shape and np.allclose(a, b, rtol=1e-12) for a, b in pairs)
    except (ValueError, TypeError):
        return True


def linear(kind: type, rng: np.random.Generator) -> str:
    """Return gradkit's verdict on a class like the layer Linear of the course 11-785."""
    layer = kind()
    inputs = {name: rng.normal(size=s) for name, s in (("A", (4, 3)), ("W", (2, 3)), ("b", (2, 1)))}
    scale = {"W": 1 / 4, "b": 1 / 4}
    return check_backward(layer.forward, layer.backward, inputs, scale=scale).verdict


def main() -> None:
    """Print a line for each layer and checker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    checkers = {"gradkit": ours}
    if importlib.util.find_spec("torch"):
        checkers["torch gradcheck"] = torchs
    if importlib.util.find_spec("jax"):
        checkers["jax check_vjp"] = jaxs
    for checker, judge in checkers.items():
        whole: Counter[str] = Counter()
        for name, layer in {**layers.LAYERS, **layers.MORE}.items():
            wrong = [layers.spoilt(layer, number) for number in range(3)]
            tally: Counter[str] = Counter()
            for seed in range(given.seeds):
                inputs = layer.draw(np.random.default_rng([seed, 7]))
                tally["right " + judge(layer, layer.backward, inputs)] += 1
                for one in wrong:
                    planted = changed(layer, one, inputs)
                    tally["wrong " + judge(layer, one, inputs) if planted else "no mistake"] += 1
            whole += tally
            print(f"{checker}, {name}: {dict(tally)}", flush=True)
        if judge is ours:
            tally = Counter()
            for seed in range(given.seeds):
                tally["right " + linear(layers.Linear, np.random.default_rng([seed, 7]))] += 1
                for number in range(3):
                    kind = layers.spoilt_linear(number)
                    tally["wrong " + linear(kind, np.random.default_rng([seed, 7]))] += 1
            whole += tally
            print(f"{checker}, 11-785 Linear: {dict(tally)}", flush=True)
        print(f"{checker}: {dict(whole)}\n", flush=True)


if __name__ == "__main__":
    main()
