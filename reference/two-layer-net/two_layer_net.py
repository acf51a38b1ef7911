"""A net of two layers with a softmax loss."""

import numpy as np


class TwoLayerNet:
    """Affine, ReLU, affine, softmax; each example is a row."""

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        """Return the loss and the gradient of each parameter; without labels, the scores."""
        W1, W2 = self.params["W1"], self.params["W2"]
        N = len(X)
        hidden = np.maximum(X @ W1 + self.params["b1"], 0)
        scores = hidden @ W2 + self.params["b2"]
        if y is None:
            return scores
        powers = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        probabilities = powers / np.sum(powers, axis=1, keepdims=True)
        loss = -np.mean(np.log(probabilities[np.arange(N), y]))
        loss += reg * (np.sum(W1**2) + np.sum(W2**2))
        dscores = probabilities
        dscores[np.arange(N), y] -= 1
        dscores /= N
        dhidden = dscores @ W2.T * (hidden > 0)
        return loss, {
            "W1": X.T @ dhidden + 2 * reg * W1,
            "b1": np.sum(dhidden, axis=0),
            "W2": hidden.T @ dscores + 2 * reg * W2,
            "b2": np.sum(dscores, axis=0),
        }

    def predict(self, X):
        """Return the class of the highest score for each example."""
        return np.argmax(self.loss(X), axis=1)
