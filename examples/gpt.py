"""A character GPT that learns to write Python from the source of Python's own standard library.

    python examples/gpt.py            # on jtorch
    python examples/gpt.py --torch    # the same file on PyTorch

A few hundred steps: enough for indentation, keywords and the shape of a function, not for sense.
Source: Radford et al., "Language models are unsupervised multitask learners", 2019.
"""

import argparse
import sys
import sysconfig
import time
from pathlib import Path

if "--torch" in sys.argv:
    import torch
else:
    import jtorch as torch

nn = torch.nn
F = torch.nn.functional

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))


class Attention(nn.Module):
    """Every position looks at those before it, in several heads. ``(batch, time, width)`` in and out."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.to_qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention, then a small network for each position, both added to what came in."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Characters ``(batch, time)`` in, scores for each next character ``(batch, time, len(ALPHABET))`` out."""

    def __init__(self, context, width=96, heads=4, layers=3):
        super().__init__()
        self.context = context
        self.characters = nn.Embedding(len(ALPHABET), width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, len(ALPHABET), bias=False)
        self.apply(self.initialize)

    @staticmethod
    def initialize(module):
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens):
        positions = torch.arange(tokens.shape[1])
        x = self.characters(tokens) + self.positions(positions)
        return self.scores(self.norm(self.blocks(x)))


def load_text():
    """The standard library's top-level modules as numbers, one for each character of the alphabet."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = "\n".join(file.read_text(encoding="utf-8", errors="ignore") for file in files)
    number = {character: index for index, character in enumerate(ALPHABET)}
    return torch.tensor([number[c] for c in text.expandtabs(4) if c in number])


def batch(data, size, context):
    """Random pieces ``(size, context)`` and the same pieces one character on."""
    starts = torch.randint(len(data) - context, (size, 1))
    index = starts + torch.arange(context)
    return data[index], data[index + 1]


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


@torch.no_grad()
def evaluate(model, data, context, batches=8):
    model.eval()
    losses = [loss_of(model, *batch(data, 32, context)) for _ in range(batches)]
    model.train()
    return torch.stack(losses).mean().item()


@torch.no_grad()
def write(model, prompt, length, temperature=0.8):
    """Goes on from ``prompt``, drawing one character after the other."""
    model.eval()
    tokens = torch.tensor([[ALPHABET.index(c) for c in prompt.rjust(model.context, "\n")]])
    text = prompt
    for _ in range(length):
        probabilities = F.softmax(model(tokens)[:, -1] / temperature, dim=-1)
        following = torch.multinomial(probabilities, 1)
        tokens = torch.cat([tokens[:, 1:], following], dim=1)
        text += ALPHABET[following.item()]
    return text


def train(model, data, steps, size):
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, pct_start=0.1)
    began = time.perf_counter()
    for step in range(steps):
        loss = loss_of(model, *batch(data, size, model.context))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:4d}, loss {loss.item():.3f}, {time.perf_counter() - began:5.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", action="store_true", help="run on PyTorch instead of jtorch")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--length", type=int, default=400, help="characters to write at the end")
    args = parser.parse_args()

    torch.manual_seed(0)
    data = load_text()
    split = int(0.95 * len(data))
    model = GPT(args.context)
    size = sum(p.numel() for p in model.parameters())
    print(f"{len(data):,} characters, {size:,} parameters, loss of a guess {torch.tensor(len(ALPHABET)).log():.3f}")
    train(model, data[:split], args.steps, args.batch)
    print(f"loss on text it has not seen: {evaluate(model, data[split:], args.context):.3f}\n")
    print(write(model, "def ", args.length))


if __name__ == "__main__":
    main()
