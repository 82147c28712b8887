"""torch's sentences, one function each: it makes the exception, the caller raises it.

Shapes come as any sequence of ints, types as ``dtype.type_name`` ("Float"), functions by their plain name ("add").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .argument_errors import argument_type as argument_type
from .argument_errors import invalid_combination as invalid_combination
from .argument_errors import listed as _listed
from .argument_errors import missing_arguments as missing_arguments
from .argument_errors import multiple_values as multiple_values
from .argument_errors import sequence_item_type as sequence_item_type
from .argument_errors import takes_no_arguments as takes_no_arguments
from .argument_errors import takes_no_keywords as takes_no_keywords
from .argument_errors import tensor_list_item as tensor_list_item
from .argument_errors import too_many_positional as too_many_positional
from .argument_errors import type_name as type_name
from .argument_errors import unexpected_keyword as unexpected_keyword
from .argument_errors import unrecognized_keywords as unrecognized_keywords
from .cures import cure as cure
from .cures import cured as cured

Shape = Sequence[int]


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape))


# Dims, sizes, shapes


def dim_out_of_range(dim: int, rank: int) -> IndexError:
    """A dim outside [-rank, rank - 1]; a 0-dim tensor counts as having one."""
    rank = max(rank, 1)
    error = IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})")
    return cured(error, f"dims count from 0, or from the end with -1: the tensor has {rank}, print its shape")


def dim_of_scalar(dim: int) -> IndexError:
    """A dim where a 0-dim tensor does not count as having one."""
    return IndexError(f"Dimension specified as {dim} but tensor has no dimensions")


def dim_repeated(dim: int) -> RuntimeError:
    """The same dim twice in a list of dims."""
    return RuntimeError(f"dim {dim} appears multiple times in the list of dims")


def size_item(position: int, got: object) -> TypeError:
    """Something that is not an int in a torch.Size."""
    return TypeError(f"torch.Size() takes an iterable of 'int' (item {position} is '{type_name(got)}')")


def negative_dimension(size: int, shape: Shape) -> RuntimeError:
    """A random tensor of negative size; the fills (zeros, ones) have ``fill_negative_dimension``."""
    return RuntimeError(f"Trying to create tensor with negative dimension {size}: {_listed(shape)}")


def fill_negative_dimension(function: str) -> RuntimeError:
    """zeros, ones, full of a negative size."""
    return RuntimeError(f"{function}: Dimension size must be non-negative.")


@cure(
    "sizes are compared from the right and must be equal or 1: print both shapes; x.unsqueeze(1) makes (n,) a "
    "column (n, 1)"
)
def size_mismatch(a: int, b: int, dim: int) -> RuntimeError:
    """Two operands that do not broadcast; dim counts from the front of the result."""
    return RuntimeError(
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension {dim}"
    )


def broadcast_mismatch(a: Shape, b: Shape) -> RuntimeError:
    """``size_mismatch`` for two whole shapes: the last dim in which they differ."""
    rank = max(len(a), len(b))
    for back in range(1, min(len(a), len(b)) + 1):
        if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
            return size_mismatch(a[-back], b[-back], rank - back)
    raise ValueError(f"{a} and {b} broadcast")


@cure("an in-place operation keeps the shape of its tensor: write x = x + y instead of x += y")
def output_shape(shape: Shape, broadcast: Shape) -> RuntimeError:
    """An in-place operation whose result is larger than its target."""
    return RuntimeError(f"output with shape {_listed(shape)} doesn't match the broadcast shape {_listed(broadcast)}")


@cure("only dimensions of size 1 expand; of an assignment, both sides must have one shape")
def expand_mismatch(target: Shape, shape: Shape, dim: int) -> RuntimeError:
    """expand() of a dim that is not 1; dim counts from the front of the target."""
    existing = shape[dim - len(target) + len(shape)]
    return RuntimeError(
        f"The expanded size of the tensor ({target[dim]}) must match the existing size ({existing}) at non-singleton "
        f"dimension {dim}.  Target sizes: {_listed(target)}.  Tensor sizes: {_listed(shape)}"
    )


def tensor_type(type_name: str) -> str:
    """A type of tensors as some messages print it: those younger than `torch.FloatTensor` and its kin otherwise."""
    young = type_name.startswith(("Bool", "BFloat16", "Complex", "Float8", "UInt"))
    return f"CPU{type_name}Type" if young else f"torch.{type_name}Tensor"


def expand_rank(type_name: str, shape: Shape, target: Shape) -> RuntimeError:
    """expand() to fewer dims than the tensor has."""
    return RuntimeError(
        f"expand({tensor_type(type_name)}{{{_listed(shape)}}}, size={_listed(target)}): the number of sizes provided "
        f"({len(target)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})"
    )


def expand_leading(dim: int) -> RuntimeError:
    """expand() with -1 in a dim the tensor does not have."""
    return RuntimeError(
        f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {dim}"
    )


@cure("the sizes must multiply to the number of elements; one may be -1 and is computed: x.view(len(x), -1)")
def shape_invalid(shape: Shape, numel: int) -> RuntimeError:
    """view or reshape to another number of elements."""
    return RuntimeError(f"shape '{_listed(shape)}' is invalid for input of size {numel}")


def shape_two_inferred() -> RuntimeError:
    """view(-1, -1)."""
    return RuntimeError("only one dimension can be inferred")


def shape_negative(shape: Shape, index: int) -> RuntimeError:
    """view(-2, 3)."""
    return RuntimeError(f"invalid shape dimension {shape[index]} at index {index} of shape {_listed(shape)}")


def shape_ambiguous(shape: Shape) -> RuntimeError:
    """view(-1, 0) of an empty tensor."""
    return RuntimeError(
        f"cannot reshape tensor of 0 elements into shape {_listed(shape)} because the unspecified dimension size -1 "
        "can be any value and is ambiguous"
    )


@cure("x.reshape(...), or x.contiguous().view(...)")
def view_strides() -> RuntimeError:
    """view() across dims that do not lie one behind the other."""
    return RuntimeError(
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
        "contiguous subspaces). Use .reshape(...) instead."
    )


def permute_repeated() -> RuntimeError:
    """permute(0, 0)."""
    return RuntimeError("permute(): duplicate dims are not allowed.")


@cure("permute takes every dimension once: x.permute(0, 2, 1) of three; x.transpose(1, 2) swaps two")
def permute_rank(rank: int, given: int) -> RuntimeError:
    """permute() with too few or too many dims."""
    return RuntimeError(
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
        f"ordering of dimensions i.e. input.dim() = {rank} is not equal to len(dims) = {given}"
    )


@cure("give the smaller one a dimension, x.unsqueeze(0), or use torch.stack for tensors of one shape")
def cat_rank(first: int, other: int) -> RuntimeError:
    """cat() of tensors with different numbers of dims."""
    return RuntimeError(f"Tensors must have same number of dimensions: got {first} and {other}")


@cure("all sizes but that of dim must be equal: print the shapes, or join along another dim")
def cat_size(dim: int, expected: int, got: int, number: int) -> RuntimeError:
    """cat() of tensors that differ in another dim."""
    return RuntimeError(
        f"Sizes of tensors must match except in dimension {dim}. Expected size {expected} but got size {got} for "
        f"tensor number {number} in the list."
    )


@cure(
    "pad or crop them to one size first: torch.nn.utils.rnn.pad_sequence(list, batch_first=True); of a "
    "DataLoader, in its collate_fn"
)
def stack_size(first: Shape, other: Shape, entry: int) -> RuntimeError:
    """stack() of tensors of different shapes."""
    return RuntimeError(
        f"stack expects each tensor to be equal size, but got {_listed(first)} at entry 0 and {_listed(other)} at "
        f"entry {entry}"
    )


# Matrix products


def mat_shapes(a: Shape, b: Shape) -> RuntimeError:
    """mm of matrices whose inner sizes differ (a vector counts as a matrix of one row)."""
    error = RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({_by(a)} and {_by(b)})")
    return cured(
        error,
        f"{a[-1]} columns meet {b[0]} rows: a layer takes what it is made for, nn.Linear({a[-1]}, {b[-1]}); images and "
        "feature maps go through nn.Flatten() first; of two matrices transpose one, x @ y.T",
    )


@cure("a matrix (n, m) takes a vector of m elements")
def mat_vec_shapes(mat: Shape, vec: Shape) -> RuntimeError:
    """mv of a matrix and a vector that do not fit."""
    return RuntimeError(f"size mismatch, got input ({mat[0]}), mat ({_by(mat)}), vec ({vec[0]})")


def dot_sizes(a: int, b: int) -> RuntimeError:
    """dot of vectors of different length."""
    return RuntimeError(
        f"inconsistent tensor size, expected tensor [{a}] and src [{b}] to have the same number of elements, but got "
        f"{a} and {b} elements respectively"
    )


@cure("a @ b multiplies matrices, (a * b).sum() sums the products of all elements")
def dot_rank(a: int, b: int) -> RuntimeError:
    """dot of something else than vectors."""
    return RuntimeError(f"1D tensors expected, but got {a}D and {b}D tensors")


def bmm_shapes(batch1: Shape, batch2: Shape) -> RuntimeError:
    """bmm of batches that do not fit."""
    return RuntimeError(
        "Expected size for first two dimensions of batch2 tensor to be: "
        f"[{batch1[0]}, {batch1[2]}] but got: [{batch2[0]}, {batch2[1]}]."
    )


def not_a_matrix(name: str) -> RuntimeError:
    """mm of something else than a matrix."""
    return RuntimeError(f"{name} must be a matrix")


def not_a_batch(name: str) -> RuntimeError:
    """bmm of something else than a batch of matrices."""
    return RuntimeError(f"{name} must be a 3D tensor")


def matmul_rank(a: int, b: int) -> RuntimeError:
    """matmul with a 0-dim tensor."""
    return RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D")


_C_NAMES = {
    "Bool": "bool",
    "Byte": "unsigned char",
    "Char": "signed char",
    "Short": "short int",
    "Int": "int",
    "Long": "long int",
    "Float": "float",
    "Double": "double",
    "Half": "c10::Half",
    "BFloat16": "c10::BFloat16",
    "ComplexFloat": "c10::complex<float>",
    "ComplexDouble": "c10::complex<double>",
    "UInt16": "short unsigned int",
}


def c_name(type_name: str) -> str:
    """The C++ name of a type, which some messages print."""
    return _C_NAMES.get(type_name, type_name)


def other_tensor_type(expected: str, got: str) -> TypeError:
    """A tensor given to the constructor of another type, torch.FloatTensor(tensor)."""
    rest = (
        "device=cpu, layout=Strided, requires_grad=false (default), pinned_memory=false (default), "
        "memory_format=(nullopt))"
    )
    wanted, found = (f"TensorOptions(dtype={c_name(one)}, {rest}" for one in (expected, got))
    return TypeError(f"expected {wanted} (got {found})")


def out_type(expected: str, got: str) -> RuntimeError:
    """An out= tensor where the type must be that of the result."""
    return RuntimeError(f"Expected out tensor to have dtype {c_name(expected)}, but got {c_name(got)} instead")


@cure("convert one of them: x.float() (NumPy's numbers are float64, which makes Double tensors)")
def matmul_types(a: str, b: str) -> RuntimeError:
    """mm of different types, which torch does not promote."""
    return RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {c_name(a)} != {c_name(b)}")


def dot_types(a: str, b: str) -> RuntimeError:
    """dot of different types."""
    return RuntimeError(f"dot : expected both vectors to have same dtype, but found {a} and {b}")


# Types


@cure(
    "an in-place operation keeps the type of its tensor: write x = x / 2 instead of x /= 2, or convert "
    "before, x = x.float()"
)
def cast(result: str, desired: str) -> RuntimeError:
    """A result that its in-place target or out= tensor cannot hold."""
    return RuntimeError(f"result type {result} can't be cast to the desired output type {desired}")


def promotion_unsigned(a: str, b: str) -> RuntimeError:
    """uint16, uint32 and uint64 meet another integer type."""
    kinds = "uint16, uint32, uint64 types"
    return RuntimeError(f"Promotion for {kinds} is not supported, attempted to promote {a} and {b}")


def promotion_float8(a: str, b: str) -> RuntimeError:
    """A float8 type meets another type."""
    return RuntimeError(f"Promotion for Float8 Types is not supported, attempted to promote {a} and {b}")


def not_implemented_for(kernel: str, type_name: str) -> NotImplementedError:
    """An operation that does not exist for a type; ``kernel`` is torch's internal name, "lt_cpu"."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{type_name}'")


