"""The base of the learning rate schedules: counting steps, writing the rate, saving."""

from __future__ import annotations

import functools
import weakref

from jtorch import _root as torch
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn
from jtorch.optim.optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed "
    "form is used instead of the new chainable form, where available. Please open an issue if you are unable to "
    "replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose."
)
_ORDER = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
_OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make sure "
    "to call `optimizer.step()` before `lr_scheduler.step()`. " + _ORDER
)
_TOO_EARLY = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call "
    "them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in "
    "PyTorch skipping the first value of the learning rate schedule. " + _ORDER
)


def check_optimizer(optimizer):
    if not isinstance(optimizer, Optimizer):
        raise cured(
            TypeError(f"{type(optimizer).__name__} is not an Optimizer"),
            "the scheduler's first argument is the optimizer: StepLR(optimizer, step_size)",
        )


def set_option(group, name, value):
    """Writes an option, in place when it is a tensor, so that whoever shares the tensor sees it."""
    if isinstance(group[name], torch.Tensor):
        group[name].fill_(value.item() if isinstance(value, torch.Tensor) else value)
    else:
        group[name] = value


def copied(value):
    return value.clone() if isinstance(value, torch.Tensor) else value


def rates(optimizer):
    return [copied(group["lr"]) for group in optimizer.param_groups]


def one_per_group(optimizer, name, values):
    """``values``, which may be one for all, as a list with one for each parameter group."""
    groups = optimizer.param_groups
    if not isinstance(values, list | tuple):
        return [values] * len(groups)
    if len(values) != len(groups):
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(values)} values, param_groups has {len(groups)}."
        )
    return list(values)


def _note_steps(optimizer):
    """Lets ``optimizer.step`` leave a mark, to warn when a schedule moves before the optimizer does."""
    if getattr(optimizer.step, "_wrapped_by_lr_sched", False):
        return
    owner = weakref.ref(optimizer)
    function = optimizer.step.__func__

    @functools.wraps(function)
    def step(*args, **kwargs):
        optimizer = owner()
        assert optimizer is not None, "who calls its step holds it"
        optimizer._opt_called = True
        return function(optimizer, *args, **kwargs)

    step._wrapped_by_lr_sched = True
    optimizer.step = step


class LRScheduler:
    """Base class of the schedules; ``step()`` after each epoch (or batch) sets ``lr`` of every group.

    Args: ``last_epoch``, how many steps were made before; -1 starts afresh.
    A schedule of one's own defines ``get_lr``, which returns the next rates, one a group.
    """

    _is_initial = False

    def __init__(self, optimizer, last_epoch=-1):
        check_optimizer(optimizer)
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", copied(group["lr"]))
        for index, group in enumerate(optimizer.param_groups):
            if "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] when resuming scheduler with "
                    "last_epoch >= 0.\nThis typically happens when:\n1. You're trying to resume training from a "
                    "checkpoint but haven't properly loaded the optimizer state\n2. You're using last_epoch >= 0 for a "
                    "fresh training run (not recommended)"
                )
        self.optimizer = optimizer
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _note_steps(optimizer)
        self._initial_step()

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    _get_lr_called_within_step = False
    _not_saved = frozenset({"optimizer"})

    def state_dict(self):
        """Everything but the optimizer, as a dict."""
        return {name: value for name, value in self.__dict__.items() if name not in self._not_saved}

    def load_state_dict(self, state_dict):
        """Takes the state that ``state_dict`` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self):
        """The rates set last, one a group."""
        return self._last_lr

    def get_lr(self):
        """The rates of the step being made, one a group."""
        raise NotImplementedError

    def _warn_outside_step(self):
        if not self._get_lr_called_within_step:
            warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.")

    def step(self, epoch=None):
        """Moves the schedule on by one, or to ``epoch``, which is deprecated."""
        if self._step_count == 1:
            if not getattr(self.optimizer.step, "_wrapped_by_lr_sched", False):
                warn(_OVERRIDDEN)
            elif not getattr(self.optimizer, "_opt_called", False):
                warn(_TOO_EARLY)
        self._step_count += 1
        if epoch is not None:
            warn(EPOCH_DEPRECATION_WARNING)
        self._update_lr(epoch)

    def _update_lr(self, epoch=None):
        if epoch is None:
            self.last_epoch += 1
            self._set_rates()
        else:
            self.last_epoch = epoch
            self._set_rates(getattr(self, "_get_closed_form_lr", None))

    def _set_rates(self, rule=None):
        """Writes what ``rule``, or ``get_lr``, says into the groups."""
        self._get_lr_called_within_step = True
        try:
            values = self.get_lr() if rule is None else rule()
        finally:
            self._get_lr_called_within_step = False
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            set_option(group, "lr", value)
        self._last_lr = rates(self.optimizer)

    def _current(self):
        return rates(self.optimizer)

    def _scaled(self, factor):
        """The current rates times ``factor``."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]
