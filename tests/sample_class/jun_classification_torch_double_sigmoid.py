import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 2)
        self.out = nn.Linear(2, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        x = self.sigmoid(self.hidden(x))
        x = self.sigmoid(self.out(x))
        return torch.sigmoid(x)


def train(model, X, y, epochs=100, lr=0.01):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss_function = nn.BCELoss()
    history = []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = loss_function(model(X).flatten(), y)
        loss.backward()
        history.append(loss.item())
        optimizer.step()
    return history


if __name__ == "__main__":
    X = torch.tensor([[8.0, 8.0], [7.0, 9.0], [6.0, 10.0], [5.0, 5.0]])
    y = torch.tensor([1.0, 1.0, 0.0, 0.0])
    print(train(Classifier(), X, y)[::10])
