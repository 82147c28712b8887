"""Adam for sparse gradients."""

from __future__ import annotations

from jtorch import _root as torch
from jtorch.optim.optimizer import Optimizer, as_number, zeros_for


class SparseAdam(Optimizer):
    """Adam that looks only at the rows a sparse gradient names: their moments and their weights change, others stay.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html

    >>> import jtorch as torch
    >>> table = torch.nn.Embedding(3, 1, sparse=True)
    >>> _ = torch.nn.init.ones_(table.weight)
    >>> optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.5)
    >>> table(torch.tensor([1])).sum().backward()
    >>> optimizer.step()
    >>> table.weight.detach().squeeze()
    tensor([1.0000, 0.5000, 1.0000])
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if lr <= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if eps <= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for index, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        places = [
            [i, j] for i, group in enumerate(self.param_groups) for j, p in enumerate(group["params"]) if p.is_sparse
        ]
        if places:
            raise ValueError(f"Sparse params at indices {places}: SparseAdam requires dense parameter tensors")

    def step(self, closure=None):
        loss = self._loss(closure)
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                if not param.grad.is_sparse:
                    raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
                state = self.state[param]
                if not state:
                    state.update(step=0, exp_avg=zeros_for(param), exp_avg_sq=zeros_for(param))
                state["step"] += 1
                with torch.no_grad():
                    _update(param, state, group)
        return loss


def _update(param, state, group):
    """One step, of the elements that the gradient specifies."""
    grad = param.grad.coalesce()
    if not grad._nnz():
        return
    places, values = tuple(grad._indices()), grad._values()
    if group["maximize"]:
        values = -values
    beta1, beta2 = group["betas"]
    old, old_squares = state["exp_avg"][places], state["exp_avg_sq"][places]
    average = old + (values - old) * (1 - beta1)
    squares = old_squares + (values * values - old_squares) * (1 - beta2)
    state["exp_avg"].index_put_(places, average)
    state["exp_avg_sq"].index_put_(places, squares)
    rate = as_number(group["lr"]) * (1 - beta2 ** state["step"]) ** 0.5 / (1 - beta1 ** state["step"])
    param.index_put_(places, param[places] - rate * average / (squares.sqrt() + group["eps"]))