def bool_negation() -> RuntimeError:
    """-x of a bool tensor."""
    return RuntimeError(
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the "
        "`~` or `logical_not()` operator instead."
    )


def no_complex_gradient(function: str) -> RuntimeError:
    """An operation recorded for a gradient that torch has for real numbers alone."""
    return RuntimeError(f"{function} does not support automatic differentiation for outputs with complex dtype.")


@cure("pass it detached: weight.detach()")
def not_differentiable_by(function: str, argument: str) -> RuntimeError:
    """An argument that requires grad where torch has no derivative by it."""
    return RuntimeError(
        f"The function '{function}' is not differentiable with respect to argument '{argument}'. This input cannot "
        "have requires_grad True."
    )


def numpy_type_unsupported(numpy_dtype: Any) -> TypeError | ValueError:
    """A NumPy array whose type torch does not have, or whose bytes are the wrong way round."""
    if not numpy_dtype.isnative:
        return ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
            "currently not supported."
        )
    error = TypeError(
        f"can't convert np.ndarray of type numpy.{numpy_dtype.type.__name__}. The only supported types are: float64, "
        "float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool."
    )
    return cured(error, "array.astype(np.float32) of numbers; rows of unequal length, texts and None must go first")


@cure("torch.tensor takes numbers and nested lists of them; leave out None, take the values of a dict")
def dtype_not_inferred(value: object) -> RuntimeError:
    """tensor(None)."""
    return RuntimeError(f"Could not infer dtype of {type_name(value)}")


