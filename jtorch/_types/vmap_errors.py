"""torch's sentences about what `vmap` does not map."""

from __future__ import annotations

from jtorch._types.cures import cured

_FUNCTION = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


def item() -> RuntimeError:
    """A row's number was asked for."""
    return RuntimeError(
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a "
        "Tensor, please try to rewrite what you're doing with other operations. If error is occurring somewhere inside "
        "PyTorch internals, please file a bug report."
    )


def control_flow() -> RuntimeError:
    """A row's number was to decide."""
    error = RuntimeError(
        "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support "
        "that yet, please file an issue at https://github.com/pytorch/pytorch/issues ."
    )
    return cured(error, "torch.where(condition, a, b) chooses for each row")


def no_storage() -> RuntimeError:
    """A row's memory was asked for."""
    return RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")


def inplace() -> RuntimeError:
    """Rows were to be written into a tensor that has none."""
    return RuntimeError(
        "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in "
        "extra_args that has more elements than `self`. This happened due to `other` being vmapped over but `self` not "
        "being vmapped over in a vmap. Please try to use out-of-place operators instead of inplace arithmetic. If said "
        "operator is being called inside the PyTorch framework, please file a bug report instead."
    )


def outer_graph() -> NotImplementedError:
    """A tensor from outside was to get a history inside."""
    return NotImplementedError(
        "jtorch: a function under vmap does not write a tensor from outside that gradients flow through; return the "
        "value and write it outside"
    )


def random() -> RuntimeError:
    """Random numbers were drawn that vmap was not told of."""
    return RuntimeError(
        "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
        "randomness flags on vmap or perform the randomness operation out of vmap"
    )


def backward() -> RuntimeError:
    """`backward()` inside."""
    return RuntimeError(
        "backward() called inside a functorch transform. This is not supported, please use functorch.grad or "
        "functorch.vjp instead or call backward() outside of functorch transforms."
    )


def requires_grad() -> RuntimeError:
    """`requires_grad_()` inside."""
    return RuntimeError(
        "You are attempting to call Tensor.requires_grad_() (or perhaps using torch.autograd.functional.* APIs) inside "
        "of a function being transformed by a functorch transform. This is unsupported, please attempt to use the "
        "functorch transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() outside of a function "
        "being transformed instead."
    )


def needs_setup_context() -> RuntimeError:
    """A Function of the older form."""
    return RuntimeError(
        "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must "
        f"override the setup_context staticmethod. {_FUNCTION}"
    )


def no_rule(name: str) -> RuntimeError:
    """A Function that does not say what it does for rows."""
    return RuntimeError(
        f"You tried to vmap over {name}, but it does not have vmap support. Please override and implement the vmap "
        f"staticmethod or set generate_vmap_rule=True. {_FUNCTION}"
    )


def two_rules(name: str) -> RuntimeError:
    """A Function that says it twice."""
    return RuntimeError(
        f"You tried to vmap over {name}, but it has both generate_vmap_rule=True and an overridden vmap staticmethod. "
        "Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid ambiguity. "
        f"{_FUNCTION}"
    )


def not_two_returns(found: object) -> RuntimeError:
    """What a Function's `vmap` returned is not an output and its dimensions."""
    return RuntimeError(
        "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible "
        f"with the output. Got a {type(found)} instead"
    )


def wrong_out_dims(dims: object, structure: str, output: str) -> RuntimeError:
    """The dimensions that a Function's `vmap` returned are not those of its output."""
    return RuntimeError(
        "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected "
        f"out_dims={dims} to be compatible with the structure of `output`. out_dims has structure {structure} but "
        f"output has structure {output}. {_FUNCTION}"
    )
