"""Hooks around a module's call, and the call itself.

A module without hooks pays for one flag: ``_hooked`` is a class attribute, False, that becomes True on the instance
with its first hook, and on the class while a global hook exists. The tables themselves say which hooks there are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from jtorch import _root as torch
from jtorch._engine.backward import RemovableHandle
from jtorch._engine.flush import end_of_work
from jtorch._types.user_frame import warn
from jtorch.nn.modules._backward_hooks import BackwardHooks, hook_grad_fn
from jtorch.nn.modules._registry import Registry

_forward_pre_hooks: dict[int, Callable] = OrderedDict()
_forward_hooks: dict[int, Callable] = OrderedDict()
_forward_hooks_with_kwargs: dict[int, bool] = OrderedDict()
_forward_hooks_always_called: dict[int, bool] = OrderedDict()
_backward_pre_hooks: dict[int, Callable] = OrderedDict()
_backward_hooks: dict[int, Callable] = OrderedDict()
# None until the first global backward hook; then whether they are full ones. Torch never allows the two kinds to mix.
_backward_hooks_are_full: bool | None = None

_MIXED = "Cannot use both regular backward hooks and full backward hooks {}. Please use only one of them."
_TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_pre_hooks",
)


class _Calls(threading.local):
    """Whether this thread is inside of a module call: the end of the outermost one is an end of work."""

    inside = False


_calls = _Calls()


def _add(table, hook, *marks, prepend=False):
    """Registers ``hook`` in ``table`` and its id in each of ``marks``."""
    handle = RemovableHandle(table, *marks)
    table[handle.id] = hook
    for mark in marks:
        mark[handle.id] = True
    if prepend:
        table.move_to_end(handle.id, last=False)
        for mark in marks:
            mark.move_to_end(handle.id, last=False)
    return handle


def _add_global(table, hook, *marks):
    Hooked._hooked = True
    return _add(table, hook, *marks)


def _has_any_global_hook():
    return bool(_backward_pre_hooks or _backward_hooks or _forward_hooks or _forward_pre_hooks)


def register_module_forward_pre_hook(hook):
    """Calls ``hook(module, args)`` before the forward of every module.

    >>> import jtorch as torch
    >>> note = lambda module, args: print(module)
    >>> with torch.nn.modules.module.register_module_forward_pre_hook(note):
    ...     y = torch.nn.ReLU()(torch.ones(1))
    ReLU()
    """
    return _add_global(_forward_pre_hooks, hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Calls ``hook(module, args, output)`` after the forward of every module; see ``Module.register_forward_hook``.

    >>> import jtorch as torch
    >>> note = lambda module, args, output: print(output)
    >>> with torch.nn.modules.module.register_module_forward_hook(note):
    ...     y = torch.nn.ReLU()(torch.ones(1))
    tensor([1.])
    """
    marks = [_forward_hooks_with_kwargs] * with_kwargs + [_forward_hooks_always_called] * always_call
    return _add_global(_forward_hooks, hook, *marks)


def _claim_global_backward(full):
    global _backward_hooks_are_full
    if _backward_hooks_are_full not in (None, full):
        raise RuntimeError(_MIXED.format("as a global Module hook"))
    _backward_hooks_are_full = full


def register_module_backward_hook(hook):
    """The older backward hook, on every module; use :func:`register_module_full_backward_hook`."""
    _claim_global_backward(False)
    return _add_global(_backward_hooks, hook)


def register_module_full_backward_pre_hook(hook):
    """Calls ``hook(module, grad_output)`` before the backward of every module; see ``Module``."""
    return _add_global(_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook):
    """Calls ``hook(module, grad_input, grad_output)`` after the backward of every module; see ``Module``."""
    _claim_global_backward(True)
    return _add_global(_backward_hooks, hook)