def value_overflow(type_name: str) -> RuntimeError:
    """A number its type cannot hold; the name is the C++ one ("double", "uint8")."""
    return RuntimeError(f"value cannot be converted to type {type_name} without overflow")


@cure("convert first: x.float().mean()")
def reduction_float_only(function: str, type_name: str, *, argument: str = "Input") -> RuntimeError:
    """mean() of integers; ``argument`` is "Optional" when dtype= was given."""
    return RuntimeError(
        f"{function}(): could not infer output dtype. {argument} dtype must be either a floating point or complex "
        f"dtype. Got: {type_name}"
    )


# Empty reductions


def reduction_empty(function: str) -> RuntimeError:
    """max() of an empty tensor."""
    return RuntimeError(
        f"{function}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
        "the 'dim' argument."
    )


def reduction_empty_dim(function: str, dim: int) -> IndexError:
    """max(dim) over a dim of size 0."""
    return IndexError(f"{function}(): Expected reduction dim {dim} to have non-zero size.")


# Indexing


def index_out_of_bounds(index: int, dim: int, size: int) -> IndexError:
    """x[7], and x[tensor([7])]."""
    error = IndexError(f"index {index} is out of bounds for dimension {dim} with size {size}")
    return cured(error, f"indices of dimension {dim} run from 0 to {size - 1}, or from -{size} to -1")


