"""A reference that is no application of a row is refused, whatever numbers it holds."""

from __future__ import annotations

import ast
import random

import pytest
from test_written_changes import KNOWN, TEXT

from gradkit.edits.calls import REARRANGED
from gradkit.edits.operands import MAX_NODES, PART, RefusedError, Vocabulary, unpack
from gradkit.edits.rows import rows
from gradkit.edits.statements import BLOCKS, PUT_IN
from gradkit.edits.text import Reference, Slots, apply

SLOTS = Slots(ast.parse(TEXT), KNOWN)


def slot(text: str, kind: type = ast.AST) -> int:
    """Return the number of the node that is written so."""
    return next(
        n
        for n, node in enumerate(SLOTS.nodes)
        if isinstance(node, kind) and not isinstance(node, ast.Module) and _is(node, text)
    )


def _is(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.expr | ast.stmt) and ast.unparse(node).startswith(text)


def word(name: str) -> int:
    """Return the number of a word."""
    return KNOWN.words.index(name)


NAME, ATTRIBUTE, ENTRY, WORD, NUMBER, SLICE, TUPLE, NEGATIVE = range(8)
SLOT, TWIN = 11, 13
MINUS = slot("A - Y", ast.BinOp)
SUM = slot("np.sum", ast.Call)
ROW = slot("(dW, db)", ast.Tuple)
STEP = slot("W -= lr", ast.stmt)
LOOP = slot("for i", ast.stmt)
FIRST = slot("m = X", ast.stmt)
RETURN = slot("return", ast.stmt)
PUT = "missing-statement: put in"
LIKE = "missing-term: A - B => A - B + twin_"

REFUSED = [
    ("there is no such slot", "turned-sign: A - B => A + B", 10**6, ()),
    ("there is no such row", "turned-sign: A - B => A / B", MINUS, ()),
    ("there is no such row", "solution", MINUS, ()),
    ("the slot is no expression", "turned-sign: A - B => A + B", STEP, ()),
    ("the slot is written otherwise", "turned-sign: A + B => A - B", MINUS, ()),
    ("the slot is no statement of a block", PUT, MINUS, ()),
    ("the row is none of this kind", "turned-sign: put in", STEP, ()),
    ("the row is none of this kind", "turned-sign: two values exchanged", ROW, ()),
    ("a row has another number of operands", "wrong-name: L => like_", slot("dZ", ast.Name), ()),
    (
        "the expression does not have several names of a dict",
        "wrong-name: names of a dict",
        MINUS,
        ((0, 0), (0,)),
    ),
    (
        "the expression does not have several transposes",
        "wrong-transpose: nothing transposed",
        MINUS,
        (),
    ),
    # --- operands
    ("a number that stands for nothing", "missing-factor: V => V * operand_", MINUS, ((99,),)),
    ("a number that stands for nothing", "missing-factor: V => V * operand_", MINUS, ((0, 10**6),)),
    ("a number that stands for nothing", "missing-factor: V => V * operand_", MINUS, ((),)),
    ("numbers that belong to nothing", "missing-factor: V => V * operand_", MINUS, ((0, 0, 0),)),
    ("may not stand for operand_", "missing-factor: V => V * operand_", MINUS, ((NUMBER, 3),)),
    ("may not stand for factor_", "missing-factor: V => V * factor_", MINUS, ((NUMBER, 7),)),
    ("may not stand for part_whole_", "wrong-expression: A => part_whole_", MINUS, ((0, 0),)),
    (
        "may not stand for part_term_",
        "missing-term: A => A + part_term_",
        MINUS,
        ((PART, 0, NAME, 0),),
    ),
    ("no expression of the text", "wrong-element: A => index_", MINUS, ((SLOT, 0),)),
    ("has too many parts", "wrong-element: A => index_", MINUS, ((NEGATIVE,) * (MAX_NODES + 1),)),
    # --- rows of values and calls
    ("is no row of values and no call", "wrong-order: two values exchanged", MINUS, ((0,), (1,))),
    ("a place in a row is not there", "wrong-order: two values exchanged", ROW, ((0,), (2,))),
    ("the row has no value too many", "wrong-bounds: a value less", MINUS, ((0,),)),
    ("the expression is no row of values", "wrong-bounds: a value more", MINUS, ((0,), (0, 0))),
    ("only a key or a number", "wrong-bounds: a value more", ROW, ((0,), (NAME, 0))),
    ("the expression is no call", "wrong-option: an option less", MINUS, ((0,),)),
    ("the expression is no call", "wrong-option: an option", MINUS, ((0,), (0,))),
    ("an option is given no name", "wrong-option: an option", SUM, ((0,), (NUMBER, 0))),
    ("the expression makes no dict", "wrong-entry: a key of dict", SUM, ((0,), (0,))),
    ("the call has other arguments", "wrong-name: other arguments", SUM, ((), ())),
    ("another number of operands", "wrong-name: other arguments", SUM, ()),
    ("an argument is no name", "wrong-name: other arguments", SUM, ((NUMBER, 0),)),
    (
        "what is exchanged are no names",
        "wrong-name: two names exchanged",
        MINUS,
        ((NUMBER, 0), (NUMBER, 1)),
    ),
    ("the expression names no dict", "wrong-bounds: keys", MINUS, ((0,),)),
    # --- statements
    ("a statement has no such place", "wrong-statement-order: moved", FIRST, ((7,),)),
    ("a statement cannot move so far", "wrong-statement-order: moved", FIRST, ((0,),)),
    ("the statement is no return", "early-return: no return", STEP, ()),
    ("is no loop and no branch", "wrong-indentation: indented", STEP, ((0,),)),
    ("the function asks for no such", "wrong-indentation: in a branch", STEP, ()),
    ("the function asks for no such", "wrong-indentation: in a branch", STEP, ((9,),)),
    ("the statement is written otherwise", "not-added: anew A = B => A += B", STEP, ()),
    ("is no loop with another one", "wrong-bounds: from zero", LOOP, ()),
    ("the statement is no loop", "wrong-bounds: reversed", STEP, ()),
    ("the part of the text is no", PUT, STEP, ((len(PUT_IN) + 1,), (0,), (SLOT, MINUS))),
    ("of the model solution is no", PUT, STEP, ((len(PUT_IN),), (0,), (NAME, 0))),
    (
        "a term is like another one",
        "missing-term: A - B => A - B + twin_",
        MINUS,
        ((TWIN, SUM, 0),),
    ),
]


