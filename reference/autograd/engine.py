"""Numbers that remember how they were computed, and find their gradients by the chain rule.

Every operation returns a new Value, and changes none. Gradients add up: a value that is used twice
gets the sum of both contributions.
"""

import math


class Value:
    """A number, and the gradient of a result by it.

    Parameters
    ----------
    data : number

    Attributes
    ----------
    data : number
    grad : number
        0 at first. The method `backward` of a result sets it.
    """

    def __init__(self, data):
        self.data = data
        self.grad = 0.0
        self.parents = ()
        self.slopes = ()

    def __add__(self, other):
        """Return self + other, a Value. The other is a Value or a number.

        Numbers may also stand on the left of +, -, * and /.
        """
        other = as_value(other)
        return computed(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        """Return self * other, a Value. The other is a Value or a number."""
        other = as_value(other)
        return computed(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        """Return self to the power of a number, a Value."""
        slope = exponent * self.data ** (exponent - 1)
        return computed(self.data**exponent, (self,), (slope,))

    def relu(self):
        """Return the value where it is positive, and else 0, as a Value."""
        return computed(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def tanh(self):
        """Return the hyperbolic tangent, a Value."""
        t = math.tanh(self.data)
        return computed(t, (self,), (1 - t**2,))

    def exp(self):
        """Return e to the power of the value, as a Value."""
        e = math.exp(self.data)
        return computed(e, (self,), (e,))

    def backward(self):
        """Set the attribute grad of every value that this value was computed from, and its own.

        The gradients are those of this value, whose own gradient is 1. A value passes its gradient
        on when all values that were computed from it have passed on theirs.
        """
        order, seen = [], set()

        def visit(value):
            if id(value) not in seen:
                seen.add(id(value))
                for parent in value.parents:
                    visit(parent)
                order.append(value)

        visit(self)
        self.grad = 1.0
        for value in reversed(order):
            for place, parent in enumerate(value.parents):
                parent.grad += value.slopes[place] * value.grad

    def __neg__(self):
        """Return -self, a Value."""
        return self * -1

    def __sub__(self, other):
        """Return self - other, a Value. The other is a Value or a number."""
        return self + -as_value(other)

    def __truediv__(self, other):
        """Return self / other, a Value. The other is a Value or a number."""
        return self * as_value(other) ** -1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return as_value(other) - self

    def __rtruediv__(self, other):
        return as_value(other) / self


def as_value(number):
    """Return a number as a Value; a Value is returned as it is."""
    return number if isinstance(number, Value) else Value(number)


def computed(data, parents, slopes):
    """Return a Value that keeps what it was computed from, and its derivative by each of these."""
    value = Value(data)
    value.parents, value.slopes = parents, slopes
    return value
