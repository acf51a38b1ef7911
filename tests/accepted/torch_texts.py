"""torch submissions: models and loops as students write them."""

from __future__ import annotations

from accepted.entry import PROBLEMS, Accepted, spoil

DATA = {
    "regression": """
import torch
from torch import nn
import torch.nn.functional as F

X = torch.tensor([[8, 8], [6, 10], [7, 9], [5, 12]], dtype=torch.float32)
y = torch.tensor([4, 6, 5, 7], dtype=torch.float32)
""",
    "classification": """
import torch
from torch import nn
import torch.nn.functional as F

X = torch.tensor([[8, 8], [7, 9], [6, 10], [5, 5]], dtype=torch.float32)
y = torch.tensor([1, 1, 0, 0], dtype=torch.float32)
""",
}
LAYERS = {
    "regression": "nn.Linear(2, 2), nn.Linear(2, 1)",
    "classification": "nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid()",
}
FORWARD = {
    "regression": "self.fc2(self.fc1(x))",
    "classification": "torch.sigmoid(self.fc2(torch.sigmoid(self.fc1(x))))",
}
LOSS = {"regression": "nn.MSELoss()", "classification": "nn.BCELoss()"}
FUNCTION = {"regression": "F.mse_loss", "classification": "F.binary_cross_entropy"}
RATE = {"regression": "0.001", "classification": "0.01"}
EPOCHS = {"regression": "20", "classification": "100"}

STACKED = """
class MyNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_stack = nn.Sequential({layers})

    def forward(self, x):
        return self.layer_stack(x)
"""
NAMED_LAYERS = """
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(2, 2)
        self.fc2 = nn.Linear(2, 1)

    def forward(self, x):
        return {forward}
"""
BY_HAND = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.W1 = nn.Parameter(torch.randn(2, 2))
        self.b1 = nn.Parameter(torch.zeros({{size}}2))
        self.W2 = nn.Parameter(torch.randn(2, 1))
        self.b2 = nn.Parameter(torch.zeros({{size}}1))

    def fc1(self, x):
        return x @ self.W1 + self.b1

    def fc2(self, x):
        return x @ self.W2 + self.b2

    def forward(self, x):
        return {forward}
"""
SQUEEZED = NAMED_LAYERS.replace("{forward}", "{forward}.squeeze()")
BARE = """
model = nn.Sequential({layers})
"""
FACTORY = """
def make_model():
    return nn.Sequential({layers})

