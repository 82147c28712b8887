"""Writes what the first epoch of examples/digits.py draws: the order of the images and the dropout masks.

``python -m compat_tests.programs.digits_draws torch|jtorch FILE`` writes an ``.npz`` with one row of each for every
image shown. The order travels in the images' first pixel; the masks are seen by dropping ones. Neither changes a draw.
"""

import importlib
import sys

import numpy as np

from bench.cases import digits


def draws(torch) -> tuple[np.ndarray, np.ndarray]:
    example = digits(torch)
    images, labels, _, _ = example.load_data()
    images[:, 0, 0, 0] = torch.arange(len(images))
    torch.manual_seed(0)
    model = example.Net()
    order, masks = [], []
    model.register_forward_pre_hook(lambda module, args: order.append(args[0][:, 0, 0, 0].tolist()))
    model.dropout.register_forward_pre_hook(lambda module, args: (torch.ones_like(args[0]),))
    model.dropout.register_forward_hook(lambda module, args, output: masks.append((output != 0).tolist()))
    # The test images are none: the draws of training alone.
    example.train(model, images, labels, images[:1], labels[:1], epochs=1)
    shown = [index for batch in order[:-1] for index in batch]
    kept = [image for batch in masks[:-1] for image in batch]
    return np.array(shown), np.array(kept)


def main() -> None:
    side, path = sys.argv[1:]
    order, masks = draws(importlib.import_module(side))
    np.savez(path, order=order, masks=masks)


if __name__ == "__main__":
    main()