@cure("indices run from 0 to the number of rows - 1: nn.Embedding(num_embeddings) needs the largest index + 1")
def index_out_of_range_in_self() -> IndexError:
    """index_select and embedding with an index too large."""
    return IndexError("index out of range in self")


def index_too_many(rank: int) -> IndexError:
    """More indices than dims."""
    error = IndexError(f"too many indices for tensor of dimension {rank}")
    return cured(error, f"the tensor has {rank} dimensions, each takes one index or slice: print its shape")


@cure("x.item() is the number; loss.data[0] is from before torch 0.4")
def index_zero_dim() -> IndexError:
    """Indexing a 0-dim tensor."""
    return IndexError(
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
        "0-dim tensor to a number"
    )


@cure("an index is an integer, a slice, a mask or a tensor of integers")
def index_type(index: object) -> IndexError:
    """x[1.5]."""
    return IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{type_name(index)})"
    )


@cure("torch.tensor([1, 2]) holds integers, torch.Tensor([1, 2]) floats; convert with index.long()")
def index_tensor_type() -> IndexError:
    """x[tensor([1.0])]."""
    return IndexError("tensors used as indices must be long, int, byte or bool tensors")


def index_shapes(shapes: Iterable[Shape]) -> IndexError:
    """Index tensors that do not broadcast together."""
    listed = ", ".join(_listed(shape) for shape in shapes)
    return IndexError(f"shape mismatch: indexing tensors could not be broadcast together with shapes {listed}")