model = make_model()
"""
TRAIN = """
def train(model, X, y, epochs, lr):
    loss_fn = {loss}
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for epoch in range(epochs):
        y_pred = model(X).squeeze()
        loss = loss_fn(y_pred, y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
"""
TRAIN_COLUMN = TRAIN.replace("model(X).squeeze()", "model(X)").replace(
    "(y_pred, y)", "(y_pred, y.view(-1, 1))"
)
TRAIN_PLAIN = TRAIN.replace("model(X).squeeze()", "model(X)")
TRAIN_RENAMED = """
def fit(net, inputs, targets, n_epochs, learning_rate={rate}):
    optimiser = torch.optim.SGD(net.parameters(), learning_rate)
    history = []
    for _ in range(n_epochs):
        optimiser.zero_grad()
        loss = {function}(net(inputs).flatten(), targets)
        loss.backward()
        history.append(loss.item())
        optimiser.step()
    return history
"""
TRAIN_OWN_RATE = TRAIN.replace("epochs, lr)", "epochs)").replace("lr=lr", "lr={rate}")
LOOP_PRINTED = """
loss_fnc = {loss}
optim = torch.optim.SGD(params=model.parameters(), lr={rate})

epochs = {epochs}
for i in range(epochs):
    model.train()
    y_logits = model(X)
    y_pred = y_logits.squeeze()
    loss = loss_fnc(y_pred, y)
    if i % 10 == 0:
        print(f"epoch {{i}} loss {{loss.item()}}")
    optim.zero_grad()
    loss.backward()
    optim.step()
"""
LOOP_RECORDED = """
y = y.unsqueeze(1)
criterion = {loss}
optimizer = torch.optim.SGD(model.parameters(), lr={rate})
losses = []
for epoch in range({epochs}):
    optimizer.zero_grad()
    loss = criterion(model(X), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""
LOOP_FUNCTIONAL = """
optimizer = torch.optim.SGD(model.parameters(), lr={rate})
train_loss = []
num_epochs = {epochs}
for epoch in range(num_epochs):
    loss = {function}(model(X)[:, 0], y)
    train_loss.append(loss.detach().item())
    model.zero_grad()
    loss.backward()
    optimizer.step()
"""

ZERO_GRAD = (("optimizer.zero_grad()", "pass"), ("optim.zero_grad()", "pass"),
             ("optimiser.zero_grad()", "pass"), ("model.zero_grad()", "pass"))  # fmt: skip

SUBMISSIONS: dict[str, tuple[str, str]] = {
    "class-and-train": (STACKED, TRAIN),
    "named-layers-column-output": (NAMED_LAYERS, TRAIN_COLUMN),
    "output-squeezed-in-forward": (SQUEEZED, TRAIN_PLAIN),
    "bare-sequential-and-train": (BARE, TRAIN),
    "parameters-by-hand": (BY_HAND.replace("{{size}}", ""), TRAIN),
    "parameters-by-hand-in-rows": (BY_HAND.replace("{{size}}", "1, "), TRAIN),
    "functional-loss-and-renamed-train": (NAMED_LAYERS, TRAIN_RENAMED),
    "train-with-its-own-rate": (STACKED, TRAIN_OWN_RATE),
    "class-and-loop": (STACKED + "\nmodel = MyNN()\n", LOOP_PRINTED),
    "class-and-functional-loop": (NAMED_LAYERS + "\nmodel = Net()\n", LOOP_FUNCTIONAL),
    "bare-sequential-and-loop": (BARE, LOOP_PRINTED),
    "factory-and-train": (FACTORY, TRAIN),
    "loop-with-column-targets": (BARE, LOOP_RECORDED),
}
"""Model and training of each submission."""


def fill(problem: str, text: str) -> str:
    """Put the problem's layers, loss, rate and epochs into a text."""
    return text.format(
        layers=LAYERS[problem],
        forward=FORWARD[problem],
        loss=LOSS[problem],
        function=FUNCTION[problem],
        rate=RATE[problem],
        epochs=EPOCHS[problem],
    )


def without_zero_grad(text: str) -> str:
    """Forget to clear the gradients."""
    for right, wrong in ZERO_GRAD:
        if right in text:
            return spoil(text, right, wrong)
    raise AssertionError("no zero_grad was found")


WRONG_MODEL = {  # one activation too many, or one too few
    "regression": (
        ("nn.Linear(2, 2), nn.Linear", "nn.Linear(2, 2), nn.Sigmoid(), nn.Linear"),
        ("self.fc1(x)", "torch.sigmoid(self.fc1(x))"),
    ),
    "classification": (
        ("nn.Linear(2, 2), nn.Sigmoid(),", "nn.Linear(2, 2),"),
        ("torch.sigmoid(self.fc1(x))", "self.fc1(x)"),
    ),
}


def wrong_model(problem: str, text: str) -> str:
    """Change the hidden layer's activation."""
    for right, wrong in WRONG_MODEL[problem]:
        if right in text:
            return spoil(text, right, wrong)
    raise AssertionError("no hidden layer was found")


def torch_entries() -> list[Accepted]:
    """Every submission for both problems, with a wrong model and with a wrong loop."""
    entries = []
    for problem in PROBLEMS:
        for name, (model, training) in SUBMISSIONS.items():
            parts = [DATA[problem], fill(problem, model), fill(problem, training)]
            data, model_text, training_text = parts
            twins = {
                "forward": data + wrong_model(problem, model_text) + training_text,
                "trajectory": data + model_text + without_zero_grad(training_text),
            }
            entries += [
                Accepted(
                    name if fails == "trajectory" else f"{name}-model",
                    f"{problem}-torch",
                    "".join(parts),
                    twin,
                    fails,
                )
                for fails, twin in twins.items()
            ]
    return entries
