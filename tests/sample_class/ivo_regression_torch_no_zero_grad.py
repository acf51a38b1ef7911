import torch
from torch import nn

X = torch.tensor([[8.0, 8.0], [6.0, 10.0], [7.0, 9.0], [5.0, 12.0]])
y = torch.tensor([4.0, 6.0, 5.0, 7.0])


class RegressionNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))

    def forward(self, x):
        return self.layers(x)


model = RegressionNet()
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)

losses = []
for epoch in range(20):
    prediction = model(X).squeeze()
    loss = criterion(prediction, y)
    losses.append(loss.item())
    loss.backward()
    optimizer.step()

print(losses)
