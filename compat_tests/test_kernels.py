"""Element types that torch refuses are refused here, with its sentence; so are gradients it does not record.

The default run takes one sample of a part of the entries in four types, ``pytest -m full`` the whole.
"""

import pytest
import torch

from compat_tests.harness.kernels import TYPES, differs, is_of_types, outcomes
from compat_tests.harness.opdb import entries

NAMES = sorted(entries())
EACH = 7  # of the entries one in so many
FEW = (torch.bool, torch.int16, torch.float16, torch.complex64)

_EMPTY = "torch asks no kernel for matrices without elements"
_FIRST = "something else is wrong too, and is told first"
_MASKED = "masked reductions are made of other steps"
_SPARSE = "results of sparse tensors are made of other steps"
KNOWN = {
    **dict.fromkeys(
        """cholesky linalg.cholesky linalg.cholesky_ex linalg.det linalg.eigh linalg.eigvalsh linalg.ldl_factor
        linalg.ldl_factor_ex linalg.lu linalg.lu_factor linalg.lu_factor_ex linalg.solve linalg.solve_ex linalg.svd
        linalg.svdvals svd bernoulli""".split(),
        _EMPTY,
    ),
    **dict.fromkeys(
        """masked.amax masked.amin masked.cumprod masked.cumsum masked.log_softmax masked.logaddexp masked.median
        masked.softmax masked.softmin""".split(),
        _MASKED,
    ),
    **dict.fromkeys("to_sparse sparse.mm.reduce nn.functional.embedding".split(), _SPARSE),
    **dict.fromkeys(
        """histc nn.functional.linear_cross_entropy.chunked nn.functional.linear_cross_entropy.chunked_none
        nn.functional.multi_head_attention_forward pca_lowrank svd_lowrank""".split(),
        _FIRST,
    ),
    "nn.functional.max_unpool2d.grad": "the kernel of channels last has a name of its own",
    "round.decimals_0": "a zero that is given is no other than one that is not",
    "tensordot": "torch sums a broadcast dimension of bools as integers",
    "_batch_norm_with_update": "told by the name of the op it is made of",
    "_native_batch_norm_legit": "told by the name of the op it is made of",
}


def hold(name: str, samples: int, types: tuple[torch.dtype, ...]) -> int:
    found = list(outcomes(entries()[name], samples, types))
    assert not [one for one in found if differs(one)]
    return sum(is_of_types(one.expected) for one in found)


def test_types_are_refused_as_by_torch():
    refused = sum(hold(name, 1, FEW) for name in NAMES[::EACH] if name not in KNOWN)
    assert refused > 100


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_every_type(name: str):
    if name not in KNOWN:
        hold(name, 4, TYPES)
    else:
        assert any(differs(one) for one in outcomes(entries()[name])), "differs no more: take it out of KNOWN"
