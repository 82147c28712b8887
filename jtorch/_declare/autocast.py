"""Autocast: while it is on, products are computed in a half type and what would lose too much in float32.

Which ops are which is torch's documented choice by device; the rest runs in the types it is given, or in the widest of
several. While it is on, a thread's steps stand in a part of the trie where the fast paths find nothing, so every call
comes by `handle.apply`, which asks `cast` here. When it is off nothing of this is looked at.

https://docs.pytorch.org/docs/stable/amp.html#autocast-op-reference
"""

from __future__ import annotations

from typing import Any

from jtorch._declare.variants import cast_to
from jtorch._engine.handle import Handle
from jtorch._engine.tape import switch_autocast, threads
from jtorch._types import cpu
from jtorch._types.dtype import bfloat16, dtype, dtype_named, float16, float32, float64

LOWER = frozenset(
    """addbmm addmm attention baddbmm bmm conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d
    conv_transpose3d linear matmul mm multi_head_attention prelu einsum""".split()
)
_LOWER = {
    "cpu": LOWER | {"linalg_vecdot"},
    "cuda": LOWER | frozenset("addmv addr gru_cell lstm_cell mv rnn_relu_cell rnn_tanh_cell recurrent".split()),
}
FLOAT32 = {
    "cpu": frozenset(
        """adaptive_avg_pool3d adaptive_max_pool3d_op avg_pool3d binary_cross_entropy binary_cross_entropy_with_logits
        cdist cholesky_inverse cholesky_solve cosine_embedding_op cross_entropy cross_entropy_2d
        cross_entropy_of_probabilities ctc_loss fake_quantize_per_tensor_affine fft_c2c fft_c2r fft_r2c
        fractional_max_pool2d fractional_max_pool3d geqrf grid_sampler_2d grid_sampler_3d hinge_op huber_loss kl_div
        l1_loss linalg_cholesky_ex linalg_cond linalg_eig linalg_eigh linalg_eigvals linalg_eigvalsh
        linalg_householder_product linalg_inv_ex linalg_lstsq linalg_lu_factor_ex linalg_lu_solve linalg_matrix_rank
        linalg_pinv linalg_qr linalg_solve_ex linalg_svd linalg_svdvals margin_ranking_loss max_pool3d
        max_pool3d_with_indices max_unpool_op mse_loss multi_margin_loss multilabel_margin_loss nanquantile nll_loss
        nll_loss2d ormqr poisson_nll_loss polar prod quantile reflect_pad1d reflect_pad2d replicate_pad1d
        replicate_pad2d replicate_pad3d smooth_l1_loss soft_margin_loss stft trace triangular_solve
        triplet_margin_loss view_as_complex""".split()
    ),
    "cuda": frozenset(
        """acos asin binary_cross_entropy_with_logits cdist cosh cosine_embedding_op cosine_similarity cross_entropy
        cross_entropy_2d cross_entropy_of_probabilities cumprod cumsum dist erfinv exp expm1 group_norm hinge_op
        kl_div l1_loss layer_norm log log10 log1p log2 log_softmax margin_ranking_loss mse_loss multi_margin_loss
        multilabel_margin_loss native_group_norm native_layer_norm nll_loss nll_loss2d norm normalize_op
        linalg_vector_norm pdist poisson_nll_loss pow prod reciprocal renorm rms_norm rsqrt sinh smooth_l1_loss
        soft_margin_loss softmax softplus sum tan triplet_margin_loss""".split()
    ),
}
WIDEST = {
    "cpu": frozenset("cat index_copy stack".split()),
    "cuda": frozenset(
        "addcdiv addcmul atan2 bilinear cat cross dot grid_sampler_2d grid_sampler_3d index_put scatter_add stack "
        "tensordot".split()
    ),
}
KINDS = {
    **dict.fromkeys(("cuda", "ipu", "xpu", "mps", "mtia", "privateuseone"), "float16"),
    **dict.fromkeys(("cpu", "xla", "hpu", "maia"), "bfloat16"),
}  # devices that autocast knows, and the dtype it means there
_HALVES = (float16, bfloat16)


class Autocast:
    """A thread's settings, and the casts of parameters it has made since the outermost block began."""

    def __init__(self) -> None:
        self.enabled: dict[str, bool] = {}
        self.dtypes: dict[str, dtype] = {}
        self.caching = True
        self.nesting = 0
        self.kept: dict[int, tuple[Any, Any, Any]] = {}  # by a leaf's id: the leaf, its value then, and the cast

    def is_on(self, kind: str) -> bool:
        """Whether ops on a kind of device are cast."""
        return self.enabled.get(kind, False)

    def dtype_of(self, kind: str) -> dtype:
        """The half type of a kind of device."""
        return self.dtypes.get(kind) or dtype_named(KINDS[kind])

    def switch(self, kind: str, on: bool) -> None:
        """Begins or ends the casting of ops on a kind of device."""
        self.enabled[kind] = bool(on)
        tape = threads.tape
        wanted = any(self.enabled.values())
        if wanted != (tape.autocast is not None):
            if tape.capture is not None:
                tape.capture.stop(tape, "autocast is switched")
            switch_autocast(tape, self.cast if wanted else None)

    def cast(self, op: Any, operands: tuple) -> tuple:
        """The operands an op takes instead."""
        return self.cast_for(op.name.strip("_"), operands)

    def cast_for(self, name: str, operands: tuple) -> tuple:
        """The same by the op's name."""
        place = next((x._v.aval.device for x in operands if isinstance(x, Handle) and x._v.aval.device != cpu), cpu)
        if not self.is_on(place.type):
            return operands
        table = "cpu" if place == cpu else "cuda"
        if name in _LOWER[table]:
            return self._all(operands, self.dtype_of(place.type))
        if name in FLOAT32[table]:
            return self._all(operands, float32)
        if name in WIDEST[table]:
            found = {x._v.aval.dtype for x in operands if _eligible(x)}
            return self._all(operands, float32) if float32 in found and len(found) > 1 else operands
        if name == "binary_cross_entropy" and table == "cuda":
            raise RuntimeError(
                "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\n"
                "Many models use a sigmoid layer right before the binary cross entropy layer.\n"
                "In this case, combine the two layers using torch.nn.functional.binary_cross_entropy_with_logits\n"
                "or torch.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are\n"
                "safe to autocast."
            )
        return operands

    def _all(self, operands: tuple, to: dtype) -> tuple:
        return tuple(self._one(x, to) if _eligible(x) and x._v.aval.dtype is not to else x for x in operands)

    def _one(self, t: Any, to: dtype) -> Any:
        """A tensor in another type; a parameter's is kept till the outermost block ends."""
        if not (self.caching and to in _HALVES and t._requires_grad and t._node is None and t._base is None):
            return cast_to(t, to)
        known = self.kept.get(id(t))
        if known is not None and known[1] is t._v and known[2]._v.aval.dtype is to:
            return known[2]
        found = cast_to(t, to)
        if threads.tape.grad_enabled:
            self.kept[id(t)] = (t, t._v, found)
        return found


def _eligible(x: Any) -> bool:
    if not isinstance(x, Handle):
        return False
    found = x._v.aval.dtype
    return found.is_floating_point and found is not float64


def state() -> Autocast:
    """The settings of this thread."""
    tape = threads.tape
    if tape.casting is None:
        tape.casting = Autocast()
    return tape.casting


def under_autocast(name: str, *tensors: Any) -> tuple:
    """The tensors that a function of several ops, or one that looks at types before its op, takes instead."""
    return tensors if threads.tape.autocast is None else state().cast_for(name, tensors)
