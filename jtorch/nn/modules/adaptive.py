"""The softmax of many classes, in clusters (Grave et al., 2016)."""

from __future__ import annotations

import collections

from jtorch import _root as torch
from jtorch.nn import functional as F
from jtorch.nn.modules.container import ModuleList, Sequential
from jtorch.nn.modules.linear import Linear
from jtorch.nn.modules.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = collections.namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log probabilities of the targets and their negative mean. Frequent classes stand in the head, rare ones in
    clusters that begin at ``cutoffs``, each projected to ``div_value`` times fewer features than the one before.

    >>> import jtorch as torch
    >>> m = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[3, 6], div_value=2.0)
    >>> m.log_prob(torch.ones(2, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, device=None, dtype=None
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        whole = all(int(c) == c for c in cutoffs)
        if not whole or cutoffs != sorted(set(cutoffs)) or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                "value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        place = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **place)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:], strict=False)):
            hidden = int(in_features // div_value ** (i + 1))
            down = Linear(in_features, hidden, bias=False, **place)
            self.tail.append(Sequential(down, Linear(hidden, high - low, bias=False, **place)))

    def reset_parameters(self) -> None:
        """Draws the first values anew."""
        self.head.reset_parameters()
        for layer in (layer for pair in self.tail for layer in pair.children()):
            layer.reset_parameters()

    def forward(self, input_, target_):
        batched = target_.dim() > 0
        self._check(input_, target_)
        input = input_ if batched else input_.unsqueeze(0)
        target = target_ if batched else target_.unsqueeze(0)
        scores = F.log_softmax(self.head(input), dim=1)
        output = scores.gather(1, target.clamp(max=self.shortlist_size - 1).unsqueeze(1)).squeeze(1)
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:], strict=False)):
            inside = (target >= low) & (target < high)
            within = (target - low).clamp(0, high - low - 1)
            cluster = F.log_softmax(self.tail[i](input), dim=1).gather(1, within.unsqueeze(1)).squeeze(1)
            output = torch.where(inside, scores[:, self.shortlist_size + i] + cluster, output)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _check(self, input, target) -> None:
        if target.dim() > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if target.dim() == 1 and input.shape[0] != target.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if target.dim() == 1 and input.dim() != 2:
            raise RuntimeError(f"1D target tensor expects 2D input tensors, but found inputs with size {input.size()}")
        if target.dim() == 0 and input.dim() != 1:
            raise RuntimeError("0D target tensor should be used with 1D input tensor")
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{low}, {high}] were "
                "found. "
            )

    def log_prob(self, input):
        """Log probabilities of all classes, (N, n_classes)."""
        head = self.head(input)
        scores = F.log_softmax(head, dim=1)
        parts = [scores[:, : self.shortlist_size]]
        parts += [
            F.log_softmax(cluster(input), dim=1) + scores[:, self.shortlist_size + i].unsqueeze(1)
            for i, cluster in enumerate(self.tail)
        ]
        return torch.cat(parts, dim=1)

    def predict(self, input):
        """The most probable class of each sample."""
        return self.log_prob(input).argmax(dim=1)
