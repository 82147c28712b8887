"""Handwritten digits: train a small CNN on real images, save it, load it, draw what it learned.

    python examples/digits.py            # on jtorch
    python examples/digits.py --torch    # the same file on PyTorch

Data: the 1,797 handwritten digits of 8x8 pixels that come with scikit-learn (E. Alpaydin and C. Kaynak, UCI, 1998).
1,500 train, 297 test, drawn once by a fixed permutation, so that every ``--seed`` is judged on the same images.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from tqdm import tqdm

if "--torch" in sys.argv:
    import torch
else:
    import jtorch as torch

nn = torch.nn
F = torch.nn.functional

TRAIN = 1500


class Net(nn.Module):
    """Images ``(batch, 1, 8, 8)`` in, one score for each of the ten digits ``(batch, 10)`` out."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.25)
        self.classify = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        x = self.dropout(self.pool(x))
        return self.classify(x.flatten(1))


def load_data():
    """Training and test images, scaled to [0, 1], with their labels."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    images, labels = images[order], labels[order]
    return images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:]


@torch.inference_mode()
def predict(model, images):
    """The most likely digit for each image."""
    model.eval()
    return model(images).argmax(dim=1)


def accuracy(model, images, labels):
    return (predict(model, images) == labels).float().mean().item()


def train(model, images, labels, test_images, test_labels, epochs):
    """Trains in place and returns the loss of every step."""
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=64, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    losses = []
    with tqdm(total=epochs * len(loader), unit="step") as bar:
        for epoch in range(epochs):
            model.train()
            for x, y in loader:
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                bar.update()
            scheduler.step()
            test = accuracy(model, test_images, test_labels)
            bar.set_description(f"epoch {epoch + 1}, loss {losses[-1]:.3f}, test {test:.1%}")
    return losses


def save_and_reload(model, path):
    """Writes the weights and reads them into a new model, as a program that only predicts would."""
    torch.save(model.state_dict(), path)
    fresh = Net()
    fresh.load_state_dict(torch.load(path, weights_only=True))
    return fresh


def draw(path, losses, images, labels, predicted):
    """One picture: the loss of each step, who was taken for whom, and digits (the mistakes first, in red)."""
    figure = Figure(figsize=(15, 5), layout="constrained")
    left, middle, right = figure.subfigures(1, 3)

    axes = left.subplots()
    axes.semilogy(losses, linewidth=0.8)
    axes.set(title="training loss", xlabel="step")

    table = confusion_matrix(labels, predicted, labels=range(10))
    axes = middle.subplots()
    axes.imshow(table, cmap="Blues")
    for row, col in zip(*table.nonzero(), strict=True):
        color = "white" if table[row, col] > table.max() / 2 else "black"
        axes.text(col, row, table[row, col], ha="center", va="center", color=color)
    axes.set(title="test images", xlabel="predicted", ylabel="true", xticks=range(10), yticks=range(10))

    order = (predicted != labels).argsort(kind="stable")[::-1]
    for axes, i in zip(right.subplots(4, 6).flat, order, strict=False):
        axes.imshow(images[i, 0], cmap="gray_r")
        axes.set_title(str(predicted[i]), color="black" if predicted[i] == labels[i] else "red", fontsize=9)
        axes.axis("off")
    right.suptitle("predictions")
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", action="store_true", help="run on PyTorch instead of jtorch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for digits.pt and digits.png")
    parser.add_argument("--log", type=Path, help="also write initial parameters, losses and accuracy to this JSON file")
    args = parser.parse_args()
    started = time.perf_counter()

    train_images, train_labels, test_images, test_labels = load_data()
    torch.manual_seed(args.seed)
    model = Net()
    initial = {name: parameter.tolist() for name, parameter in model.named_parameters()} if args.log else None
    losses = train(model, train_images, train_labels, test_images, test_labels, args.epochs)
    test = accuracy(model, test_images, test_labels)

    args.out.mkdir(parents=True, exist_ok=True)
    predicted = predict(model, test_images)
    reloaded = save_and_reload(model, args.out / "digits.pt")
    if not torch.equal(predict(reloaded, test_images), predicted):
        sys.exit("the reloaded model does not predict what the trained one does")
    draw(args.out / "digits.png", losses, test_images.numpy(), test_labels.numpy(), predicted.numpy())

    seconds = time.perf_counter() - started
    if args.log:
        log = {"initial": initial, "losses": losses, "accuracy": test, "seconds": seconds}
        args.log.write_text(json.dumps(log))
    print(f"test accuracy {test:.2%} on {len(test_labels)} images, {seconds:.1f} s after the imports")
    print(f"wrote {args.out / 'digits.pt'} and {args.out / 'digits.png'}")


if __name__ == "__main__":
    main()
