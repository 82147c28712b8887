"""Adam with decoupled weight decay."""

from __future__ import annotations

from jtorch.optim.adam import Adam


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself instead of going through the moments.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.

    >>> import jtorch as torch
    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> optimizer = torch.optim.AdamW([weight], lr=0.5, weight_decay=1.0)
    >>> (weight * 0).sum().backward()
    >>> optimizer.step()
    >>> weight.detach()
    tensor([0.5000, 0.5000])
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=1e-2,
        amsgrad=False,
        *,
        maximize=False,
        foreach=None,
        capturable=False,
        differentiable=False,
        fused=None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
