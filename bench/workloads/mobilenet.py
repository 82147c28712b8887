"""Training a stack of MobileNet's inverted residual blocks (1x1, depthwise 3x3, 1x1; ReLU6), batch 32.

Pictures of 32x32, SGD with momentum; as MobileNetV2 with a third of its blocks and a stem of stride 1.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax

from bench.workloads import _images as lib
from bench.workloads.base import JaxSide, TorchSide

BATCH, SIDE, CLASSES = 32, 32, 10
STEM, LAST, EXPANSION = 32, 256, 6
BLOCKS = ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (64, 2), (64, 1))  # channels out and stride
LR, MOMENTUM = 0.01, 0.9


def data() -> list:
    return lib.data(BATCH, 3, SIDE, CLASSES)


def mobilenet(torch: Any) -> Any:
    nn = torch.nn

    def conv(channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> list:
        padding = kernel // 2
        layer = nn.Conv2d(channels, out, kernel, stride, padding, groups=groups, bias=False)
        return [layer, nn.BatchNorm2d(out)]

    class Block(nn.Module):
        def __init__(self, channels: int, out: int, stride: int):
            super().__init__()
            wide = channels * EXPANSION
            self.adds = stride == 1 and channels == out
            self.layers = nn.Sequential(
                *conv(channels, wide, 1), nn.ReLU6(),
                *conv(wide, wide, 3, stride, groups=wide), nn.ReLU6(),
                *conv(wide, out, 1),
            )  # fmt: skip

        def forward(self, x):
            return x + self.layers(x) if self.adds else self.layers(x)

    class MobileNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(*conv(3, STEM, 3), nn.ReLU6())
            widths = [STEM, *(out for out, _ in BLOCKS)]
            self.blocks = nn.Sequential(
                *(Block(channels, *block) for channels, block in zip(widths, BLOCKS, strict=False))
            )
            self.last = nn.Sequential(*conv(widths[-1], LAST, 1), nn.ReLU6())
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(LAST, CLASSES)

        def forward(self, x):
            return self.fc(self.pool(self.last(self.blocks(self.stem(x)))).flatten(1))

    return MobileNet()


def torch_side(torch: Any) -> TorchSide:
    model = mobilenet(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    return lib.torch_classifier(torch, model, data(), optimizer)


def _apply(train: dict, state: dict, x: Any) -> tuple[Any, dict]:
    new: dict = {}

    def layer(name: str, at: int, x: Any, stride: int = 1, groups: int = 1) -> Any:
        weight = train[f"{name}.{at}.weight"]
        out = lib.conv(x, weight, stride, weight.shape[0] // 2, groups)
        return lib.batch_norm(train, state, new, f"{name}.{at + 1}", out)

    x = jax.nn.relu6(layer("stem", 0, x))
    for i, (out, stride) in enumerate(BLOCKS):
        name = f"blocks.{i}.layers"
        y = jax.nn.relu6(layer(name, 0, x))
        y = jax.nn.relu6(layer(name, 3, y, stride, y.shape[-1]))
        y = layer(name, 6, y)
        x = x + y if stride == 1 and x.shape[-1] == out else y
    x = jax.nn.relu6(layer("last", 0, x))
    return lib.linear(train, "fc", x.mean((1, 2))), new


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    return lib.jax_classifier(lib.split(state), _apply, data(), optax.sgd(LR, MOMENTUM))
