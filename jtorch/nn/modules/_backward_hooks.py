"""What stands behind the backward hooks of a module: identity nodes around its forward."""

from __future__ import annotations

from jtorch import _root as torch
from jtorch._types.user_frame import warn
from jtorch.autograd import Function

_FIRES_AT_OUTPUT = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
    "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
    "#torch.nn.Module.register_full_backward_hook for more details."
)
_USE_FULL = "Please use register_full_backward_hook to get the documented behavior."


class BackwardHookFunction(Function):
    """Identity; its backward is whatever ``on_grads(grads)`` returns. Grads that did not arrive are None."""

    @staticmethod
    def forward(ctx, on_grads, *tensors):
        ctx.on_grads = on_grads
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx, *grads):
        return (None, *ctx.on_grads(grads))


def _is_watched(value):
    return isinstance(value, torch.Tensor) and value.requires_grad


class BackwardHooks:
    """The full backward hooks of one call: one identity node on its inputs, one on its outputs.

    The output node stores ``grad_output``; the input node, reached when every gradient inside is done, runs the hooks.
    Without a differentiable input there is no such moment, so the hooks then run at the output node, with a warning.
    """

    def __init__(self, module, hooks, pre_hooks, args):
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.inputs = [] if not torch.is_grad_enabled() else [i for i, a in enumerate(args) if _is_watched(a)]
        # Torch reports zeros for tensors without a gradient, None for what is no tensor.
        self.blanks = [(a.shape, a.dtype, a.device) if isinstance(a, torch.Tensor) else None for a in args]
        self.grad_output = None

    def watch_inputs(self, args):
        """``args`` with its differentiable tensors passed through the input node."""
        if not self.inputs:
            return args
        return _through_node(self._on_grad_input, args, self.inputs)

    def watch_outputs(self, result):
        """``result`` with its differentiable tensors passed through the output node."""
        if not isinstance(result, (torch.Tensor, tuple)):
            warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                f"but received {type(result)}"
            )
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        watched = [i for i, out in enumerate(outputs) if _is_watched(out)] if torch.is_grad_enabled() else []
        if not watched:
            return result

        def on_grads(grads):
            return self._on_grad_output(grads, watched, len(outputs))

        outputs = _through_node(on_grads, outputs, watched)
        if not isinstance(result, tuple):
            return outputs[0]
        return type(result)._make(outputs) if hasattr(result, "_make") else outputs

    def _on_grad_output(self, grads, watched, count):
        grad_output = _spread(grads, watched, count)
        for hook in self.pre_hooks:
            replaced = hook(self.module, grad_output)
            if replaced is not None:
                _check_length("pre hook", "grad_output", replaced, grad_output)
                grad_output = tuple(replaced)
        self.grad_output = grad_output
        if not self.inputs:
            self._run_at_output()
        return [grad_output[i] for i in watched]

    def _run_at_output(self):
        warn(_FIRES_AT_OUTPUT)
        for hook in self.hooks:
            replaced = hook(self.module, (None,) * len(self.blanks), self.grad_output)
            if replaced is not None and not (isinstance(replaced, tuple) and all(g is None for g in replaced)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient "
                    "should always return None or None for all gradients."
                )
        self.grad_output = None

    def _on_grad_input(self, grads):
        grad_input = _spread(grads, self.inputs, len(self.blanks))
        grad_input = tuple(
            _zeros(b) if g is None and b is not None else g for g, b in zip(grad_input, self.blanks, strict=True)
        )
        # A gradient that reached the input without passing the output, as in a double backward, is not the module's.
        if self.grad_output is None:
            return [grad_input[i] for i in self.inputs]
        for hook in self.hooks:
            replaced = hook(self.module, grad_input, self.grad_output)
            if replaced is not None:
                _check_length("hook", "grad_input", replaced, grad_input)
                grad_input = tuple(replaced)
        self.grad_output = None
        return [grad_input[i] for i in self.inputs]


def _zeros(blank):
    shape, dtype, device = blank
    return torch.zeros(shape, dtype=dtype, device=device)


def _through_node(on_grads, values, positions):
    """``values`` with those at ``positions`` passed through one identity node."""
    passed = BackwardHookFunction.apply(on_grads, *(values[i] for i in positions))
    return tuple(_spread(passed, positions, len(values), values))


def _spread(values, positions, count, rest=None):
    """A tuple of ``count`` with ``values`` at ``positions`` and ``rest`` (default None) elsewhere."""
    spread = [None] * count if rest is None else list(rest)
    for position, value in zip(positions, values, strict=True):
        spread[position] = value
    return tuple(spread)


def _check_length(kind, what, replaced, expected):
    if len(replaced) != len(expected):
        raise RuntimeError(
            f"Backward {kind} returned an invalid number of {what}, got {len(replaced)}, but expected {len(expected)}"
        )


def hook_grad_fn(module, hooks, args, result):
    """The older kind: ``hooks`` on the node of the first tensor of ``result``, with torch's warnings."""
    first = result
    while not isinstance(first, torch.Tensor):
        if isinstance(first, dict):
            first = next(v for v in first.values() if isinstance(v, torch.Tensor))
        else:
            first = first[0]
    grad_fn = first.grad_fn
    if grad_fn is None:
        return
    for hook in hooks:
        grad_fn.register_hook(_bound(hook, module))
    _warn_if_incomplete(args, result, grad_fn)


def _bound(hook, module):
    def on_node(grad_input, grad_output):
        return hook(module, grad_input, grad_output)

    return on_node


def _warn_if_incomplete(args, result, grad_fn):
    outputs = result if isinstance(result, tuple) else (result,)
    on_module = (
        "Using non-full backward hooks on a Module that does not {} is deprecated and will be removed in future "
    )
    on_module += "versions. This hook will be missing some of the {}. "
    on_nodes = "Using a non-full backward hook when {} is deprecated and will be removed in future versions. "
    on_nodes += "This hook will be missing some {}. "
    if not all(isinstance(out, torch.Tensor) for out in outputs):
        message = on_module.format("return a single Tensor or a tuple of Tensors", "grad_output")
    elif not all(isinstance(arg, torch.Tensor) for arg in args):
        message = on_module.format("take as input a single Tensor or a tuple of Tensors", "grad_input")
    elif len({out.grad_fn for out in outputs if out.grad_fn is not None}) > 1:
        message = on_nodes.format("outputs are generated by different autograd Nodes", "grad_output")
    elif {arg.grad_fn for arg in args if arg.grad_fn is not None} != {node for node, _ in grad_fn.next_functions}:
        message = on_nodes.format("the forward contains multiple autograd Nodes", "grad_input")
    else:
        return
    warn(message + _USE_FULL, FutureWarning)
