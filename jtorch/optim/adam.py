"""Adam."""

from __future__ import annotations

from jtorch import _root as torch
from jtorch._declare import Parted, fused_update
from jtorch.optim.optimizer import (
    Optimizer,
    as_number,
    check_implementation,
    check_numbers,
    new_step_count,
    updates,
    zeros_for,
)


class Adam(Optimizer):
    """Adam, with AMSGrad and with weight decay in the gradient or (``decoupled_weight_decay``) in the parameter.

    ``foreach``, ``fused`` and ``capturable`` are accepted and change nothing: a group's step is always one operation,
    with the learning rate and the corrections as its data. Sources: Kingma and Ba, "Adam: a method for stochastic
    optimization", 2015; Reddi et al., "On the convergence of Adam and beyond", 2018.

    >>> import jtorch as torch
    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> optimizer = torch.optim.Adam([weight], lr=0.5)
    >>> weight.sum().backward()
    >>> optimizer.step()
    >>> weight.detach()
    tensor([0.5000, 0.5000])
    """

    _numbers_are_read = True

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay: float = 0,
        amsgrad=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        fused=None,
        decoupled_weight_decay=False,
    ):
        if isinstance(lr, torch.Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_numbers(lr, {"epsilon value": eps, "weight_decay value": weight_decay})
        check_implementation(foreach, fused, differentiable)
        for index, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
        if isinstance(betas[0], torch.Tensor) != isinstance(betas[1], torch.Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)
            group.setdefault("decoupled_weight_decay", False)
            group.setdefault("fused", None)
            for param in group["params"]:
                kept = self.state.get(param)
                if kept and not isinstance(kept["step"], torch.Tensor):
                    kept["step"] = new_step_count(kept["step"])

    def step(self, closure=None):
        loss = self._loss(closure)
        for group in self.param_groups:
            at_step = {}
            for param in group["params"]:
                grad = param.grad
                if grad is None:
                    continue
                state = self.state[param]
                if not state:
                    state.update(self._new_state(param, group))
                at_step.setdefault(self._tick(param, state), []).append((param, state, grad))
            for count, members in at_step.items():
                self._update(group, members, count)
        return loss

    def _new_state(self, param, group):
        state = {
            "step": new_step_count(),
            "exp_avg": zeros_for(param),
            "exp_avg_sq": zeros_for(param),
        }
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_for(param)
        return state

    def _update(self, group, members, count):
        """One operation for all ``members``, ``(param, state, grad)``, that are at step ``count``."""
        amsgrad = bool(group["amsgrad"])
        if as_number(group["weight_decay"]) == 0:
            decay = "none"
        else:
            decay = "parameter" if group["decoupled_weight_decay"] else "gradient"
        names = ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] if amsgrad else ["exp_avg", "exp_avg_sq"]
        params, states, grads = zip(*members, strict=True)
        tensors = [params, *([state[name] for state in states] for name in names), grads]
        flags = updates().AdamFlags(maximize=bool(group["maximize"]), decay=decay, amsgrad=amsgrad)
        try:
            fused_update(
                f"{type(self).__name__}.step", updates().adam, tensors, self._numbers(group, count), flags,
                again=_Again(self, group, params),
            )  # fmt: skip
        except Parted:
            sentence = "Adam does not support sparse gradients, please consider SparseAdam instead"
            raise RuntimeError(sentence) from None

    def _numbers(self, group, count):
        """The numbers of ``_updates.adam`` at step ``count``."""
        lr, weight_decay = as_number(group["lr"]), as_number(group["weight_decay"])
        beta1, beta2 = (as_number(beta) for beta in group["betas"])
        decoupled = bool(group["decoupled_weight_decay"])
        return [
            1 - lr * weight_decay if decoupled else weight_decay,
            1 - beta1,
            beta2,
            1 - beta2,
            lr / (1 - beta1**count),
            (1 - beta2**count) ** 0.5,
            float(group["eps"]),
        ]


class _Again:
    """Counts one more step and gives its numbers: for a compiled function, which sees to it that each
    ``state["step"]`` is the tensor it was."""

    def __init__(self, optimizer, group, params):
        self.optimizer, self.group, self.params = optimizer, group, params
        self.counts = []

    def __call__(self):
        count = 0
        self.counts = self.counts or [self.optimizer._host_steps[id(param)][1] for param in self.params]
        for held in self.counts:
            count = held.item() + 1
            held[()] = count
        return self.optimizer._numbers(self.group, count)
