"""torch.sparse: COO and compressed sparse tensors as ordinary tensors of indices and of values.

What a sparse tensor has of ordinary operations is given by stand-ins for their ops (`_engine/parts.py`).

https://docs.pytorch.org/docs/stable/sparse.html
"""

from jtorch.sparse import _embedding as _embedding
from jtorch.sparse import _methods as _methods
from jtorch.sparse._construct import sparse_compressed_tensor as sparse_compressed_tensor
from jtorch.sparse._construct import sparse_coo_tensor as sparse_coo_tensor
from jtorch.sparse._convert import parts_of as parts_of
from jtorch.sparse._diagonals import spdiags as spdiags
from jtorch.sparse._invariants import check_sparse_tensor_invariants as check_sparse_tensor_invariants
from jtorch.sparse._matmul import sampled_addmm as sampled_addmm
from jtorch.sparse._matmul import sparse_addmm as addmm
from jtorch.sparse._matmul import sparse_mm as mm
from jtorch.sparse._matmul import spsolve as spsolve
from jtorch.sparse._reduce import log_softmax as log_softmax
from jtorch.sparse._reduce import softmax as softmax
from jtorch.sparse._reduce import sparse_sum as sum

__all__ = [
    "addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags",
    "spsolve", "sum",
]  # fmt: skip
