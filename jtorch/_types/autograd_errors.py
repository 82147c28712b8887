"""torch's sentences about gradients, in-place writes and inference mode; as in ``errors``, the caller raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cures import cure
from .errors import c_name, tensor_type

_INFERENCE_NOTE = "See https://github.com/pytorch/rfcs/pull/17 for more details."


@cure("with torch.no_grad(): x += 1 updates a parameter; x = x + 1 is recorded")
def leaf_inplace(*, view: bool = False) -> RuntimeError:
    """An in-place operation on a leaf that requires grad, or on a view of one."""
    target = "a view of a leaf" if view else "a leaf"
    return RuntimeError(f"{target} Variable that requires grad is being used in an in-place operation.")


@cure(
    "compute the loss anew before each backward, detach() what is kept from one iteration to the next (hidden "
    "states, running sums), or sum the losses and call backward once"
)
def second_backward() -> RuntimeError:
    """backward() through a graph whose saved values are gone."""
    return RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
        "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
        "saved tensors after calling backward."
    )


@cure(
    "write y = y + 1 instead of y += 1 (nn.ReLU() instead of nn.ReLU(inplace=True)) where backward needs the old value"
)
def saved_modified(
    type_name: str, shape: Sequence[int], node: str, output: int, version: int, expected: int, anomaly: bool = False
) -> RuntimeError:
    """A saved value was written to before backward; ``node`` names what made it, without "Backward0"."""
    hint = (
        "the backtrace further above shows the operation that failed to compute its gradient. The variable in question "
        "was changed in there or anywhere later. Good luck!"
        if anomaly
        else "enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
    origin = f", which is output {output} of {node}," if node else ""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{tensor_type(type_name)} [{', '.join(map(str, shape))}]]{origin} is at version {version}; expected version "
        f"{expected} instead. Hint: {hint}"
    )


@cure(
    "backward starts from one number: loss.mean().backward() or loss.sum().backward(); "
    "y.backward(torch.ones_like(y)) is the latter"
)
def grad_scalar_only() -> RuntimeError:
    """backward() without a gradient from something else than a scalar."""
    return RuntimeError("grad can be implicitly created only for scalar outputs")


@cure(
    "nothing it was computed from requires grad: was it under torch.no_grad(), behind detach(), item(), "
    "argmax, a comparison or NumPy? requires_grad=True is set where a leaf is made"
)
def no_grad_fn(element: int = 0) -> RuntimeError:
    """backward() from a tensor that no gradient flows to."""
    return RuntimeError(f"element {element} of tensors does not require grad and does not have a grad_fn")


def grad_shape(index: int, grad: Sequence[int], output: Sequence[int]) -> RuntimeError:
    """backward(gradient) of another shape than the output."""
    return RuntimeError(
        f"Mismatch in shape: grad_output[{index}] has a shape of torch.Size({list(grad)}) and output[{index}] has a "
        f"shape of torch.Size({list(output)})."
    )


@cure("x.requires_grad_() before the output is computed")
def input_without_grad() -> RuntimeError:
    """autograd.grad with respect to a tensor that does not require grad."""
    return RuntimeError("One of the differentiated Tensors does not require grad")


@cure("the output must be computed from this very tensor: a copy, .to(...) or .clone() of it made before is another")
def input_unused(index: int) -> RuntimeError:
    """autograd.grad with respect to a tensor the output does not depend on."""
    return RuntimeError(
        f"The differentiated Tensor at index {index} appears to not have been used in the graph. Set allow_unused=True "
        "if this is the desired behavior."
    )


@cure("make it floating: torch.tensor([1., 2.], requires_grad=True), or x.float()")
def grad_dtype(*, setter: bool = True) -> RuntimeError:
    """requires_grad on integers: of the attribute, or (setter=False) of a creation function."""
    first = "only" if setter else "Only"
    return RuntimeError(f"{first} Tensors of floating point and complex dtype can require gradients")


def data_of_no_tensor(found: str) -> TypeError:
    """Something else assigned to .data."""
    return TypeError(f"Variable data has to be a tensor, but got {found}")


def data_deleted() -> RuntimeError:
    """`del x.data`."""
    return RuntimeError("Deleting tensor data is not allowed. Delete tensor instead!")


def data_dtype() -> RuntimeError:
    """Whole numbers assigned to .data of what requires grad."""
    return RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")


def data_type() -> RuntimeError:
    """A tensor without memory assigned to .data of one that has some, or the other way round."""
    return RuntimeError(
        "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible tensor type."
    )


def assigned_grad_dtype(grad: str, tensor: str) -> RuntimeError:
    """A tensor of another dtype assigned to .grad."""
    return RuntimeError(
        f"attempting to assign a gradient with dtype '{c_name(grad)}' to a tensor with grad_dtype '{tensor}'. The "
        "gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's "
        "grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with caution. "
        "Diverging the dtypes of a tensor and its gradient may break downstream systems that assume they match."
    )


def assigned_grad_size(grad: Sequence[int], tensor: Sequence[int]) -> RuntimeError:
    """A tensor of another shape assigned to .grad."""
    return RuntimeError(
        f"attempting to assign a gradient of size '{list(grad)}' to a tensor of size '{list(tensor)}'. Please ensure "
        "that the gradient and the tensor are the same size"
    )


@cure("x = x.float().requires_grad_()")
def requires_grad_dtype() -> RuntimeError:
    """requires_grad_() on integers."""
    return RuntimeError("only Tensors of floating point dtype can require gradients")


@cure("y = y.detach()")
def requires_grad_non_leaf(wish: bool = False) -> RuntimeError:
    """requires_grad = False on a computed tensor, or True (``wish``)."""
    cure = (
        " If you want to use a computed variable in a subgraph that doesn't require differentiation use var_no_grad = "
        "var.detach()."
    )
    return RuntimeError(f"you can only change requires_grad flags of leaf variables.{'' if wish else cure}")


@cure("x.requires_grad_() before it is used")
def retain_without_grad() -> RuntimeError:
    """retain_grad() on a tensor that does not require grad."""
    return RuntimeError("can't retain_grad on Tensor that has requires_grad=False")


def out_requires_grad(function: str) -> RuntimeError:
    """out= while an argument requires grad."""
    return RuntimeError(
        f"{function}(): functions with out=... arguments don't support automatic differentiation, but one of the "
        "arguments requires grad."
    )


@cure("x = x.clone() before the write, or x.repeat(...) instead of x.expand(...)")
def overlapping_write() -> RuntimeError:
    """An in-place operation on an expanded tensor."""
    return RuntimeError(
        "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
        "Please clone() the tensor before performing the operation."
    )


@cure("x.detach().clone() copies the values; keep copy.deepcopy for models and leaves")
def deepcopy_of_result() -> RuntimeError:
    """copy.deepcopy of a tensor that an operation made."""
    return RuntimeError(
        "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
        "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
        "see https://github.com/pytorch/pytorch/pull/103001"
    )


def shared_memory() -> RuntimeError:
    """An operation that writes memory which it also reads."""
    return RuntimeError(
        "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
        "location. Please clone() the tensor before performing the operation."
    )


@cure("x = x.clone() outside torch.inference_mode(), or torch.no_grad() instead of it")
def inference_inplace() -> RuntimeError:
    """An in-place operation on an inference tensor outside inference mode."""
    return RuntimeError(
        "Inplace update to inference tensor outside InferenceMode is not allowed."
        "You can make a clone to get a normal tensor before doing inplace update." + _INFERENCE_NOTE
    )


def inference_saved() -> RuntimeError:
    """An inference tensor in a computation that autograd follows."""
    return RuntimeError(
        "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
        "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it "
        "in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
    )


def inference_requires_grad() -> RuntimeError:
    """requires_grad on an inference tensor outside inference mode."""
    return RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")


_MULTIPLE = (
    "This view is the output of a function that returns multiple views. Such functions do not allow the output views "
    "to be modified inplace. You should replace the inplace operation by an out-of-place one."
)


def multi_view_inplace(output: int | None, node: str) -> RuntimeError:
    """An in-place operation on an output of split, chunk or unbind; ``node`` is that function, "Split". ``output`` is
    None for parts of a tensor that had no gradient."""
    if output is None:
        return RuntimeError(
            f"A view was created in no_grad mode and is being modified inplace with grad mode enabled. {_MULTIPLE}"
        )
    return RuntimeError(f"Output {output} of {node} is a view and is being modified inplace. {_MULTIPLE}")


_AMBIGUOUS = (
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both "
    "the view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or "
    "both outside (if you want the inplace to be tracked)."
)


def root_shape(index: int, found: tuple[int, ...], expected: tuple[int, ...]) -> RuntimeError:
    """backward of a tensor whose `.data` has another shape than what its node made."""
    return RuntimeError(
        f"invalid gradient at index {index} - got {list(found)} but expected shape compatible with {list(expected)}"
    )


def grad_real_only(dtype: str) -> RuntimeError:
    """backward without a gradient from a complex number."""
    return RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {dtype}")


def no_grad_view_inplace(made: str = "A view was") -> RuntimeError:
    """A view made under no_grad, written to with grad mode on."""
    return RuntimeError(
        f"{made} created in no_grad mode and is being modified inplace with grad mode enabled. {_AMBIGUOUS}"
    )


def view_inplace(made: str | tuple[int | None, str]) -> RuntimeError:
    """A view that may not be written while gradients are recorded: made under no_grad (``made``: how the sentence
    begins), or with others by one function (which of them, its name)."""
    return multi_view_inplace(*made) if isinstance(made, tuple) else no_grad_view_inplace(made)


def view_modified(made: Any) -> RuntimeError:
    """The graph of a view is asked for after its base, or another view of it, was written: a view made under no_grad,
    or with others by one function (``made`` as in ``Handle._made``)."""
    if isinstance(made, tuple) and made[0] is not None:
        return RuntimeError(
            f"Output {made[0]} of {made[1]} is a view and its base or another view of its base has been modified "
            f"inplace. {_MULTIPLE}"
        )
    return RuntimeError(
        "A view was created in no_grad mode and its base or another view of its base has been modified inplace with "
        f"grad mode enabled. {_MULTIPLE if isinstance(made, tuple) else _AMBIGUOUS}"
    )
