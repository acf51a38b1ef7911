"""Changes of an expression: what they are, what they cost, and what is no change."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from changed_by_rows import LOCAL, changes

from gradkit.runtime.repair.borrowed import borrowed_parts
from gradkit.runtime.repair.choices import switches
from gradkit.runtime.repair.pool import Part
from gradkit.runtime.repair.scope import Scope, scope_of
from gradkit.runtime.repair.statements import changed_blocks

pytestmark = pytest.mark.sample(4)


@pytest.mark.slow
@pytest.mark.rotate(4)
def test_a_call_may_end_elsewhere() -> None:
    """Before an operand, or after the next one; what is called on that is then on the whole."""
    for was, now in (
        ("f(a - b)", "f(a) - b"),
        ("f(a) - b", "f(a - b)"),
        ("f(a) - b.sum(axis=1)", "f(a - b).sum(axis=1)"),
        ("f(a) - np.sum(b)", "f(a - np.sum(b))"),
        ("rate * np.sum(a) * b", "rate * np.sum(a * b)"),
        ("f(a) - f(b)", "f(a - b)"),
    ):
        assert changes(was)[now].kind == "wrong-brackets"
    # A module is nothing to subtract, and two arguments are no sum.
    assert not any("- np)" in text for text in changes("f(a) - np.sum(b)"))
    assert "f(a) - b" not in changes("f(a, b)")


def test_a_power_or_a_quotient_may_be_of_a_sum() -> None:
    """As where eps stands outside of the root."""
    assert changes("a ** 0.5 + b")["(a + b) ** 0.5"].kind == "wrong-brackets"
    assert changes("a / b - rate")["(a - rate) / b"].kind == "wrong-brackets"


def test_what_changes_nothing_is_a_term_or_a_factor_too_many() -> None:
    """The same constant elsewhere may be meant."""
    made = changes("a - 1")
    assert made["a"].kind == "extra-term"
    assert made["a - 2"].kind == "wrong-constant"
    assert not {"a - 0", "a * 1", "a / 1"} & {*made}
    made = changes("a * 2")
    assert made["a"].kind == "surplus-factor"
    assert "a * 1" not in made
    assert {"a * 4", "a - 2"} <= {*made}
    assert not {"a - c * 1", "a - c / 1"} & {*changes("a - c + 1")}
    assert "a - c * 2" in changes("a - c + 2")


def test_what_is_idle_on_either_side_is_no_change() -> None:
    """A constant of 0 or 1 stands for a factor or a term too many; the removal is proposed."""
    made = changes("a + 2 * rate * b")
    assert made["a"].kind == "extra-term"
    assert made["a + rate * b"].kind == "surplus-factor"
    assert not {"a + 0 * rate * b", "a + 1 * rate * b"} & {*made}
    assert "a + 4 * rate * b" in made
    assert not {"1 * a", "0 / a", "a * 1 / rate"} & {*changes("2 / a"), *changes("a * 2 / rate")}
    # What was idle before may stay so.
    assert "1 * b" in changes("1 * a")
    assert "1 * a" in changes("1 * a * rate")


def test_what_is_made_of_itself_is_no_change() -> None:
    """Neither its difference from itself, nor its quotient, nor its product with its inverse.

    Nor is it to be compared with itself.
    """
    made = changes("2 / image.shape[1]")
    assert "row[0] / image.shape[1]" in made
    assert "image.shape[1] / image.shape[1]" not in made
    assert not {"a - a", "a / a"} & {*changes("a - b"), *changes("a / b"), *changes("a * b")}
    assert not {"b * a * (1 / a)", "a * (1 / a)"} & {
        *changes("b * a * (1 - a)"),
        *changes("a * (1 - a)"),
    }
    assert "rate < 1" in changes("rate < 0")
    assert "rate < rate" not in changes("rate < 0")


def test_two_constants_are_no_sum() -> None:
    """Their product is one of two numbers."""
    made = changes("0.5 * 3.0 / a")
    assert not {"(0.5 - 3.0) / a", "(0.5 + 3.0) / a"} & {*made}
    assert "0.5 / 3.0 / a" in made


def test_two_factors_too_many() -> None:
    """Those of a slope are one mistake."""
    made = changes("(a - b) * a * (1 - a)")
    assert made["a - b"].kind == "surplus-factor"


def test_the_slope_of_another_activation() -> None:
    """That of tanh, for that of a sigmoid, in either order of its factors."""
    for was in ("b * a * (1 - a)", "b * (1 - a) * a", "b * (a * (1 - a))"):
        assert changes(was)["b * (1 - a ** 2)"].kind == "wrong-expression"
    assert "1 - a ** 2" in changes("a * (1 - a)")
    assert not {"1 - b ** 2", "1 - a ** 2"} & {*changes("b * (1 - a)")}


def test_an_axis_is_no_variable() -> None:
    """It is another one, also where it is given by its place."""
    made = changes("np.max(image, axis=(1, 2))")
    assert made["np.max(image, axis=(0, 2))"].kind == "wrong-axis"
    assert "np.max(image, axis=(count, 2))" not in made
    for was, now in (("np.sum(a, 0)", "np.sum(a, 1)"), ("a.sum(0)", "a.sum(1)")):
        made = changes(was)
        assert made[now].kind == "wrong-axis"
        assert now.replace("1", "count") not in made
    assert "max(count, b)" in changes("max(0, b)")


def test_a_count_is_no_step_of_an_index() -> None:
    """But where a loop is may be one; alone, or as a factor, any number may be."""
    made = changes("b[:, count - 1]")
    assert "b[:, count]" in made
    assert "b[:, count - count]" not in made
    assert "b[:, count - turn]" in made
    assert "b[:, count * count]" in changes("b[:, count * 1]")
    assert "b[count]" in changes("b[0]")
    assert "range(1 - count)" not in changes("range(count - 1)")
    assert not {"range(count - count)", "range(count - 10)"} & {*changes("range(count - 1)")}
    assert "a - 10" in changes("a - 1")
    assert "range(-count)" not in changes("range(count)")
    assert "1 - a" in changes("a - 1")


def test_an_entry_may_be_all_of_them() -> None:
    """Of an axis of which only one is taken."""
    assert changes("b[0, count]")["b[:, count]"].kind == "wrong-element"
    assert "c[:, :]" not in changes("c[:, None]")


def test_an_index_is_a_whole_number() -> None:
    """It may be another one, and is multiplied with none that is not whole."""
    made = changes("c[turn]")
    assert {"c[turn + 1]", "c[turn - count]"} <= {*made}
    assert not {"c[turn * rate]", "c[turn * 0.5]", "c[np.exp(turn)]", "c[turn ** 2]"} & {*made}
    assert {"rate * turn * rate", "np.exp(rate * turn)"} <= {*changes("rate * turn")}


def test_a_constant_of_the_other_sign() -> None:
    """As a factor it is a sign that is wrong; as a power it is another power."""
    assert changes("0.5 * a")["-0.5 * a"].kind == "turned-sign"
    assert changes("a / 3")["a / -3"].kind == "turned-sign"
    assert changes("a ** 2")["a ** (-2)"].kind == "wrong-power"


def test_a_wrong_number_is_called_by_what_it_is_for() -> None:
    """So that the start of a loop, an option and a power cost the same however they are wrong."""
    assert changes("3 + a")["2 + a"].kind == "wrong-constant"
    assert changes("a ** 3")["a ** 2"].kind == "wrong-power"
    assert changes("range(1, count)")["range(0, count)"].kind == "wrong-bounds"
    assert changes("c[1]")["c[2]"].kind == "wrong-element"
    assert changes("np.var(a, ddof=1)")["np.var(a, ddof=0)"].kind == "wrong-option"
    assert changes("np.sum(a, axis=1)")["np.sum(a, axis=0)"].kind == "wrong-axis"


def rewritten(text: str, place: int) -> Mapping[tuple[str, str], float]:
    """Return the kinds, texts and costs of replacements for statements."""
    tree = ast.parse(text)
    made = changed_blocks(tree.body, place, tree, tree, (), {"a"})
    return {(o.kind, "; ".join(map(ast.unparse, o.block))): o.cost for o in made}


def test_a_step_too_many_is_less_than_one_elsewhere() -> None:
    """Where it is as right to leave it out as to move it."""
    made = rewritten("a = b\na /= count\nc = a", 1)
    assert made["extra-statement", "a = b; c = a"] < min(
        cost for (kind, _), cost in made.items() if kind == "wrong-statement-order"
    )


def test_what_is_written_may_be_another_of_an_object() -> None:
    """Of those that a function has."""
    made = rewritten("self.m[count] = a; b = self.v", 0)
    assert ("wrong-name", "self.v[count] = a; b = self.v") in made


def test_nothing_is_added_to_a_name_that_has_no_value() -> None:
    """It would stop there."""
    assert ("not-added", "a += b") in rewritten("a = b", 0)
    assert not any(kind == "not-added" for kind, _ in rewritten("c = b", 0))


def test_loops_in_one_another_begin_with_0_together() -> None:
    """One of them alone would still leave out entries, or go beyond them."""
    for end, right in (("3", "2"), ("count + 1", "count"), ("count", "count - 1")):
        loops = "for i in range(1, {0}):\n    for j in range({1}, {0}):\n        a[i, j] = 0"
        made = rewritten(loops.format(end, 1), 0)
        less = f"for i in range({right}):\n    for j in range({right}):\n        a[i, j] = 0"
        assert ("wrong-bounds", less) in made
        assert not any(kind == "wrong-bounds" for kind, _ in rewritten(loops.format(end, 0), 0))
        assert not any(kind == "wrong-bounds" for kind, _ in rewritten(loops.format(end, end), 0))


def test_one_function_is_taken_for_another_of_the_text() -> None:
    """For one of numpy's, or of the text's own, that is handed one value too."""
    assert changes("np.cos(a)", "f", "g")["f(a)"].kind == "wrong-function"
    assert changes("f(a)", "f", "g")["g(a)"].kind == "wrong-function"
    assert "g(a)" not in changes("h(a)", "f", "g")
    assert "g(a)" not in changes("np.dot(a, b)", "f", "g")


def test_functions_of_one_another_may_change_places() -> None:
    """The sum of squares is not the square of the sum."""
    assert changes("np.square(np.sum(a))")["np.sum(np.square(a))"].kind == "wrong-order"
    assert "np.sum(np.dot(a), b)" not in changes("np.dot(np.sum(a), b)")


def test_what_is_added_for_two_may_be_for_a_third() -> None:
    """Of names that differ in the last letter."""
    assert changes("f(W1) + f(W2)")["f(W1) + f(W2) + f(W3)"].kind == "missing-term"
    assert "f(a) + f(b) + f(c)" not in changes("f(a) + f(b)")


def test_a_part_of_a_penalty_may_be_missing() -> None:
    """By the size of a batch, where it is no factor of its own."""
    assert changes("a / count")["a / count + rate * b / count"].kind == "missing-term"


def test_functions_are_taken_for_their_like() -> None:
    """What is least for where that is, and one way to draw for another."""
    assert "np.argmin(c)" in changes("np.min(c)")
    assert "np.random.rand(2, 3)" in changes("np.random.randn(2, 3)")
    assert "a.sum(axis=(0, 2))" in changes("a.sum(axis=(0, 1, 2))")
    assert "np.median(c)" in changes("np.mean(c)")
    assert "np.argsort(c)" in changes("np.sort(c)")


def test_where_something_is_may_be_meant_for_what_is_there() -> None:
    """Of whole numbers in a row only: an entry of another row at each."""
    assert changes("places")["c[places]"].kind == "wrong-element"
    assert "places[places]" not in changes("places")
    assert "c[b]" not in changes("b")


def test_a_rate_may_be_taken_as_often_as_something_counts() -> None:
    """As that of a mean that moves is; a count itself is not."""
    assert changes("1 - rate")["1 - rate ** count"].kind == "wrong-power"
    assert "turn ** count" not in changes("turn")


def test_entries_may_be_exchanged() -> None:
    """As names may: those of a sum of two products."""
    made = changes("rate * held['a'] + (1 - rate) * held['b']")
    assert made["rate * held['b'] + (1 - rate) * held['a']"].kind == "wrong-name"


def test_an_entry_may_be_meant_of_what_is_changed() -> None:
    """At an index that the function has elsewhere."""
    for was, now in (("a += rate", "a[i] += rate"), ("a = a - rate", "a[i] = a[i] - rate")):
        assert ("wrong-element", f"b[i] = 1; {now}") in rewritten(f"b[i] = 1; {was}", 1)
    assert not any(kind == "wrong-element" for kind, _ in rewritten("b[i] = 1; a = rate", 1))


def test_an_index_may_be_one_too_few() -> None:
    """What comes before it is all there is, or a loop is at what comes before or after."""
    made = changes("a[:turn]")
    assert made["a[:, :turn]"].kind == "wrong-element"
    assert {"image[0, turn]", "image[turn, 0]", "image[:, 0]"} <= {*changes("image[0]")}


def test_an_index_counts() -> None:
    """A number that is not whole is none, however many there are."""
    made = changes("image[0]")
    assert "image[turn]" in made
    assert "image[rate]" not in made


def test_what_is_borrowed_is_no_more_than_a_line_holds() -> None:
    """Whatever the model solution makes of it: 64 nodes."""
    short, long = (" + ".join(["rate"] * count) for count in (4, 40))
    parts = [Part(text, "whole", (), ()) for text in (short, long)]
    scope = scope_of(LOCAL, ("turn",), Scope())
    assert [part.text for part, _ in borrowed_parts(parts, [], [scope])] == [short]


def test_a_row_is_no_operand() -> None:
    """It stands alone: as often as a number says it may take all memory."""
    assert "row" in changes("rate")
    assert "2 * rate" in changes("2 * count")
    assert "2 * row" not in changes("2 * count")


def test_a_function_of_windows() -> None:
    """The last axes of several are those of a window."""
    made = changes("image")
    assert made["np.max(image, axis=(-2, -1), keepdims=True)"].kind == "missing-function"
    assert not any("-2" in text for text in changes("a"))


def test_a_term_in_a_product_is_more_than_a_factor() -> None:
    """It takes brackets; of a sum it takes none."""
    made = changes("rate * a + b")
    assert made["rate * (a - b) + b"].kind == "missing-term"
    assert made["rate * (a - b) + b"].cost > made["rate * a + b * (1 - rate)"].cost
    assert made["rate * a + b - a"].cost < made["rate * a + b * (1 - rate)"].cost


def test_an_index_picks_one_entry_of_each_row() -> None:
    """Where it takes whole rows, or all of them; a slice with ends means what it says."""
    for was in ("b[:, c]", "b[c]"):
        assert changes(was)["b[np.arange(len(c)), c]"].kind == "wrong-element"
    assert not any("arange" in text for text in changes("b[1:, c]"))


def test_a_size_is_no_bound_of_numbers() -> None:
    """A name that counts may be: it may be the number of a class."""
    made = changes("a > 0")
    assert "a > count" in made
    assert "a > a.size" not in made
    assert "count > a.size" in changes("count > 0")


def test_a_key_may_be_another_of_its_dict() -> None:
    """Also of a dict in a dict."""
    assert changes("cache['sizes']['pad']")["cache['sizes']['stride']"].kind == "wrong-entry"


def test_two_axes_may_be_missing() -> None:
    """As of a window's largest number."""
    made = changes("np.max(image)")
    assert made["np.max(image, axis=(1, 2))"].kind == "wrong-axis"
    assert "np.max(image, keepdims=True, axis=(1, 2))" in changes("np.max(image, keepdims=True)")