@pytest.mark.parametrize(("reason", "row", "at", "operands"), REFUSED)
def test_what_is_no_application_of_a_row_is_refused(
    reason: str, row: str, at: int, operands: tuple[tuple[int, ...], ...]
) -> None:
    """The reason is one sentence, for whoever looks for a fault."""
    with pytest.raises(RefusedError, match=reason):
        apply(TEXT, Reference("x", row, at, -1, operands), KNOWN, {2})


SMALL = """
def f(x):
    for i in range(2, 3):
        for j in range(2, 3):
            x = dict(a=x * i)
    x = 1; x = 2
    return SUM
""".replace("SUM", " + ".join(["x"] * 250))

REFUSED_IN_SMALL = [
    # The reason, the row, the text that the slot begins with, and the operands.
    ("a block cannot be empty", "extra-statement: left out", "x = dict", ()),
    ("the body would be empty", "wrong-indentation: indented", "for i", ((0,),)),
    ("no statement follows", "wrong-indentation: indented", "for j", ((2,),)),
    ("no statement stands before it", "wrong-indentation: indented", "for i", ((3,),)),
    ("a loop does not begin with 1", "wrong-bounds: from zero", "for i", ()),
    ("an option is no identifier", "wrong-option: an option", "dict(", ((0,), (1,))),
    ("an option is no identifier", "wrong-entry: a key of dict", "dict(", ((0,), (0,))),
    ("the slot is a factor", "missing-shift: V => V - np.max(V)", "x * i", ()),
    ("the change is too large", "turned-sign: A => -A", "x + x", ()),
    ("cannot be written into the text", "extra-statement: left out", "x = 2", ()),
]


@pytest.mark.parametrize(("reason", "row", "start", "operands"), REFUSED_IN_SMALL)
def test_a_row_that_does_not_fit_its_place_is_refused(
    reason: str, row: str, start: str, operands: tuple[tuple[int, ...], ...]
) -> None:
    """The same for blocks of one statement, words that are no names, and long sums."""
    known = Vocabulary(("a b",))
    nodes = Slots(ast.parse(SMALL), known).nodes
    (at, *_) = (number for number, node in enumerate(nodes) if _is(node, start))
    if row.startswith("missing-shift"):
        at = next(number for number, node in enumerate(nodes) if _is(node, "x *")) + 1
        at = next(n for n in range(at, len(nodes)) if _is(nodes[n], "i"))
    with pytest.raises(RefusedError, match=reason):
        apply(SMALL, Reference("x", row, at, -1, operands), known, {2})


def test_only_some_functions_may_be_changed() -> None:
    """A reference to another function, or to none, is refused."""
    with pytest.raises(RefusedError, match="in no function that may be changed"):
        apply(TEXT, Reference("x", "turned-sign: A - B => A + B", MINUS), KNOWN, {3})


def test_a_text_that_is_no_python_has_no_slots() -> None:
    """Whatever a search says of it."""
    with pytest.raises(RefusedError, match="the text is no Python"):
        apply("def f(:", Reference("x", "turned-sign: A - B => A + B", 1), KNOWN, {1})


def test_a_name_is_an_identifier() -> None:
    """A word of the text, such as a key, may be none."""
    known = type(KNOWN)(("__class__", "a b"), (), (), ())
    with pytest.raises(RefusedError, match="a name is no identifier"):
        unpack((NAME, 1), known)
    for number in (0, 1):
        with pytest.raises(RefusedError, match="an attribute is no identifier"):
            unpack((ATTRIBUTE, number, NAME, 0), known)
    with pytest.raises(RefusedError, match="only a name or a constant"):
        unpack((TWIN, MINUS, 1, 0, NAME, 0), KNOWN, SLOTS.nodes)


def test_any_other_reference_is_refused_and_raises_nothing_else() -> None:
    """Numbers are drawn at random: what comes of them is a text of Python, or a refusal."""
    dice = random.Random(4)  # noqa: S311  (not a secret)
    names = [*rows(), *(f"{k}: {n}" for n, each in BLOCKS.items() for k in each.kinds)]
    names += [f"{k}: {n}" for n, each in REARRANGED.items() for k in each.kinds]
    made = 0
    for _ in range(4000):
        row = dice.choice(names)
        operands = tuple(
            tuple(dice.randrange(-1, 24) for _ in range(dice.randrange(5)))
            for _ in range(dice.randrange(4))
        )
        within = dice.choice([-1, -1, -1, dice.randrange(-1, 60)])
        reference = Reference("x", row, dice.randrange(len(SLOTS.nodes)), within, operands)
        try:
            apply(TEXT, reference, KNOWN, {2})
        except RefusedError:
            continue
        made += 1
    assert made
