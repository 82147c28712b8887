"""Random numbers: one seed gives torch's numbers, bit for bit, and leaves the stream where torch leaves it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import jtorch
from compat_tests.engine.counting import counted, lazy_only
from compat_tests.ops.agree import agree_on_error

SIZES = [3, 15, 16, 17, 100, (4, 5), (3, 7, 6)]
FLOATS = ["float32", "float64"]
FILLS = {
    "uniform_": (-1.0, 2.0),
    "normal_": (1.0, 3.0),
    "exponential_": (2.0,),
    "geometric_": (0.3,),
    "cauchy_": (),
    "log_normal_": (0.0, 1.0),
    "random_": (3, 9),
    "bernoulli_": (0.3,),
}


def bytes_of(side: Any, t: Any) -> tuple:
    return str(t.dtype), tuple(t.shape), t.detach().numpy().tobytes(), side.get_rng_state().numpy().tobytes()


def same_bits(draw: Callable[[Any], Any]) -> None:
    drawn = []
    for side in (torch, jtorch):
        side.manual_seed(7)
        drawn.append(bytes_of(side, draw(side)))
    assert drawn[1] == drawn[0]


def rows(size: int | tuple) -> int:
    return size if isinstance(size, int) else size[0]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ["rand", "randn"])
def test_creation(name: str, size: Any, dtype: str):
    same_bits(lambda side: getattr(side, name)(size, dtype=getattr(side, dtype)))
    same_bits(lambda side: getattr(side, f"{name}_like")(side.zeros(6, rows(size), dtype=getattr(side, dtype)).t()))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", FILLS)
def test_fills_of_contiguous_transposed_and_sliced_targets(name: str, size: Any, dtype: str):
    def through_slice(side: Any) -> Any:
        base = side.zeros(5, rows(size), dtype=getattr(side, dtype))
        getattr(base[:, 1:], name)(*FILLS[name])
        return base

    same_bits(lambda side: getattr(side.zeros(size, dtype=getattr(side, dtype)), name)(*FILLS[name]))
    same_bits(lambda side: getattr(side.zeros(5, rows(size), dtype=getattr(side, dtype)).t(), name)(*FILLS[name]))
    same_bits(through_slice)


INTEGERS: dict[str, Callable[[Any], Any]] = {
    "randint": lambda side: side.randint(3, 77, (4, 5)),
    "randint_high": lambda side: side.randint(77, (17,), dtype=side.int32),
    "randint_uint16": lambda side: side.randint(3, 60000, (9,), dtype=side.uint16),
    "randint_uint32": lambda side: side.randint(2**32 - 5, (9,), dtype=side.uint32),
    "randint_uint64": lambda side: side.randint(2**40, (9,), dtype=side.uint64),
    "randint_keywords": lambda side: side.randint(low=3, high=77, size=(5,)),
    "randint_like": lambda side: side.randint_like(side.zeros(3), 2, 5),
    "randperm": lambda side: side.randperm(100),
    "randperm_int32": lambda side: side.randperm(5, dtype=side.int32),
    "random_all": lambda side: side.zeros(9, dtype=side.int64).random_(),
    "random_to": lambda side: side.zeros(9, dtype=side.int64).random_(5),
    "bernoulli_int": lambda side: side.zeros(9, dtype=side.int64).bernoulli_(0.4),
}
DISTRIBUTIONS: dict[str, Callable[[Any], Any]] = {
    "normal_numbers": lambda side: side.normal(0.0, 2.0, (5,)),
    "normal_tensors": lambda side: side.normal(side.arange(20.0), side.arange(20.0)),
    "normal_mean": lambda side: side.normal(side.arange(20.0), 2.0),
    "normal_std": lambda side: side.normal(1.0, side.arange(20.0)),
    "normal_broadcast": lambda side: side.normal(side.arange(4.0), side.ones(3, 1)),
    "bernoulli": lambda side: side.bernoulli(side.full((3, 4), 0.4)),
    "bernoulli_float64": lambda side: side.bernoulli(side.full((3, 4), 0.4, dtype=side.float64)),
    "bernoulli_p": lambda side: side.bernoulli(side.zeros(3, 4).t(), 0.4),
    "bernoulli_fill": lambda side: side.zeros(3, 4).t().bernoulli_(side.full((3,), 0.4)),
    "multinomial": lambda side: side.multinomial(side.arange(1.0, 6.0), 3),
    "multinomial_replacement": lambda side: side.multinomial(side.arange(1.0, 6.0), 9, True),
    "multinomial_rows": lambda side: side.arange(1.0, 13.0).reshape(4, 3).t().multinomial(2),
    "generator": lambda side: side.rand(3, generator=side.Generator().manual_seed(4)),
    "complex": lambda side: side.randn(3, dtype=side.complex64),
    "half": lambda side: side.rand(5, dtype=side.float16),
    "out": lambda side: side.rand(3, out=side.zeros(3, dtype=side.float64)),
}


@pytest.mark.parametrize("draw", [*INTEGERS.values(), *DISTRIBUTIONS.values()], ids=[*INTEGERS, *DISTRIBUTIONS])
def test_other_draws(draw: Callable[[Any], Any]):
    same_bits(draw)


DROPOUTS = ["dropout", "dropout1d", "dropout2d", "dropout3d"]


@pytest.mark.filterwarnings("ignore")  # some forms are deprecated in torch, but still draw
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5), (2, 3, 4, 5), (2, 3, 2, 2, 2)], ids=str)
@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_drops_what_torch_drops(name: str, shape: tuple, p: float):
    if name == "dropout1d" and len(shape) > 3:
        agree_on_error(lambda side: side.nn.functional.dropout1d(side.ones(shape), p, True))
        return
    same_bits(lambda side: getattr(side.nn.functional, name)(side.ones(shape) * 1.7, p, True))


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5)], ids=str)
def test_alpha_dropout_to_a_rounding(name: str, shape: tuple):
    """The product and the sum are one fused operation in a program, two in torch."""
    drawn = []
    for side in (torch, jtorch):
        side.manual_seed(7)
        drawn.append(getattr(side.nn.functional, name)(side.ones(shape) * 1.7, 0.3, True).numpy())
    torch.testing.assert_close(torch.from_numpy(drawn[1].copy()), torch.from_numpy(drawn[0]), rtol=1e-6, atol=1e-6)


def test_other_masks():
    same_bits(lambda side: side.nn.functional.dropout(side.arange(1.0, 13.0).reshape(3, 4).t(), 0.3))
    same_bits(lambda side: side.nn.functional.dropout(side.arange(1.0, 13.0).half(), 0.3))
    same_bits(lambda side: side.nn.functional.rrelu(side.arange(-10.0, 13.0), training=True))
    same_bits(lambda side: side.nn.functional.gumbel_softmax(side.zeros(3, 4), hard=True))


def test_dropout_gradient_is_the_mask():
    x = jtorch.ones(100, requires_grad=True)
    y = jtorch.nn.functional.dropout(x, 0.4)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


ERRORS: dict[str, Callable[[Any], Any]] = {
    "negative_size": lambda side: side.rand(-1),
    "integer_rand": lambda side: side.rand(2, dtype=side.int64),
    "empty_range": lambda side: side.randint(5, 2, (3,)),
    "float_bound": lambda side: side.randint(5.5, (2,)),
    "range_of_uint16": lambda side: side.randint(70000, (2,), dtype=side.uint16),
    "end_of_uint64": lambda side: side.empty(2, dtype=side.uint64).random_(5, None),
    "permutation_of_uint16": lambda side: side.randperm(4, dtype=side.uint16),
    "range_of_uint8": lambda side: side.randint(300, (2,), dtype=side.uint8),
    "negative_std": lambda side: side.normal(0.0, -1.0, (2,)),
    "negative_std_tensor": lambda side: side.normal(side.zeros(2), side.tensor([-1.0, 2.0])),
    "probability": lambda side: side.bernoulli(side.tensor([0.5, 2.0])),
    "leaf": lambda side: side.zeros(2, requires_grad=True).uniform_(),
    "integer_uniform": lambda side: side.zeros(3, dtype=side.int64).uniform_(),
    "negative_permutation": lambda side: side.randperm(-1),
    "bounds": lambda side: side.zeros(2).uniform_(1, 0),
    "large_seed": lambda side: side.manual_seed(2**70),
    "dropout_p": lambda side: side.nn.functional.dropout(side.ones(2), 1.5),
}


@pytest.mark.parametrize("call", ERRORS.values(), ids=ERRORS)
def test_errors(call: Callable[[Any], Any]):
    agree_on_error(call)


def test_state_goes_between_torch_and_jtorch():
    torch.manual_seed(3)
    torch.randn(5)
    state = torch.get_rng_state()
    jtorch.set_rng_state(jtorch.tensor(state.numpy()))
    assert jtorch.randn(5).tolist() == torch.randn(5).tolist()
    torch.set_rng_state(torch.from_numpy(jtorch.get_rng_state().numpy()))
    assert jtorch.rand(5).tolist() == torch.rand(5).tolist()


def test_refused_fill_draws_nothing():
    jtorch.manual_seed(0)
    before = jtorch.get_rng_state().tolist()
    with pytest.raises(RuntimeError):
        jtorch.zeros(2, requires_grad=True).uniform_()
    assert jtorch.get_rng_state().tolist() == before


def test_parameters_are_filled_under_no_grad():
    p = jtorch.zeros(4, requires_grad=True)
    with jtorch.no_grad():
        p.normal_()
    assert p.requires_grad and p.is_leaf and p.abs().sum().item() > 0


@lazy_only
def test_a_loop_of_draws_is_one_program():
    def step() -> float:
        return (jtorch.randn(8) * 2 + jtorch.rand(8)).sum().item()

    for _ in range(3):
        step()
    with counted() as found:
        numbers = {step() for _ in range(10)}
    assert found["whole_programs"] == found["op_programs"] == 0 and len(numbers) == 10