def test_a_count_is_not_taken_from_one() -> None:
    """As a share is, or an activation."""
    assert "1 - rate" in changes("rate")
    assert "1 - count" not in changes("count")


def test_a_mask_may_be_the_other_way_round() -> None:
    """With a sign, or without it."""
    assert changes("mask")["~mask"].kind == "wrong-comparison"
    assert changes("~mask")["mask"].kind == "wrong-comparison"
    assert "~a" not in changes("a")


def test_a_row_may_be_in_another_order() -> None:
    """Of values, or of keys, of which one more or less may be meant."""
    made = changes("[a, b]")
    assert made["[b, a]"].kind == "wrong-order"
    made = changes("('pad', 'sizes')")
    assert made["('sizes', 'pad')"].kind == "wrong-order"
    assert made["('pad',)"].kind == "wrong-bounds"
    assert "('pad', 'pad')" not in made


def test_a_size_is_no_term_of_numbers() -> None:
    """An array may be, and a rate."""
    made = changes("1 - a")
    assert {"rate - a", "b - a"} & {*made}
    assert "count - a" not in made
    assert "np.maximum(count, a)" not in changes("np.maximum(0, a)")


def test_entries_may_have_to_be_added_up() -> None:
    """Of an index that stands there twice only one counts otherwise."""
    made = rewritten("a[c] += b", 0)
    assert ("wrong-function", "np.add.at(a, c, b)") in made


