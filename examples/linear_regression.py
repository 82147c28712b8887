"""Linear regression: the training loop every tutorial teaches, on data with a known answer.

python examples/linear_regression.py            # on jtorch
python examples/linear_regression.py --torch    # the same file on PyTorch
"""

import argparse
import sys

if "--torch" in sys.argv:
    import torch
else:
    import jtorch as torch

nn = torch.nn
DataLoader = torch.utils.data.DataLoader
TensorDataset = torch.utils.data.TensorDataset

WEIGHTS, BIAS, NOISE = [2.0, -3.4, 0.7], 4.2, 0.1


def make_data(samples):
    """Inputs ``(samples, 3)`` and targets ``(samples, 1)`` on a plane, with noise."""
    x = torch.randn(samples, len(WEIGHTS))
    y = x @ torch.tensor(WEIGHTS).reshape(-1, 1) + BIAS
    return x, y + NOISE * torch.randn(y.shape)


def fit(epochs, model, loss_fn, optimizer, train_loader, valid_loader):
    """Trains, and after each epoch measures the loss on data the model has not learned from."""
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        model.eval()
        with torch.no_grad():
            total = sum(loss_fn(model(x), y) * len(x) for x, y in valid_loader)
        print(f"epoch {epoch + 1}: validation loss {total / len(valid_loader.dataset):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", action="store_true", help="run on PyTorch instead of jtorch")
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()

    torch.manual_seed(0)
    train_loader = DataLoader(TensorDataset(*make_data(1000)), batch_size=50, shuffle=True)
    valid_loader = DataLoader(TensorDataset(*make_data(200)), batch_size=100)
    model = nn.Linear(len(WEIGHTS), 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    fit(args.epochs, model, nn.MSELoss(), optimizer, train_loader, valid_loader)

    print("learned:", [round(w, 2) for w in model.weight[0].tolist()], round(model.bias.item(), 2))
    print("true:   ", WEIGHTS, BIAS)
    error = (model.weight - torch.tensor(WEIGHTS)).abs().max().item()
    if error > 0.05:
        sys.exit(f"a weight is {error:.3f} off")


if __name__ == "__main__":
    main()
