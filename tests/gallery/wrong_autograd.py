"""Wrong answers to the exercise of an autograd engine, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

ADD = "return computed(self.data + other.data, (self, other), (1.0, 1.0))"
MUL = "return computed(self.data * other.data, (self, other), (other.data, self.data))"
POW = "slope = exponent * self.data ** (exponent - 1)"
RELU = "return computed(max(self.data, 0.0), (self,), (float(self.data > 0),))"
TANH = "return computed(t, (self,), (1 - t**2,))"
EXP = "return computed(e, (self,), (e,))"
SEED = "        self.grad = 1.0\n"
WALK = "for value in reversed(order):"
ADDED = "parent.grad += value.slopes[place] * value.grad"
SUB = "return self + -as_value(other)"
RSUB = "return as_value(other) - self"
DIV = "return self * as_value(other) ** -1"

ALL = {
    "value_sum": "a.grad, b.grad",
    "value_product": "a.grad, b.grad, c.grad",
    "value_reuse": "a.grad, b.grad",
    "value_order": "a.grad, b.grad, c.grad, d.grad",
    "value_power": "a.grad",
    "value_difference": "a.grad, b.grad",
    "value_quotient": "a.grad, b.grad",
    "value_numbers": "a.grad",
    "value_relu_relu": "a.grad, b.grad",
    "value_tanh_tanh": "a.grad, b.grad",
    "value_exp_exp": "a.grad, b.grad",
}
"""The gradients of all checks."""

WRONG = [
    wrong("no gradient of the result", SEED, "", **ALL),
    wrong(
        "a gradient is set and not added to",
        ADDED,
        ADDED.replace("+=", "="),
        value_reuse="a.grad, b.grad",
        value_order="a.grad, b.grad, c.grad, d.grad",
        value_difference="a.grad",
        value_numbers="a.grad",
        value_relu_relu="b.grad",
        value_tanh_tanh="a.grad",
        value_exp_exp="a.grad",
    ),
    wrong(
        "the gradient of the result is not passed on",
        ADDED,
        "parent.grad += value.slopes[place]",
        value_order="a.grad, b.grad, c.grad, d.grad",
        value_difference="a.grad, b.grad",
        value_quotient="b.grad",
        value_numbers="a.grad",
        value_relu_relu="a.grad, b.grad",
        value_tanh_tanh="a.grad, b.grad",
        value_exp_exp="a.grad, b.grad",
    ),
    wrong(
        "the order is not reversed",
        WALK,
        "for value in order:",
        value_reuse="a.grad, b.grad",
        value_order="a.grad, b.grad, c.grad, d.grad",
        value_difference="a.grad, b.grad",
        value_quotient="b.grad",
        value_numbers="a.grad",
        value_relu_relu="a.grad, b.grad",
        value_tanh_tanh="a.grad, b.grad",
        value_exp_exp="a.grad, b.grad",
    ),
    wrong(
        "the slopes of a product exchanged",
        MUL,
        MUL.replace("(other.data, self.data)", "(self.data, other.data)"),
        value_product="a.grad, b.grad",
        value_reuse="a.grad, b.grad",
        value_order="a.grad, b.grad, c.grad, d.grad",
        value_difference="a.grad, b.grad",
        value_quotient="a.grad, b.grad",
        value_numbers="a.grad",
        value_relu_relu="a.grad, b.grad",
        value_tanh_tanh="a.grad, b.grad",
        value_exp_exp="a.grad, b.grad",
    ),
    wrong(
        "the slope of a power without its exponent",
        POW,
        POW.replace("exponent * ", ""),
        value_power="a.grad",
        value_quotient="b.grad",
        value_numbers="a.grad",
    ),
    wrong(
        "the slope of a power with its exponent",
        POW,
        POW.replace(" - 1", ""),
        value_power="a.grad",
        value_quotient="b.grad",
        value_numbers="a.grad",
    ),
    wrong(
        "a ReLU that passes everything on",
        RELU,
        RELU.replace("float(self.data > 0)", "1.0"),
        value_relu_relu="b.grad",
    ),
    wrong(
        "a ReLU of the absolute value",
        RELU,
        RELU.replace("max(self.data, 0.0)", "abs(self.data)"),
        value_relu_relu="c.data, a.grad",
    ),
    wrong(
        "the slope of tanh without its square",
        TANH,
        TANH.replace("**2", ""),
        value_tanh_tanh="a.grad, b.grad",
    ),
    wrong(
        "the slope of exp at the input",
        EXP,
        EXP.replace("(e,))", "(self.data,))"),
        value_exp_exp="a.grad, b.grad",
    ),
    wrong(
        "a difference the wrong way round",
        SUB,
        "return -self + as_value(other)",
        value_difference="c.data, a.grad, b.grad",
        value_numbers="e.data, a.grad",
    ),
    wrong(
        "a number minus a value as value minus number",
        RSUB,
        "return self - other",
        value_numbers="e.data, a.grad",
    ),
    wrong(
        "a quotient without the power",
        DIV,
        "return self * as_value(other)",
        value_quotient="c.data, a.grad, b.grad",
        value_numbers="e.data, a.grad",
    ),
    several(
        "a sum that only remembers its first term",
        {ADD: ADD.replace("(self, other), (1.0, 1.0)", "(self,), (1.0,)")},
        value_sum="b.grad",
        value_reuse="a.grad, b.grad",
        value_order="a.grad, b.grad, c.grad",
        value_difference="b.grad",
        value_numbers="a.grad",
        value_relu_relu="b.grad",
        value_tanh_tanh="a.grad",
        value_exp_exp="a.grad",
    ),
]

CONSTANT = {
    ADD: "return Value(1.0)",
    MUL: "return Value(1.0)",
    POW: "return Value(1.0)\n        slope = 0",
    RELU: "return Value(1.0)",
    TANH: "return Value(1.0)",
    EXP: "return Value(1.0)",
    SEED: "        self.grad = 0.0\n",
}

STARTER = '''
class Value:
    """stores a single scalar value and its gradient"""

    def __init__(self, data, _children=(), _op=""):
        # TODO
        raise NotImplementedError

    def __add__(self, other):
        raise NotImplementedError

    def __mul__(self, other):
        raise NotImplementedError

    def __pow__(self, other):
        raise NotImplementedError

    def relu(self):
        raise NotImplementedError

    def backward(self):
        raise NotImplementedError
'''