def test_what_is_added_up_may_begin_anew_each_time() -> None:
    """The first term is what it was to begin with."""
    made = rewritten("a = b + c", 0)
    assert {("not-added", "a += c"), ("not-added", "a += b")} <= made.keys()


def test_a_row_may_be_gone_through_from_its_end() -> None:
    """As the parts of a net are on the way back."""
    assert ("wrong-bounds", "for x in reversed(row):\n    f(x)") in rewritten(
        "for x in row:\n    f(x)", 0
    )


def test_a_sign_in_an_exponent_is_wrong_throughout() -> None:
    """Where a sigmoid is written with the same exponential twice."""
    one, other = "np.exp(-a) / (1 + np.exp(-a))", "np.exp(a) / (1 + np.exp(a))"
    assert changes(one)[other].kind == "turned-sign"
    assert changes(other)[one].kind == "turned-sign"


def test_a_factor_may_be_missing_throughout() -> None:
    """Where one number is a factor of two terms; a size is none."""
    made = changes("rate * a + rate * b")
    assert made["rate / 2 * a + rate / 2 * b"].kind == "missing-factor"
    assert made["2 * rate * a + 2 * rate * b"].kind == "missing-factor"
    assert "count / 2 * a + count / 2 * b" not in changes("count * a + count * b")


def test_what_divides_in_place_is_all_that_follows() -> None:
    """A sum, where its first term alone was meant."""
    assert ("wrong-brackets", "a = a / count + b") in rewritten("a /= count + b", 0)
    assert ("wrong-brackets", "a = a - count + b") not in rewritten("a -= count + b", 0)


def test_a_shift_is_nearest_where_exponentials_are_taken() -> None:
    """Further up it may be asked for too, as it is; what reads it not is no place for it."""
    text, shift = "kept = a\nrow = 1\nd = np.exp(a)", "a = a - np.max(a)"
    costs = [
        cost
        for place in (2, 0)
        for (kind, made), cost in rewritten(text, place).items()
        if kind == "missing-shift" and shift in made
    ]
    assert costs == sorted({*costs})
    assert len(costs) == 2
    assert not any(kind == "missing-shift" for kind, _ in rewritten(text, 1))


def test_a_function_that_says_itself_how_it_is_called_has_noswitches() -> None:
    """What it says may be anything, and ends no search."""

    def function(values: Any, *, slope: bool = False, rate: float = 0.5) -> Any:
        return values, slope, rate

    assert switches(function) == [("slope", False)]
    function.__signature__ = "anything"
    assert switches(function) == switches(np.exp) == []
