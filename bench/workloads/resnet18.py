"""Training ResNet-18 on 32x32 pictures (a 3x3 stem without pooling), batch 64, SGD with momentum."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax

from bench.workloads import _images as lib
from bench.workloads.base import JaxSide, TorchSide

BATCH, SIDE, CLASSES, WIDTH = 64, 32, 10, 64
LR, MOMENTUM = 0.01, 0.9
STAGES = ((1, 1), (2, 2), (4, 2), (8, 2))  # width in units of WIDTH and stride; two blocks each


def data() -> list:
    return lib.data(BATCH, 3, SIDE, CLASSES)


def resnet(torch: Any) -> Any:
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, channels: int, width: int, stride: int):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.downsample = None
            if stride != 1 or channels != width:
                self.downsample = nn.Sequential(
                    nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
                )

        def forward(self, x):
            out = F.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            return F.relu(out + (x if self.downsample is None else self.downsample(x)))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, WIDTH, 3, 1, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(WIDTH)
            channels, blocks = WIDTH, []
            for times, stride in STAGES:
                for step in (stride, 1):
                    blocks.append(Block(channels, times * WIDTH, step))
                    channels = times * WIDTH
            self.blocks = nn.Sequential(*blocks)
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(channels, CLASSES)

        def forward(self, x):
            x = self.blocks(F.relu(self.bn1(self.conv1(x))))
            return self.fc(self.pool(x).flatten(1))

    return ResNet()


def torch_side(torch: Any) -> TorchSide:
    model = resnet(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    return lib.torch_classifier(torch, model, data(), optimizer)


def _block(train: dict, state: dict, new: dict, name: str, x: Any, stride: int) -> Any:
    out = lib.conv(x, train[f"{name}.conv1.weight"], stride, 1)
    out = jax.nn.relu(lib.batch_norm(train, state, new, f"{name}.bn1", out))
    out = lib.conv(out, train[f"{name}.conv2.weight"], 1, 1)
    out = lib.batch_norm(train, state, new, f"{name}.bn2", out)
    if f"{name}.downsample.0.weight" in train:
        x = lib.conv(x, train[f"{name}.downsample.0.weight"], stride)
        x = lib.batch_norm(train, state, new, f"{name}.downsample.1", x)
    return jax.nn.relu(out + x)


def _apply(train: dict, state: dict, x: Any) -> tuple[Any, dict]:
    new: dict = {}
    x = lib.conv(x, train["conv1.weight"], 1, 1)
    x = jax.nn.relu(lib.batch_norm(train, state, new, "bn1", x))
    strides = [step for _, stride in STAGES for step in (stride, 1)]
    for i, stride in enumerate(strides):
        x = _block(train, state, new, f"blocks.{i}", x, stride)
    return lib.linear(train, "fc", x.mean((1, 2))), new


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    return lib.jax_classifier(lib.split(state), _apply, data(), optax.sgd(LR, MOMENTUM))