class Hooked(Registry):
    """``__call__`` and the registration of the hooks around it."""

    _hooked = False
    _compiled_call_impl = None  # set by Module.compile
    _is_full_backward_hook: bool | None
    _backward_pre_hooks: dict[int, Callable]
    _backward_hooks: dict[int, Callable]
    _forward_hooks: dict[int, Callable]
    _forward_hooks_with_kwargs: dict[int, bool]
    _forward_hooks_always_called: dict[int, bool]
    _forward_pre_hooks: dict[int, Callable]
    _forward_pre_hooks_with_kwargs: dict[int, bool]

    # ---- the call ---------------------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        if _calls.inside:
            return self._call_hooked(args, kwargs) if self._hooked else self.forward(*args, **kwargs)
        _calls.inside = True
        try:
            result = self._call_hooked(args, kwargs) if self._hooked else self.forward(*args, **kwargs)
        finally:
            _calls.inside = False
        if not torch.is_grad_enabled():
            end_of_work()
        return result

    def _call_hooked(self, args, kwargs):
        compiled = self._compiled_call_impl
        return self._call_impl(*args, **kwargs) if compiled is None else compiled(*args, **kwargs)

    def _call_impl(self, *args, **kwargs):
        """The call with its hooks, not compiled."""
        if Hooked._hooked and not _has_any_global_hook():
            Hooked._hooked = False
        called = set()
        try:
            return self._call_between_hooks(args, kwargs, called)
        except Exception:  # whatever a layer raises: hooks with always_call run before it goes on
            self._call_always_hooks(args, kwargs, called)
            raise

    def _call_between_hooks(self, args, kwargs, called):
        args, kwargs = self._run_forward_pre_hooks(args, kwargs)
        full, regular = self._get_backward_hooks()
        pre = self._get_backward_pre_hooks()
        watch = BackwardHooks(self, full, pre, args) if full or pre else None
        result = self.forward(*(watch.watch_inputs(args) if watch else args), **kwargs)
        for hook_id, hook, with_kwargs, _ in self._all_forward_hooks():
            called.add(hook_id)
            replaced = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
            if replaced is not None:
                result = replaced
        if watch:
            result = watch.watch_outputs(result)
        if regular:
            hook_grad_fn(self, regular, args, result)
        return result

    def _run_forward_pre_hooks(self, args, kwargs):
        for hook_id, hook in (*_forward_pre_hooks.items(), *self._forward_pre_hooks.items()):
            if hook_id in self._forward_pre_hooks_with_kwargs:
                replaced = hook(self, args, kwargs)
                if replaced is not None:
                    if not (isinstance(replaced, tuple) and len(replaced) == 2):
                        raise RuntimeError(
                            "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                            f"but got {replaced}."
                        )
                    args, kwargs = replaced
            else:
                replaced = hook(self, args)
                if replaced is not None:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)
        return args, kwargs

    def _all_forward_hooks(self):
        """(id, hook, with_kwargs, always_call), the global ones first."""
        for hook_id, hook in tuple(_forward_hooks.items()):
            yield hook_id, hook, hook_id in _forward_hooks_with_kwargs, hook_id in _forward_hooks_always_called
        for hook_id, hook in tuple(self._forward_hooks.items()):
            always = hook_id in self._forward_hooks_always_called
            yield hook_id, hook, hook_id in self._forward_hooks_with_kwargs, always

    def _call_always_hooks(self, args, kwargs, called):
        """After an error: the hooks with ``always_call`` that did not run; their own errors become warnings."""
        for hook_id, hook, with_kwargs, always in self._all_forward_hooks():
            if not always or hook_id in called:
                continue
            try:
                hook(self, args, kwargs, None) if with_kwargs else hook(self, args, None)
            except Exception as error:  # noqa: BLE001 - the error of forward is on its way
                kind = "global module" if hook_id in _forward_hooks else "module"
                warn(
                    f"{kind} forward hook with ``always_call=True`` raised an exception that was silenced "
                    f"as another error was raised in forward: {error}"
                )

    def _get_backward_hooks(self):
        """Full and regular backward hooks, the global ones first."""
        full, regular = [], []
        (full if _backward_hooks_are_full else regular).extend(_backward_hooks.values())
        (full if self._is_full_backward_hook else regular).extend(self._backward_hooks.values())
        return full, regular

    def _get_backward_pre_hooks(self):
        return [*_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]

    def _restore_hook_flag(self):
        """Sets the flag from the tables, for a state that came without it."""
        if any(self.__dict__.get(table) for table in (*_TABLES, "_compiled_call_impl")):
            self._hooked = True

    # ---- registration -----------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Calls ``hook(module, args)`` before forward; a result replaces ``args``.

        ``with_kwargs``: the hook is ``hook(module, args, kwargs)`` and returns None or both. ``prepend``: runs first.

        >>> import jtorch as torch
        >>> m = torch.nn.ReLU()
        >>> handle = m.register_forward_pre_hook(lambda module, args: args[0] + 1)
        >>> m(torch.zeros(1))
        tensor([1.])
        """
        self._hooked = True
        marks = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return _add(self._forward_pre_hooks, hook, *marks, prepend=prepend)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Calls ``hook(module, args, output)`` after forward; a result replaces ``output``.

        ``with_kwargs``: the hook is ``hook(module, args, kwargs, output)``. ``always_call``: it also runs, with None
        as output, when forward raised. ``prepend``: it runs first.

        >>> import jtorch as torch
        >>> m = torch.nn.ReLU()
        >>> handle = m.register_forward_hook(lambda module, args, output: output * 2)
        >>> m(torch.ones(1))
        tensor([2.])
        """
        self._hooked = True
        marks = [self._forward_hooks_with_kwargs] * with_kwargs + [self._forward_hooks_always_called] * always_call
        return _add(self._forward_hooks, hook, *marks, prepend=prepend)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_output)`` before the module's backward; a tuple replaces ``grad_output``.

        >>> import jtorch as torch
        >>> m, x = torch.nn.Tanh(), torch.zeros(1, requires_grad=True)
        >>> handle = m.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 3,))
        >>> m(x).backward()
        >>> x.grad
        tensor([3.])
        """
        self._hooked = True
        return _add(self._backward_pre_hooks, hook, prepend=prepend)

    def _claim_backward(self, full):
        if self._is_full_backward_hook not in (None, full):
            raise RuntimeError(_MIXED.format("on a single Module"))
        self._is_full_backward_hook = full

    def register_full_backward_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_input, grad_output)`` after the module's backward; a tuple replaces ``grad_input``.

        >>> import jtorch as torch
        >>> m, x = torch.nn.Tanh(), torch.zeros(1, requires_grad=True)
        >>> handle = m.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_input))
        >>> m(x).backward()
        (tensor([1.]),)
        """
        self._claim_backward(True)
        self._hooked = True
        return _add(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook):
        """The older form: a hook on the last node of the forward only; use :meth:`register_full_backward_hook`."""
        self._claim_backward(False)
        self._hooked = True
        return _add(self._backward_hooks, hook)
