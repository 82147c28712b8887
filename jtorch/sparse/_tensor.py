"""A sparse tensor: a pattern on the host and an ordinary tensor of values."""

from __future__ import annotations

from typing import Any

from jtorch._engine.aval import aval_of
from jtorch._engine.handle import writes
from jtorch._engine.parts import SparseMet, described, registrar, stand_ins
from jtorch._engine.tape import threads
from jtorch._engine.writing import check_inplace
from jtorch._parted import PartedTensor
from jtorch._tensor import Tensor
from jtorch._types import layout, sparse_coo, sparse_csr
from jtorch.sparse._pattern import Pattern
from jtorch.sparse._printing import sparse_repr


class SparseTensor(PartedTensor):
    """A tensor of a sparse layout. What it has of ordinary tensors' methods works on its parts; the rest refuses.

    https://docs.pytorch.org/docs/stable/sparse.html
    """

    _pattern: Pattern
    _writes = 0

    @property
    def _cell(self) -> Any:  # type: ignore[override]  # whoever asks for the storage is told that there is none
        raise SparseMet(self._pattern.kind)

    @property
    def layout(self) -> layout:
        """Which of the sparse layouts the tensor has."""
        return self._pattern.kind

    @property
    def is_sparse(self) -> bool:
        """True for the COO layout."""
        return self._pattern.kind is sparse_coo

    @property
    def is_sparse_csr(self) -> bool:
        """True for the CSR layout."""
        return self._pattern.kind is sparse_csr

    @property
    def _version(self) -> int:
        return self._writes

    @property
    def nbytes(self) -> int:
        """Not defined: a sparse tensor is several tensors."""
        raise RuntimeError(
            "nbytes is not defined for sparse tensors.  If you want the size of the constituent tensors, add the "
            "nbytes of the indices and values.  If you want the size of the  equivalent dense tensor, multiply numel() "
            "by element_size()"
        )

    def _like(self, held: Tensor) -> Any:
        return sparse(self._pattern, held)

    def _take(self, other: Any) -> None:
        self._pattern, self._held, self._v = other._pattern, other._held, other._v

    def stride(self, dim: int | None = None) -> Any:
        """Zeros for COO; RuntimeError for compressed layouts."""
        if not self.is_sparse:
            raise RuntimeError(f"Sparse {str(self.layout)[-3:].upper()} tensors do not have strides")
        return (0,) * self.ndim if dim is None else 0

    def storage_offset(self) -> int:
        """Zero: there is no storage."""
        return 0

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """False; RuntimeError for compressed layouts."""
        if not self.is_sparse:
            raise RuntimeError(f"Sparse {str(self.layout)[-3:].upper()} tensors do not have is_contiguous")
        return False

    def numpy(self, *, force: bool = False) -> Any:
        """TypeError: NumPy has no sparse arrays."""
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def data_ptr(self) -> int:
        """RuntimeError: there is no storage."""
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    tolist = data_ptr

    def storage(self) -> Any:
        """NotImplementedError: there is no storage."""
        raise NotImplementedError("Cannot access storage of SparseTensorImpl")

    untyped_storage = storage

    def item(self) -> Any:
        """The one element as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.to_dense().item()

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the tensor's type, or the tensor in another dtype."""
        if dtype is None:
            return f"torch.{'sparse' if self.is_sparse else 'sparse_csr'}.{self.dtype.type_name}Tensor"
        return self.to(dtype)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return sparse_repr(self)

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return _rebuilt, (self._pattern, self._held, self._requires_grad)


def _rebuilt(pattern: Pattern, values: Tensor, requires_grad: bool) -> SparseTensor:
    return sparse(pattern, values).requires_grad_(requires_grad)


def sparse(pattern: Pattern, values: Tensor) -> Any:
    """A sparse tensor of values that are in no graph; it shares their memory."""
    capture = threads.tape.capture
    if capture is not None:
        capture.stop(threads.tape, "a sparse tensor is made")
    t = object.__new__(SparseTensor)
    t._v = described(aval_of(pattern.shape, values.dtype, values.device))
    t._pattern = pattern
    t._held = values
    return t


def is_sparse(x: Any) -> bool:
    """True for tensors of any sparse layout."""
    return isinstance(x, SparseTensor)


def become(target: SparseTensor, result: Any) -> Any:
    """The end of an operation in place: the target takes the result's parts and its place in the graph."""
    check_inplace(target, threads.tape)
    if not is_sparse(result) or result.shape != target.shape or result.layout is not target.layout:
        raise RuntimeError("an operation in place on a sparse tensor cannot change its shape or layout")
    found = result if result.dtype is target.dtype else result.to(target.dtype)
    target._take(found)
    target._writes += 1
    writes.count += 1
    if threads.tape.grad_enabled:
        target._requires_grad, target._node, target._index = found._requires_grad, found._node, found._index
    return target


stands_for = registrar(stand_ins)
