"""One entry of a quantity, written as the student indexes it.

Apart from the rules, which a check that passes has no need to load.
"""

from __future__ import annotations

from collections.abc import Mapping


def entry_label(
    parameter: str,
    index: tuple[int | str, ...],
    *,
    keys: Mapping[str, str],
    transposed: bool = False,
    outputs: int = 1,
) -> str:
    """An entry, e.g. ``W1[0,1]``, ``b1[1]``, ``W2[0]``, ``b2``.

    Parameters
    ----------
    parameter : str
        The canonical name.
    index : tuple of int or str
        The canonical index; a letter stands for a place that is summed over.
    keys : mapping of str to str
        The student's names by the canonical ones.
    transposed : bool
        Whether the student stores weights as (out, in), and so indexes them.
    outputs : int
        With one output, the axis of W2 and b2 that has length 1 is left out.
    """
    key = keys.get(parameter, parameter)
    if parameter[0] == "b":
        return key if parameter == "b2" and outputs == 1 else f"{key}[{index[0]}]"
    if parameter == "W2" and outputs == 1:
        return f"{key}[{index[0]}]"
    return f"{key}[{','.join(map(str, index[::-1] if transposed else index))}]"
