"""Without an order: a gradient is passed on along every path, and the contributions add up."""

import numpy as np


class Value:
    def __init__(self, data, sources=()):
        self.data = float(data)
        self.grad = 0.0
        self.sources = sources

    @staticmethod
    def of(other):
        return other if isinstance(other, Value) else Value(other)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __sub__(self, other):
        other = Value.of(other)
        return Value(self.data - other.data, ((self, 1.0), (other, -1.0)))

    def __rsub__(self, other):
        return Value.of(other) - self

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def __truediv__(self, other):
        other = Value.of(other)
        quotient = self.data / other.data
        return Value(quotient, ((self, 1 / other.data), (other, -quotient / other.data)))

    def __rtruediv__(self, other):
        return Value.of(other) / self

    def __pow__(self, n):
        return Value(self.data**n, ((self, n * self.data ** (n - 1)),))

    def __neg__(self):
        return Value(-self.data, ((self, -1.0),))

    __radd__ = __add__
    __rmul__ = __mul__

    def tanh(self):
        out = np.tanh(self.data)
        return Value(out, ((self, 1 - out * out),))

    def exp(self):
        out = np.exp(self.data)
        return Value(out, ((self, out),))

    def relu(self):
        return Value(np.maximum(self.data, 0), ((self, 1.0 if self.data > 0 else 0.0),))

    def backward(self, gradient=1.0):
        self.grad += gradient
        for source, slope in self.sources:
            source.backward(gradient * slope)
