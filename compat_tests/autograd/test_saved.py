"""Which writes between forward and backward are refused: those to what torch's formula saves, and no others."""

import gc
import weakref

import pytest
import torch

import jtorch

BOTH, FIRST, SECOND = (True, True), (True, False), (False, True)
CALLS = {
    "pow": lambda lib, a, b: lib.pow(a, b),
    "number_pow": lambda lib, a, b: lib.pow(2.0, b) + 0 * a,
    "pow_number": lambda lib, a, b: lib.pow(a, 2) + 0 * b,
    "ldexp": lambda lib, a, b: lib.ldexp(a, b),
    "trunc": lambda lib, a, b: lib.div(a, b, rounding_mode="trunc"),
    "hypot": lambda lib, a, b: lib.hypot(a, b),
    "copysign": lambda lib, a, b: lib.copysign(a, b),
    "kron": lambda lib, a, b: lib.kron(a, b),
    "dist": lambda lib, a, b: lib.dist(a, b),
    "solve": lambda lib, a, b: lib.linalg.solve(a, b),
    "svdvals": lambda lib, a, b: lib.linalg.svdvals(a) + 0 * b[0],
    "amax": lambda lib, a, b: lib.amax(a, 1) + 0 * b[0],
    "max": lambda lib, a, b: lib.max(a, 1)[0] + 0 * b[0],
    "condition": lambda lib, a, b: lib.linalg.cond(a) + 0 * b[0],
    "tensordot": lambda lib, a, b: lib.tensordot(a, b, 1),
    "cross_entropy": lambda lib, a, b: lib.nn.functional.cross_entropy(a, b),
    "smoothed": lambda lib, a, b: lib.nn.functional.cross_entropy(a, b, label_smoothing=0.1),
    "kl_div": lambda lib, a, b: lib.nn.functional.kl_div(a, b, reduction="sum"),
    "kl_div_of_logs": lambda lib, a, b: lib.nn.functional.kl_div(a, b, reduction="sum", log_target=True),
    "poisson": lambda lib, a, b: lib.nn.functional.poisson_nll_loss(a, b),
    "poisson_full": lambda lib, a, b: lib.nn.functional.poisson_nll_loss(a, b, log_input=False, full=True),
    "triplet": lambda lib, a, b: lib.nn.functional.triplet_margin_loss(a, b, a + b),
    "pool": lambda lib, a, b: lib.nn.functional.avg_pool1d(a, 2) + 0 * b[0, 0],
    "pool_to_one": lambda lib, a, b: lib.nn.functional.adaptive_avg_pool1d(a, 1) + 0 * b[0, 0],
    "vector_times_matrix": lambda lib, a, b: lib.matmul(a[0], b[None]),
    "vector_times_batch": lambda lib, a, b: lib.matmul(a[0], b.view(3, 3, 1).expand(3, 3, 2)),
    "layer_norm": lambda lib, a, b: lib.nn.functional.layer_norm(a, (3,), b[0], b[1]),
}


def refuses(lib, call, needs, place) -> bool:
    """Whether backward refuses after a write to an operand or, where `place` is -1, the result."""
    numbers = [[[0.6, 1.3, 0.9], [1.1, 0.7, 1.6], [1.4, 0.8, 1.2]], [[1.5, 0.9, 0.7], [0.6, 1.2, 1.3], [0.9, 1.7, 0.8]]]
    operands = [lib.tensor(rows, requires_grad=n) for rows, n in zip(numbers, needs, strict=True)]
    found = call(lib, *operands)
    total = found.sum()
    with lib.no_grad():
        (*operands, found)[place].detach().mul_(1)
    try:
        total.backward()
    except RuntimeError as error:
        return "has been modified by an inplace operation" in str(error)
    return False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("needs", [BOTH, FIRST, SECOND])
@pytest.mark.parametrize("name", CALLS)
def test_writes(name, needs):
    for place in (0, 1, -1):
        expected = refuses(torch, CALLS[name], needs, place)
        assert refuses(jtorch, CALLS[name], needs, place) == expected, place


def test_the_sentence_names_the_result():
    said = []
    for lib in (torch, jtorch):
        x = lib.ones(3, requires_grad=True)
        y = lib.hypot(x, x * 2)
        y.detach().mul_(2)
        with pytest.raises(RuntimeError) as refusal:
            y.sum().backward()
        said.append(str(refusal.value))
    assert said[0] == said[1]


def test_a_view_of_a_written_tensor():
    for lib in (torch, jtorch):
        base = lib.rand(2, 4, 4)
        x = base[0].requires_grad_()
        y = lib.nn.functional.avg_pool1d(x, 2)
        base[1].zero_()
        with pytest.raises(RuntimeError, match=r"is at version 1; expected version 0"):
            y.sum().backward()


def test_in_place_forms_may_replace_what_they_save():
    for lib in (torch, jtorch):
        x = lib.tensor([0.2, 3.0], requires_grad=True)
        bound = lib.ones(2)
        for write in (lambda t, bound=bound: t.clamp_max_(bound), lambda t: t.nan_to_num_(), lib.nn.functional.elu_):
            x.grad = None
            y = x * 1
            write(y)
            y.sum().backward()
            assert x.grad is not None


def test_running_statistics_may_be_updated_twice_before_backward():
    for lib in (torch, jtorch):
        lib.manual_seed(0)
        norm = lib.nn.BatchNorm1d(3)
        state = norm.state_dict()  # which shares their memory
        first, second = norm(lib.rand(4, 3)), norm(lib.rand(4, 3))
        (first.sum() + second.sum()).backward()
        assert state["running_mean"].ne(0).all() and norm.weight.grad is not None


def test_what_is_only_looked_at_is_not_kept():
    x = jtorch.rand(2, 4, 8, requires_grad=True) + 1
    y = jtorch.nn.functional.avg_pool1d(x, 2)
    value = weakref.ref(x._v)
    del x
    assert y.sum().item() > 0
    gc.collect()
    assert value() is None
    y.sum().backward()
