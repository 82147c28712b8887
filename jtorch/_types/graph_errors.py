"""torch's sentences about the autograd graph: hooks, what is saved, forward mode; the caller raises."""

from __future__ import annotations

from collections.abc import Sequence


def leaf_in_grad() -> RuntimeError:
    """A hook on several gradients asks for a leaf while autograd.grad runs."""
    return RuntimeError(
        "A leaf node was passed to _will_engine_execute_node but we are currently running autograd.grad(). This is "
        "currently not supported."
    )


def pack_in_place() -> RuntimeError:
    """A pack hook wrote to the tensor it was given."""
    return RuntimeError(
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
        "modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if you need "
        "to perform in-place operations on the input to a pack hook."
    )


def unpacked_type(type_name: str) -> TypeError:
    """An unpack hook returned no tensor."""
    return TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type_name}")


def hooks_on_freed() -> RuntimeError:
    """Hooks for a saved tensor that is gone."""
    return RuntimeError(
        "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph are "
        "freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through "
        "the graph a second time or if you need to access saved variables after calling backward."
    )


def batched_grad_shape(index: int, grad: Sequence[int], output: Sequence[int]) -> RuntimeError:
    """grad(is_grads_batched=True) with a row of another shape than the output; torch shows that of a row's first."""
    return RuntimeError(
        "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The "
        "sizes of the remaining dimensions are expected to match the shape of corresponding output, but a mismatch was "
        f"detected: grad_output[{index}] has a shape of torch.Size({list(grad)}) and output[{index}] has a shape of "
        f"torch.Size({list(output)}). If you only want some tensors in `grad_output` to be considered batched, "
        "consider using vmap."
    )


def complex_grad_dtype(index: int, grad: object, output: object) -> RuntimeError:
    """A complex gradient of a real output, or the other way round."""
    return RuntimeError(
        "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
        f"grad_output[{index}] has a dtype of {grad} and output[{index}] has a dtype of {output}."
    )


def tangent_size(shape: Sequence[int], tangent: Sequence[int]) -> RuntimeError:
    """A tangent of another shape than its tensor's."""
    return RuntimeError(
        "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
        f"supported. Tensor is of size {list(shape)} while the given forward gradient is of size {list(tangent)}."
    )
