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
        raise NotImplementedError

    def __add__(self, other):
        """Return self + other, a Value. The other is a Value or a number.

        Numbers may also stand on the left of +, -, * and /.
        """
        raise NotImplementedError

    def __mul__(self, other):
        """Return self * other, a Value. The other is a Value or a number."""
        raise NotImplementedError

    def __pow__(self, exponent):
        """Return self to the power of a number, a Value."""
        raise NotImplementedError

    def relu(self):
        """Return the value where it is positive, and else 0, as a Value."""
        raise NotImplementedError

    def tanh(self):
        """Return the hyperbolic tangent, a Value."""
        raise NotImplementedError

    def exp(self):
        """Return e to the power of the value, as a Value."""
        raise NotImplementedError

    def backward(self):
        """Set the attribute grad of every value that this value was computed from, and its own.

        The gradients are those of this value, whose own gradient is 1. A value passes its gradient
        on when all values that were computed from it have passed on theirs.
        """
        raise NotImplementedError

    def __neg__(self):
        """Return -self, a Value."""
        raise NotImplementedError

    def __sub__(self, other):
        """Return self - other, a Value. The other is a Value or a number."""
        raise NotImplementedError

    def __truediv__(self, other):
        """Return self / other, a Value. The other is a Value or a number."""
        raise NotImplementedError

    def __radd__(self, other):
        raise NotImplementedError

    def __rmul__(self, other):
        raise NotImplementedError

    def __rsub__(self, other):
        raise NotImplementedError

    def __rtruediv__(self, other):
        raise NotImplementedError
