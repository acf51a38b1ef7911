"""A net of two layers with a softmax loss.

No function changes what it is handed.
"""

import numpy as np


class TwoLayerNet:
    """Affine, ReLU, affine, softmax; each example is a row.

    Parameters
    ----------
    input_size : int
        How many numbers an example has, D.
    hidden_size : int
        How many hidden units there are, H.
    output_size : int
        How many classes there are, C.
    std : number
        The standard deviation of the weights, which are normally distributed.

    Attributes
    ----------
    params : dict
        "W1", (D, H), "b1", (H,), "W2", (H, C), and "b2", (C,). Biases begin as 0. Methods read
        parameters here, where others may have been put.
    """

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        """Return the loss and the gradient of each parameter; without labels, the scores.

        The loss is the mean over the examples of -log of the probability of the right class, and on
        top reg * (sum(W1²) + sum(W2²)): biases do not count. All are finite for scores of a
        thousand too. Without y, one array is returned: scores, (N, C), which go into the softmax.

        Parameters
        ----------
        X : array, (N, D)
        y : array of int, (N,), or None
            Labels, from 0 to C - 1.
        reg : number

        Returns
        -------
        loss : number
        grads : dict
            "W1", (D, H), "b1", (H,), "W2", (H, C), and "b2", (C,), named as the parameters are.
        """
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
        """Return the class of the highest score for each example.

        Parameters
        ----------
        X : array, (N, D)

        Returns
        -------
        labels : array of int, (N,)
        """
        return np.argmax(self.loss(X), axis=1)
