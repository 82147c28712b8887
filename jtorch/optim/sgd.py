"""Stochastic gradient descent."""

from __future__ import annotations

from jtorch._declare import Parted, fused_update
from jtorch.optim.optimizer import Optimizer, as_number, check_implementation, check_numbers, updates, zeros_for


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, dampening, Nesterov's variant and weight decay.

    ``foreach`` and ``fused`` are accepted and change nothing: a group's step is always one operation.
    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.

    >>> import jtorch as torch
    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> optimizer = torch.optim.SGD([weight], lr=0.1)
    >>> weight.sum().backward()
    >>> optimizer.step()
    >>> weight.detach()
    tensor([0.9000, 0.9000])
    """

    _numbers_are_read = True

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        foreach=None,
        differentiable=False,
        fused=None,
    ):
        check_numbers(lr, {"momentum value": momentum, "weight_decay value": weight_decay})
        check_implementation(foreach, fused, differentiable)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", False)

    def step(self, closure=None):
        loss = self._loss(closure)
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            if group["momentum"] == 0:
                self._update(group, params, [], fresh=False)
                continue
            known, fresh = [], []
            for param in params:
                (fresh if self.state[param].get("momentum_buffer") is None else known).append(param)
            for param in fresh:
                self.state[param]["momentum_buffer"] = zeros_for(param)
            for some, are_fresh in ((known, False), (fresh, True)):
                self._update(group, some, [[self.state[param]["momentum_buffer"] for param in some]], are_fresh)
        return loss

    def _update(self, group, params, buffers, fresh):
        if not params:
            return
        numbers = self._numbers(group, fresh)
        flags = updates().SGDFlags(
            maximize=bool(group["maximize"]),
            decays=numbers[1] != 0,
            momentum=numbers[2] != 0,
            nesterov=bool(group["nesterov"]),
        )
        grads = [param.grad for param in params]
        try:
            fused_update(
                "SGD.step", updates().sgd, [params, *buffers, grads], numbers, flags,
                again=lambda: self._numbers(group, fresh),
            )  # fmt: skip
        except Parted:
            fused_update("SGD.step", updates().sgd, [params, *buffers, [g.to_dense() for g in grads]], numbers, flags)

    def _numbers(self, group, fresh):
        """The numbers of ``_updates.sgd``."""
        momentum = float(group["momentum"])
        # The first buffer is the gradient itself: numbers, not a flag, so that the first step is no program of its own.
        carried, kept = (0.0, 1.0) if fresh else (momentum, float(1 - group["dampening"]))
        return [as_number(group["lr"]), as_number(group["weight_decay"]), momentum, carried, kept]
