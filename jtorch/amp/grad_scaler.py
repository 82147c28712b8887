"""Scaling of losses, so that gradients in float16 do not vanish.

https://docs.pytorch.org/docs/stable/amp.html#gradient-scaling
"""

from __future__ import annotations

from typing import Any

from jtorch import _root as torch
from jtorch._accelerators import count
from jtorch._types.user_frame import warn

_READY, _UNSCALED, _STEPPED = range(3)


class _Progress:
    """What was done with one optimizer since the last `update`."""

    def __init__(self) -> None:
        self.stage = _READY
        self.found_inf: Any = None  # a tensor: some gradient is not finite


class GradScaler:
    """Multiplies losses by a factor and divides gradients by it; a step with infinite gradients is left out, and the
    factor halved. It doubles after `growth_interval` steps without any.

    >>> import jtorch as torch
    >>> scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    >>> w = torch.tensor(1.0, requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> scaler.scale(w * 2).backward()
    >>> w.grad
    tensor(16.)
    >>> scaler.step(optimizer); scaler.update()
    >>> w
    tensor(0.8000, requires_grad=True)
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
        backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda" and not count("cuda"):
            warn("torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.")
            self._enabled = False
        if self._enabled:
            if growth_factor <= 1.0:
                raise AssertionError("The growth factor must be > 1.0.")
            if backoff_factor >= 1.0:
                raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale = init_scale
        self._scale: Any = None
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._optimizers: dict[int, _Progress] = {}

    def _factor(self, device: Any) -> Any:
        if self._scale is None:
            self._scale = torch.full((), self._init_scale, dtype=torch.float32, device=device)
        return self._scale

    def scale(self, outputs: Any) -> Any:
        """The losses times the factor; also of lists of them."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, torch.Tensor):
            return outputs * self._factor(outputs.device).to(outputs.device)
        if isinstance(outputs, (list, tuple)):
            return type(outputs)(self.scale(x) for x in outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of an optimizer's parameters by the factor, before they are clipped."""
        if not self._enabled:
            return
        progress = self._progress(optimizer)
        if progress.stage == _UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if progress.stage == _STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        if self._scale is None:
            raise AssertionError("Attempted unscale_ but _scale is None.  This may indicate your script did not use "
                                 "scaler.scale(loss or outputs) earlier in the iteration.")  # fmt: skip
        progress.found_inf = self._divided(optimizer)
        progress.stage = _UNSCALED

    def _divided(self, optimizer: Any) -> Any:
        """Divides the gradients; True as a tensor when some are not finite, None when there are none."""
        inverse = self._scale.double().reciprocal().float()
        found = None
        with torch.no_grad():
            for p in (p for group in optimizer.param_groups for p in group["params"]):
                if p.grad is None:
                    continue
                if p.grad.dtype is torch.float16:
                    raise ValueError("Attempting to unscale FP16 gradients.")
                bad = torch.logical_not(torch.isfinite(p.grad).all()).to(self._scale.device)
                found = bad if found is None else torch.logical_or(found, bad)
                p.grad.mul_(inverse.to(p.grad.device))
        return found

    def _progress(self, optimizer: Any) -> _Progress:
        return self._optimizers.setdefault(id(optimizer), _Progress())

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step()`, unless a gradient is not finite; divides gradients first where `unscale_` did not."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        progress = self._progress(optimizer)
        if progress.stage == _STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if progress.stage == _READY:
            self.unscale_(optimizer)
        if progress.found_inf is None:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None if progress.found_inf.item() else optimizer.step(*args, **kwargs)
        progress.stage = _STEPPED
        return result

    def update(self, new_scale: Any = None) -> None:
        """Halves the factor after infinite gradients, doubles it after many steps without; or sets it."""
        if not self._enabled:
            return
        if self._scale is None:
            raise AssertionError("Attempted update but _scale is None.  This may indicate your script did not use "
                                 "scaler.scale(loss or outputs) earlier in the iteration.")  # fmt: skip
        checked = [p.found_inf for p in self._optimizers.values() if p.found_inf is not None]
        if new_scale is not None:
            self._scale.fill_(new_scale)
        else:
            if not checked:
                raise AssertionError("No inf checks were recorded prior to update.")
            self._adapt(any(found.item() for found in checked))
        self._optimizers.clear()

    def _adapt(self, overflow: bool) -> None:
        if overflow:
            self._scale.mul_(self._backoff_factor)
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker == self._growth_interval:
            if torch.isfinite(self._scale * self._growth_factor).item():
                self._scale.mul_(self._growth_factor)
            self._growth_tracker = 0

    def get_scale(self) -> float:
        """The factor."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """By what the factor grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Says by what the factor grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By what the factor shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Says by what the factor shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the factor grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Says after how many good steps the factor grows."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The factor, how it changes, and how many good steps there were; empty when not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes what `state_dict` gave."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale.fill_(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
