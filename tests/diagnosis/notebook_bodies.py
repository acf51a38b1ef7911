"""More update functions, line by line as public notebooks have them, labelled by hand."""

from __future__ import annotations

from student_bodies import body

body(
    "notebook: plain order",
    "r",
    "updated-before-use",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
""",
)

body(
    "notebook: one rate",
    "r",
    "updated-before-use wrong-learning-rate",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.001 * 2 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0])
""",
)

body(
    "notebook: lr small everywhere",
    "r",
    "updated-before-use wrong-learning-rate",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.0001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.0001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.0001 * 2 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.0001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.0001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.0001 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.0001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.0001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.0001 * 2 * (y - y_hat)*parameters['W2'][1][0])
""",
)

body(
    "notebook: b2 from W2[0]",
    "r",
    "updated-before-use wrong-source-entry",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['W2'][0][0] + (0.01 * 2 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
""",
)

body(
    "notebook: W1[1][0] starts from W1[0][1]",
    "r",
    "updated-before-use wrong-source-entry",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
""",
)

body(
    "notebook: 2 lost in biases only",
    "r",
    "wrong-factor",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
""",
)

body(
    "notebook: W2[0] written twice",
    "r",
    "wrong-target",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
""",
)

body(
    "notebook: W2[0] written twice, W2 first",
    "c",
    "wrong-target updated-before-use",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]))
""",
)

body(
    "notebook: parenthesis",
    "c",
    "misplaced-parenthesis",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]*X[0][0]))
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]*X[1][0]))
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]*X[0][0]))
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]*X[1][0]))
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]))
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
""",
)

body(
    "notebook: 1-A only, W2 first, b2 from W2[1]",
    "c",
    "updated-before-use wrong-activation-derivative wrong-source-entry",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['W2'][1][0] + (0.01 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0]*(1-A1[1][0]))
""",
)

body(
    "notebook: no derivative, tenth of the rate",
    "c",
    "missing-activation-derivative wrong-learning-rate",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.0001 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.0001 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.0001 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.0001 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.0001 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.0001 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.0001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.0001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.0001 * (y - y_hat))
""",
)

body(
    "notebook: with 2 as in regression",
    "c",
    "wrong-factor updated-before-use",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]))
""",
)

body(
    "notebook: derivative of the other unit in W1[.,0]",
    "c",
    "wrong-index",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]))
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
""",
)

body(
    "notebook: A1*(1-A1) with mixed unit",
    "c",
    "wrong-index",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]))
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
""",
)

body(
    "notebook: y_hat derivative inside",
    "c",
    "wrong-derivative-argument",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*y_hat*(1-y_hat)*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*y_hat*(1-y_hat)*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0]*y_hat*(1-y_hat))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*y_hat*(1-y_hat)*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*y_hat*(1-y_hat)*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0]*y_hat*(1-y_hat))
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
""",
)

body(
    "notebook: y_hat derivative everywhere",
    "c",
    "extra-output-derivative",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*y_hat*(1-y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*y_hat*(1-y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*y_hat*(1-y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*y_hat*(1-y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*y_hat*(1-y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*y_hat*(1-y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0]))
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*y_hat*(1-y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*y_hat*(1-y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat)*y_hat*(1-y_hat))
""",
)

body(
    "notebook: b1 without derivative",
    "c",
    "missing-activation-derivative",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
""",
)

body(
    "notebook: b1 both from W2[0]",
    "r",
    "wrong-index",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
""",
)

body(
    "notebook: y_hat - y with plus",
    "r",
    "wrong-sign",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y_hat - y)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y_hat - y)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y_hat - y)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y_hat - y)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y_hat - y)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y_hat - y)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y_hat - y)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y_hat - y)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y_hat - y))
""",
)

body(
    "notebook: minus in W2 alone",
    "r",
    "wrong-sign",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] - (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] - (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
""",
)

body(
    "notebook: =+ in b1",
    "r",
    "overwritten updated-before-use",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] =+ (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] =+ (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
""",
)

body(
    "notebook: X[1] forgotten",
    "r",
    "wrong-index",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
""",
)

body(
    "notebook: A1 for X",
    "r",
    "wrong-layer-input",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*A1[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*A1[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
""",
)

body(
    "notebook: W1 without error",
    "r",
    "missing-error",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat))
""",
)

body(
    "notebook: last line missing",
    "r",
    "not-updated",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)*A1[1][0])
""",
)

body(
    "notebook: last two lines missing, W2 first",
    "c",
    "not-updated updated-before-use",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * (y - y_hat))
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * (y - y_hat)*parameters['W2'][0][0]*A1[0][0]*(1-A1[0][0]))
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * (y - y_hat)*parameters['W2'][1][0]*A1[1][0]*(1-A1[1][0])*X[0][0])
""",
)

body(
    "notebook: squared",
    "r",
    "squared-error",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.001 * 2 * (y - y_hat)**2*parameters['W2'][0][0]*X[0][0])
  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.001 * 2 * (y - y_hat)**2*parameters['W2'][0][0]*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.01 * 2 * (y - y_hat)**2*parameters['W2'][0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.001 * 2 * (y - y_hat)**2*parameters['W2'][1][0]*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.001 * 2 * (y - y_hat)**2*parameters['W2'][1][0]*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)**2*parameters['W2'][1][0])
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.001 * 2 * (y - y_hat)**2*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.001 * 2 * (y - y_hat)**2*A1[1][0])
  parameters['b2'][0][0] = parameters['b2'][0][0] + (0.01 * 2 * (y - y_hat)**2)