@cure("a mask has the shape of what it selects from: x[x > 0]")
def index_mask(mask: Shape, mask_at: int, shape: Shape, at: int) -> IndexError:
    """A boolean mask of another shape; ``at`` is the first dim in which it differs."""
    return IndexError(
        f"The shape of the mask {_listed(mask)} at index {mask_at} does not match the shape of the indexed tensor "
        f"{_listed(shape)} at index {at}"
    )


@cure("x.flip(0) turns x around, x[::2].flip(0) every second element")
def index_step() -> ValueError:
    """x[::-1]."""
    return ValueError("step must be greater than zero")


def select_out_of_range(index: int, shape: Shape, dim: int) -> IndexError:
    """select() outside a dim."""
    return IndexError(f"select(): index {index} out of range for tensor of size {_listed(shape)} at dimension {dim}")


def narrow_too_long(start: int, length: int, size: int) -> RuntimeError:
    """narrow() past the end."""
    return RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")


# Values


@cure("x.tolist() gives all of them; x.mean() or x[0] makes one")
def item_many(numel: int) -> RuntimeError:
    """item() of a tensor that has not one element."""
    return RuntimeError(f"a Tensor with {numel} elements cannot be converted to Scalar")


def number_many(instead: str = "x.tolist() gives all of them; x.mean() or x[0] makes one") -> ValueError:
    """int(), float() of a tensor that has not one element."""
    return cured(ValueError("only one element tensors can be converted to Python scalars"), instead)


@cure("torch.equal(a, b), (a == b).all() or .any() give one truth; combine masks by & | ~ instead of and, or, not")
def bool_ambiguous(numel: int) -> RuntimeError:
    """The truth of a tensor that has not one element."""
    values = "more than one value" if numel else "no values"
    return RuntimeError(f"Boolean value of Tensor with {values} is ambiguous")


@cure("int(x) makes a Python number of one element; x.long() makes indices")
def not_an_index() -> TypeError:
    """range(x) of something else than one integer."""
    return TypeError("only integer tensors of a single element can be converted to an index")


@cure("x.item() is the number; x.unsqueeze(0) a tensor of one element")
def len_zero_dim() -> TypeError:
    """len() of a 0-dim tensor."""
    return TypeError("len() of a 0-d tensor")


@cure("x.item() is the number; x.unsqueeze(0) a tensor of one element")
def iterate_zero_dim() -> TypeError:
    """for item in a 0-dim tensor."""
    return TypeError("iteration over a 0-d tensor")


@cure("x.detach().numpy(); for plots and metrics compute under torch.no_grad()")
def numpy_requires_grad() -> RuntimeError:
    """numpy() of a tensor that requires grad."""
    return RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")


def numpy_dtype(type_name: str) -> TypeError:
    """numpy() of a type NumPy does not have."""
    return TypeError(f"Got unsupported ScalarType {type_name}")


def meta_has_no_data() -> NotImplementedError:
    """The elements of a tensor on `meta` are wanted."""
    return NotImplementedError("Cannot copy out of meta tensor; no data!")


def item_of_meta() -> RuntimeError:
    """The one element of a tensor on `meta` is wanted as a Python number."""
    return RuntimeError("Tensor.item() cannot be called on meta tensors")


@cure("x.cpu().numpy(), x.detach().cpu().numpy() of a tensor that requires grad")
def numpy_device(device: str) -> TypeError:
    """numpy() of a tensor that is not on the CPU; ``device`` as text: "cuda:0"."""
    return TypeError(
        f"can't convert {device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
    )