""",
)

body(
    "notebook: swapped cols by loop",
    "r",
    "swapped-index updated-before-use",
    """
def update_params(params, y, y_pred, A1, X, lr=0.001):
    error = y - y_pred
    for i in range(2):
        params['W2'][i][0] += 0.001 * 2 * error * A1[i][0]
    params['b2'][0][0] += 0.01 * 2 * error
    for i in range(2):
        for j in range(2):
            params['W1'][i][j] += 0.001 * 2 * error * params['W2'][i][0] * X[j][0]
        params['b1'][i][0] += 0.01 * 2 * error * params['W2'][i][0]
    return params
""",
)

body(
    "notebook: vector w/ m and dict",
    "c",
    "wrong-factor",
    """
def update_parameters(parameters, y, y_hat, A1, X):
    m = X.shape[0]
    dZ2 = y_hat - y
    dW2 = (1/m) * A1 * dZ2
    db2 = (1/m) * dZ2
    dZ1 = parameters['W2'] * dZ2 * A1 * (1 - A1)
    dW1 = (1/m) * np.dot(X, dZ1.T)
    db1 = (1/m) * dZ1
    parameters['W1'] = parameters['W1'] - 0.001*dW1
    parameters['b1'] = parameters['b1'] - 0.01*db1
    parameters['W2'] = parameters['W2'] - 0.001*dW2
    parameters['b2'] = parameters['b2'] - 0.01*db2
""",
)

body(
    "notebook: helper derivative of A, W2 first",
    "c",
    "updated-before-use wrong-derivative-argument",
    """
def sigmoid_derivative(z):
    s = sigmoid(z)
    return s * (1 - s)

def update_parameters(parameters, y, y_hat, A1, X):
    error = y_hat - y
    parameters['W2'] = parameters['W2'] - 0.001 * error * A1
    parameters['b2'] = parameters['b2'] - 0.01 * error
    hidden_error = error * parameters['W2'] * sigmoid_derivative(A1)
    parameters['W1'] = parameters['W1'] - 0.001 * np.dot(X, hidden_error.T)
    parameters['b1'] = parameters['b1'] - 0.01 * hidden_error
""",
)

body(
    "notebook: everything together",
    "c",
    "updated-before-use swapped-index wrong-activation-derivative wrong-learning-rate wrong-source-entry",
    """
def update_parameters(parameters,y,y_hat,A1,X):
  parameters['W2'][0][0] = parameters['W2'][0][0] + (0.0001 * (y - y_hat)*A1[0][0])
  parameters['W2'][1][0] = parameters['W2'][1][0] + (0.0001 * (y - y_hat)*A1[1][0])
  parameters['b2'][0][0] = parameters['W2'][1][0] + (0.0001 * (y - y_hat))

  parameters['W1'][0][0] = parameters['W1'][0][0] + (0.0001 * (y - y_hat)*parameters['W2'][0][0]*(1-A1[0][0])*X[0][0])
  parameters['W1'][0][1] = parameters['W1'][0][1] + (0.0001 * (y - y_hat)*parameters['W2'][0][0]*(1-A1[0][0])*X[1][0])
  parameters['b1'][0][0] = parameters['b1'][0][0] + (0.0001 * (y - y_hat)*parameters['W2'][0][0]*(1-A1[0][0]))

  parameters['W1'][1][0] = parameters['W1'][1][0] + (0.0001 * (y - y_hat)*parameters['W2'][1][0]*(1-A1[1][0])*X[0][0])
  parameters['W1'][1][1] = parameters['W1'][1][1] + (0.0001 * (y - y_hat)*parameters['W2'][1][0]*(1-A1[1][0])*X[1][0])
  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.0001 * (y - y_hat)*parameters['W2'][1][0]*(1-A1[1][0]))
""",
)

body(
    "notebook: wrong targets and parens",
    "c",
    "misplaced-parenthesis updated-before-use wrong-source-entry wrong-target",
    """
def update_parameters(parameters,y,y_hat,A1,X):
    parameters['W2'][0][0] = parameters['W2'][0][0]+(0.001*(y-y_hat)*A1[0][0])
    parameters['W2'][0][0] = parameters['W2'][0][0]+(0.001*(y-y_hat)*A1[1][0])
    parameters['b1'][0][0] = parameters['b1'][1][0]+(0.01*(y-y_hat))
    for k in (0, 1):
        delta = (y-y_hat)*parameters['W2'][k][0]*A1[k][0]
        parameters['W1'][0][k] = parameters['W1'][0][k]+(0.001*delta*(1-A1[k][0]*X[0][0]))
        parameters['W1'][1][k] = parameters['W1'][1][k]+(0.001*delta*(1-A1[k][0]*X[1][0]))
        parameters['b1'][k][0] = parameters['b1'][k][0]+(0.01*delta*(1-A1[k][0]))
""",
)
