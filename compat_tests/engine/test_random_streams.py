"""The CPU random streams of `jtorch._engine.random` against real torch: the same bits, the same state afterwards."""

import math
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import ml_dtypes
import numpy as np
import pytest
import torch

from jtorch._engine.random import Generator, default_generator, fill_order

SIZES = (0, 1, 7, 15, 16, 17, 31, 100, 1000)
FLOATS = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
    torch.float16: np.dtype(np.float16),
    torch.bfloat16: np.dtype(ml_dtypes.bfloat16),
}
INTEGERS = {
    torch.uint8: np.dtype(np.uint8),
    torch.int8: np.dtype(np.int8),
    torch.int16: np.dtype(np.int16),
    torch.int32: np.dtype(np.int32),
    torch.int64: np.dtype(np.int64),
}
REAL = FLOATS | INTEGERS
# jtorch follows torch's vector kernels, which machines without AVX2 do not run.
pytestmark = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="torch runs its unfused kernels here"
)


def pair(seed=3):
    return torch.Generator().manual_seed(seed), Generator().manual_seed(seed)


def array(tensor):
    """The tensor as an ndarray, bfloat16 included, whatever its strides."""
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def assert_same(actual, expected):
    expected = array(expected)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert actual.tobytes() == np.ascontiguousarray(expected).tobytes()


def assert_same_state(generator, oracle):
    assert generator.get_state().tobytes() == oracle.get_state().numpy().tobytes()


DRAWS = {
    "rand": (FLOATS, lambda n, dt, g: torch.rand(n, dtype=dt, generator=g), lambda n, dt, g: g.uniform(n, dt)),
    "uniform": (
        FLOATS,
        lambda n, dt, g: torch.empty(n, dtype=dt).uniform_(-1.3, 2.9, generator=g),
        lambda n, dt, g: g.uniform(n, dt, -1.3, 2.9),
    ),
    "uniform up to a rounded bound": (
        FLOATS,
        lambda n, dt, g: torch.empty(n, dtype=dt).uniform_(1000, 1000.001, generator=g),
        lambda n, dt, g: g.uniform(n, dt, 1000, 1000.001),
    ),
    "randn": (FLOATS, lambda n, dt, g: torch.randn(n, dtype=dt, generator=g), lambda n, dt, g: g.normal(n, dt)),
    "normal": (
        FLOATS,
        lambda n, dt, g: torch.empty(n, dtype=dt).normal_(0.3, 1.7, generator=g),
        lambda n, dt, g: g.normal(n, dt, 0.3, 1.7),
    ),
    "bernoulli": (
        REAL,
        lambda n, dt, g: torch.empty(n, dtype=dt).bernoulli_(0.3, generator=g),
        lambda n, dt, g: g.bernoulli(n, 0.3).astype(dt),
    ),
    "exponential": (
        FLOATS,
        lambda n, dt, g: torch.empty(n, dtype=dt).exponential_(2.5, generator=g),
        lambda n, dt, g: g.exponential(n, dt, 2.5),
    ),
    "random": (REAL, lambda n, dt, g: torch.empty(n, dtype=dt).random_(generator=g), lambda n, dt, g: g.random(n, dt)),
    "random from": (
        REAL,
        lambda n, dt, g: torch.empty(n, dtype=dt).random_(5, None, generator=g),
        lambda n, dt, g: g.random(n, dt, 5),
    ),
    "randint": (
        REAL,
        lambda n, dt, g: torch.randint(3, 100, (n,), dtype=dt, generator=g),
        lambda n, dt, g: g.random(n, dt, 3, 100),
    ),
    "randperm": (
        {torch.int64: INTEGERS[torch.int64], torch.int32: INTEGERS[torch.int32], torch.float32: FLOATS[torch.float32]},
        lambda n, dt, g: torch.randperm(n, dtype=dt, generator=g),
        lambda n, dt, g: g.randperm(n, dt),
    ),
    "geometric": (
        REAL,
        lambda n, dt, g: torch.empty(n, dtype=dt).geometric_(0.2, generator=g),
        lambda n, dt, g: g.geometric(n, dt, 0.2),
    ),
    "cauchy": (
        FLOATS,
        lambda n, dt, g: torch.empty(n, dtype=dt).cauchy_(0.3, 1.7, generator=g),
        lambda n, dt, g: g.cauchy(n, dt, 0.3, 1.7),
    ),
    "log_normal": (
        FLOATS,
        lambda n, dt, g: torch.empty(n, dtype=dt).log_normal_(0.3, 1.7, generator=g),
        lambda n, dt, g: g.log_normal(n, dt, 0.3, 1.7),
    ),
}
CASES = [(name, dtype) for name, (dtypes, _, _) in DRAWS.items() for dtype in dtypes]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_draw(name, dtype, size):
    dtypes, draw, own_draw = DRAWS[name]
    oracle, generator = pair()
    for _ in range(2):
        assert_same(own_draw(size, dtypes[dtype], generator), draw(size, dtype, oracle))
        assert_same_state(generator, oracle)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_large_draw(name, dtype):
    dtypes, draw, own_draw = DRAWS[name]
    oracle, generator = pair(11)
    assert_same(own_draw(100_003, dtypes[dtype], generator), draw(100_003, dtype, oracle))
    assert_same_state(generator, oracle)


def test_interleaved_draws():
    """Every order of draws keeps words, position and the spare normal in step."""
    oracle, generator = pair()
    chooser = np.random.default_rng(0)
    for _ in range(400):
        name, dtype = CASES[chooser.integers(len(CASES))]
        size = int(chooser.choice((0, 1, 2, 3, 7, 15, 16, 17, 50)))
        dtypes, draw, own_draw = DRAWS[name]
        assert_same(own_draw(size, dtypes[dtype], generator), draw(size, dtype, oracle))
        assert_same_state(generator, oracle)


def test_randperm_of_every_small_size():
    """Small sizes meet every case of exchanges: with itself, twice at one place, none left over."""
    oracle, generator = pair()
    for size in [*range(40)] * 5:
        assert_same(generator.randperm(size), torch.randperm(size, generator=oracle))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 2**28 - 1),
        (0, 2**28),
        (0, 2**31),
        (0, 2**32),
        (-5, 2**40),
        (-(2**62), 2**62),
        (-(2**63), 2**63 - 1),
        (-(2**63), None),
        (0, 1),
    ],
)
def test_random_ranges(low, high):
    oracle, generator = pair()
    expected = torch.empty(1000, dtype=torch.int64).random_(low, high, generator=oracle)
    assert_same(generator.random(1000, np.int64, low, high), expected)
    assert_same_state(generator, oracle)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        (torch.float32, 0, 2**25),
        (torch.float32, 2**24 + 1, 2**24 + 9),
        (torch.float32, -(2**25) - 1, 5),
        (torch.float64, 0, 2**60),
        (torch.float16, 0, 5001),
        (torch.bfloat16, -1001, 1003),
    ],
)
def test_random_beyond_the_significand(dtype, low, high):
    oracle, generator = pair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns once in a process, so the two cannot be compared here
        expected = torch.empty(1000, dtype=dtype).random_(low, high, generator=oracle)
    with pytest.warns(UserWarning, match="Due to precision limitations"):
        actual = generator.random(1000, FLOATS[dtype], low, high)
    assert_same(actual, expected)
    assert_same_state(generator, oracle)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", SIZES)
def test_dropout_mask(dtype, size):
    torch.manual_seed(5)
    kept = torch.nn.functional.dropout(torch.ones(size, dtype=dtype), 0.3) != 0
    assert_same(Generator().manual_seed(5).bernoulli(size, 1 - 0.3), kept)


@pytest.mark.parametrize("p", [0.0, 1.0, 0.5, 2.0**-53, 1e-17, 1 - 2.0**-53])
def test_bernoulli_extremes(p):
    oracle, generator = pair()
    assert_same(generator.bernoulli(1000, p), torch.empty(1000, dtype=torch.bool).bernoulli_(p, generator=oracle))


@pytest.mark.parametrize("p_dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
def test_bernoulli_of_tensor(p_dtype, size):
    oracle, generator = pair()
    p = torch.rand(size, dtype=p_dtype, generator=torch.Generator().manual_seed(1))
    assert_same(generator.bernoulli(size, array(p)).astype(FLOATS[p_dtype]), torch.bernoulli(p, generator=oracle))
    if p_dtype in (torch.float32, torch.float64):
        into = torch.empty(size, dtype=torch.int64).bernoulli_(p, generator=oracle)
        assert_same(generator.bernoulli(size, array(p)).astype(np.int64), into)
    assert_same_state(generator, oracle)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [7, 40])
def test_normal_of_tensors(dtype, size):
    oracle, generator = pair()
    setup = torch.Generator().manual_seed(1)
    mean = torch.randn(size, dtype=dtype, generator=setup)
    std = torch.rand(size, dtype=dtype, generator=setup)
    own = FLOATS[dtype]
    assert_same(generator.normal_like(array(mean), array(std), size, own), torch.normal(mean, std, generator=oracle))
    assert_same(generator.normal_like(array(mean), 1.7, size, own), torch.normal(mean, 1.7, generator=oracle))
    assert_same(generator.normal_like(0.3, array(std), size, own), torch.normal(0.3, std, generator=oracle))
    assert_same_state(generator, oracle)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("size", [1, 7, 8, 20])
def test_complex(dtype, size):
    oracle, generator = pair()
    own = np.dtype(np.complex64 if dtype is torch.complex64 else np.complex128)
    assert_same(generator.uniform(size, own), torch.rand(size, dtype=dtype, generator=oracle))
    assert_same(generator.normal(size, own), torch.randn(size, dtype=dtype, generator=oracle))
    into = torch.empty(size, dtype=dtype).normal_(0.3, 1.7, generator=oracle)
    assert_same(generator.normal(size, own, 0.3, 1.7), into)
    assert_same_state(generator, oracle)


TARGETS = {
    "transposed": lambda dt: torch.empty(4, 5, dtype=dt).t(),
    "sliced": lambda dt: torch.empty(8, 5, dtype=dt)[::2],
    "columns": lambda dt: torch.empty(4, 8, dtype=dt)[:, ::2],
    "permuted": lambda dt: torch.empty(2, 3, 4, dtype=dt).permute(2, 0, 1),
    "permuted slice": lambda dt: torch.empty(2, 6, 4, dtype=dt).permute(2, 0, 1)[:, :, ::2],
    "channels last": lambda dt: torch.empty(2, 3, 2, 2, dtype=dt).contiguous(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["uniform", "normal", "bernoulli", "exponential", "randint"])
def test_filling_what_is_not_contiguous(name, dtype, target):
    oracle, generator = pair()
    tensor, own = TARGETS[target](dtype), FLOATS[dtype]
    fill = {
        "uniform": lambda t: t.uniform_(-1.3, 2.9, generator=oracle),
        "normal": lambda t: t.normal_(0.3, 1.7, generator=oracle),
        "bernoulli": lambda t: t.bernoulli_(0.4, generator=oracle),
        "exponential": lambda t: t.exponential_(generator=oracle),
        "randint": lambda t: t.random_(3, 50, generator=oracle),
    }
    draw = {
        "uniform": lambda shape: generator.uniform(shape, own, -1.3, 2.9),
        "normal": lambda shape: generator.normal(shape, own, 0.3, 1.7, contiguous=False),
        "bernoulli": lambda shape: generator.bernoulli(shape, 0.4).astype(own),
        "exponential": lambda shape: generator.exponential(shape, own),
        "randint": lambda shape: generator.random(shape, own, 3, 50),
    }
    fill[name](tensor)
    order = fill_order(tensor.stride())
    drawn = draw[name]([tensor.shape[dim] for dim in order])
    assert_same(drawn.transpose(np.argsort(order)), tensor)
    assert_same_state(generator, oracle)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(50,), (6, 50)])
@pytest.mark.parametrize(("samples", "replacement"), [(1, True), (30, True), (1, False), (10, False), (50, False)])
def test_multinomial(dtype, shape, samples, replacement):
    oracle, generator = pair()
    probs = torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    expected = torch.multinomial(probs, samples, replacement, generator=oracle)
    actual = generator.multinomial(array(probs), samples, replacement)
    if dtype in (torch.float16, torch.bfloat16) and samples > 1 and not replacement:
        # Quotients in half precision tie, and torch leaves the order of ties to its partial sort: compare their ranks.
        waits = torch.empty(shape, dtype=dtype).exponential_(generator=torch.Generator().manual_seed(3))
        rank = probs / waits
        assert torch.equal(rank.gather(-1, torch.from_numpy(actual)), rank.gather(-1, expected))
    else:
        assert_same(actual, expected)
    assert_same_state(generator, oracle)


@pytest.mark.parametrize(("samples", "replacement"), [(30, True), (1, False), (10, False)])
def test_multinomial_of_transposed(samples, replacement):
    oracle, generator = pair()
    probs = torch.rand(50, 6, generator=torch.Generator().manual_seed(1)).t()
    expected = torch.multinomial(probs, samples, replacement, generator=oracle)
    order = fill_order(probs.stride())
    assert_same(generator.multinomial(array(probs), samples, replacement, order), expected)


def test_state_travels_both_ways():
    oracle, generator = pair()
    for size in (0, 3, 16, 623, 17, 1, 2000):
        drawn = torch.randn(size, generator=oracle), torch.randint(0, 9, (size,), generator=oracle)
        generator.set_state(oracle.get_state().numpy())
        assert_same_state(generator, oracle)
        assert generator.initial_seed() == oracle.initial_seed()
        assert_same(generator.normal(size, np.float32), torch.randn(size, generator=oracle))
        copy = torch.Generator()
        copy.set_state(torch.from_numpy(generator.get_state()))
        assert_same(generator.normal(5, np.float64), torch.randn(5, dtype=torch.float64, generator=copy))
        assert len(drawn) == 2


def test_state_after_every_position():
    oracle, generator = pair()
    for _ in range(1300):
        assert generator.uniform((), np.float32) == torch.rand((), generator=oracle).numpy()
        assert_same_state(generator, oracle)


def test_words_state_continues_the_stream():
    generator = Generator().manual_seed(4)
    generator.normal(3, np.float32)
    words, position = generator.words_state()
    other = Generator()
    other.set_state(generator.get_state())
    other.set_words_state(words, position)
    assert other.normal(40, np.float64).tobytes() == generator.normal(40, np.float64).tobytes()


def test_threads_get_whole_pieces_of_the_stream():
    generator, size, pieces = Generator().manual_seed(2), 70_000, 24
    with ThreadPoolExecutor(4) as pool:
        drawn = {piece.tobytes() for piece in pool.map(lambda _: generator.uniform(size, np.float64), range(pieces))}
    stream = Generator().manual_seed(2).uniform((pieces, size), np.float64)
    assert drawn == {row.tobytes() for row in stream}


@pytest.mark.parametrize("seed", [0, 1, -1, -5, 2**32, 2**32 + 7, 2**63, 2**64 - 1, -(2**63)])
def test_seeds(seed):
    oracle, generator = pair(seed)
    assert generator.initial_seed() == oracle.initial_seed()
    assert_same_state(generator, oracle)
    assert_same(generator.uniform(700, np.float64), torch.rand(700, dtype=torch.float64, generator=oracle))


def test_fresh_generator_and_seed():
    assert_same_state(Generator(), torch.Generator())
    seeds = {default_generator.seed(), default_generator.seed(), Generator().seed()}
    assert len(seeds) == 3
    assert all(0 <= seed < 2**63 for seed in seeds)
    generator = Generator()
    assert generator.seed() == generator.initial_seed()


ERRORS = {
    "seed too large": (lambda g: g.manual_seed(2**64), lambda g: g.manual_seed(2**64)),
    "seed too small": (lambda g: g.manual_seed(-(2**63) - 1), lambda g: g.manual_seed(-(2**63) - 1)),
    "float seed": (lambda g: g.manual_seed(1.5), lambda g: g.manual_seed(1.5)),
    "bool seed": (lambda g: g.manual_seed(True), lambda g: g.manual_seed(True)),
    "short state": (
        lambda g: g.set_state(torch.zeros(100, dtype=torch.uint8)),
        lambda g: g.set_state(np.zeros(100, np.uint8)),
    ),
    "foreign state": (
        lambda g: g.set_state(torch.zeros(5056, dtype=torch.uint8)),
        lambda g: g.set_state(np.zeros(5056, np.uint8)),
    ),
    "state of floats": (lambda g: g.set_state(torch.zeros(5056)), lambda g: g.set_state(np.zeros(5056, np.float32))),
    "empty range": (lambda g: torch.randint(5, 5, (3,)), lambda g: g.random(3, np.int64, 5, 5)),
    "randint past uint8": (
        lambda g: torch.empty(3, dtype=torch.uint8).random_(0, 257),
        lambda g: g.random(3, np.uint8, 0, 257),
    ),
    "randint below uint8": (
        lambda g: torch.empty(3, dtype=torch.uint8).random_(-1, 7),
        lambda g: g.random(3, np.uint8, -1, 7),
    ),
    "randint past int32": (
        lambda g: torch.empty(3, dtype=torch.int32).random_(0, 2**40),
        lambda g: g.random(3, np.int32, 0, 2**40),
    ),
    "randint below int16": (
        lambda g: torch.empty(3, dtype=torch.int16).random_(-(2**20), 0),
        lambda g: g.random(3, np.int16, -(2**20), 0),
    ),
    "randint past bool": (
        lambda g: torch.empty(3, dtype=torch.bool).random_(0, 3),
        lambda g: g.random(3, np.bool_, 0, 3),
    ),
    "randint past half": (
        lambda g: torch.empty(3, dtype=torch.float16).random_(0, 100000),
        lambda g: g.random(3, np.float16, 0, 100000),
    ),
    "random of uint16": (
        lambda g: torch.empty(3, dtype=torch.uint16).random_(),
        lambda g: g.random(3, np.uint16),
    ),
    "uniform reversed": (lambda g: torch.empty(3).uniform_(2, 1), lambda g: g.uniform(3, np.float32, 2, 1)),
    "uniform too wide": (
        lambda g: torch.empty(3).uniform_(-3e38, 3e38),
        lambda g: g.uniform(3, np.float32, -3e38, 3e38),
    ),
    "uniform past half": (
        lambda g: torch.empty(3, dtype=torch.float16).uniform_(-70000, 1),
        lambda g: g.uniform(3, np.float16, -70000, 1),
    ),
    "uniform of int": (
        lambda g: torch.empty(3, dtype=torch.int32).uniform_(),
        lambda g: g.uniform(3, np.int32),
    ),
    "normal of int": (lambda g: torch.randn(3, dtype=torch.int32), lambda g: g.normal(3, np.int32)),
    "negative std": (lambda g: torch.empty(3).normal_(0, -1), lambda g: g.normal(3, np.float32, 0, -1)),
    "nan std": (lambda g: torch.empty(3).normal_(0, math.nan), lambda g: g.normal(3, np.float32, 0, math.nan)),
    "negative std tensor": (
        lambda g: torch.normal(torch.zeros(2), torch.tensor([1.0, -1])),
        lambda g: g.normal_like(np.zeros(2, np.float32), np.array([1, -1], np.float32), 2, np.float32),
    ),
    "lambda zero": (lambda g: torch.empty(3).exponential_(0), lambda g: g.exponential(3, np.float32, 0)),
    "exponential of int": (
        lambda g: torch.empty(3, dtype=torch.int32).exponential_(),
        lambda g: g.exponential(3, np.int32),
    ),
    "p of 1.5": (lambda g: torch.empty(3).bernoulli_(1.5), lambda g: g.bernoulli(3, 1.5)),
    "tensor p of 1.5": (
        lambda g: torch.bernoulli(torch.tensor([1.5])),
        lambda g: g.bernoulli(1, np.array([1.5], np.float32)),
    ),
    "integer tensor p": (
        lambda g: torch.bernoulli(torch.tensor([1])),
        lambda g: g.bernoulli(1, np.array([1])),
    ),
    "geometric p": (lambda g: torch.empty(3).geometric_(0), lambda g: g.geometric(3, np.float32, 0)),
    "geometric of bool": (
        lambda g: torch.empty(3, dtype=torch.bool).geometric_(0.5),
        lambda g: g.geometric(3, np.bool_, 0.5),
    ),
    "sigma zero": (lambda g: torch.empty(3).cauchy_(0, 0), lambda g: g.cauchy(3, np.float32, 0, 0)),
    "cauchy of int": (
        lambda g: torch.empty(3, dtype=torch.int32).cauchy_(),
        lambda g: g.cauchy(3, np.int32),
    ),
    "log_normal std": (lambda g: torch.empty(3).log_normal_(0, 0), lambda g: g.log_normal(3, np.float32, 0, 0)),
    "log_normal of int": (
        lambda g: torch.empty(3, dtype=torch.int32).log_normal_(),
        lambda g: g.log_normal(3, np.int32),
    ),
    "randperm negative": (lambda g: torch.randperm(-1), lambda g: g.randperm(-1)),
    "randperm past uint8": (
        lambda g: torch.randperm(300, dtype=torch.uint8),
        lambda g: g.randperm(300, np.uint8),
    ),
    "randperm past half": (
        lambda g: torch.randperm(2050, dtype=torch.float16),
        lambda g: g.randperm(2050, np.float16),
    ),
    "randperm of bool": (
        lambda g: torch.randperm(3, dtype=torch.bool),
        lambda g: g.randperm(3, np.bool_),
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(name):
    theirs, ours = ERRORS[name]
    oracle, generator = pair()
    with pytest.raises(Exception) as expected:
        theirs(oracle)
    with pytest.raises(type(expected.value)) as actual:
        ours(generator)
    assert type(actual.value) is type(expected.value)
    assert str(actual.value) == str(expected.value)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(
    ("probs", "samples"),
    [
        (torch.zeros(5), 2),
        (torch.zeros(5), 1),
        (torch.tensor([1.0, -1]), 2),
        (torch.tensor([1.0, math.nan]), 2),
        (torch.tensor([1.0, math.inf]), 2),
        (torch.tensor([1.0, math.inf]), 1),
        (torch.ones(3), 0),
        (torch.ones(3), -1),
        (torch.ones(2, 2, 2), 1),
        (torch.tensor(1.0), 1),
        (torch.ones(3).long(), 1),
        (torch.tensor([[1.0, 1], [0, 0]]), 2),
    ],
)
def test_multinomial_error(probs, samples, replacement):
    with pytest.raises(RuntimeError) as expected:
        torch.multinomial(probs, samples, replacement)
    with pytest.raises(RuntimeError) as actual:
        Generator().multinomial(probs.numpy(), samples, replacement)
    assert str(actual.value) == str(expected.value)


def test_multinomial_more_samples_than_categories():
    with pytest.raises(RuntimeError, match="cannot sample n_sample > "):
        Generator().multinomial(np.ones(3, np.float32), 4, False)
    assert Generator().multinomial(np.ones((0, 3), np.float32), 2).shape == (0, 2)


def test_the_first_seed():
    assert Generator().initial_seed() == torch.Generator().initial_seed()


def test_no_torch_needed():
    program = "import sys, jtorch._engine.random; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("count", [1 << 17, (1 << 17) + 7])
def test_large_normals_by_program(count):
    """From the second draw of a large count on an XLA program makes the numbers: the same ones, and the same state."""
    ours, theirs = Generator().manual_seed(3), torch.Generator().manual_seed(3)
    for mean, std in [(0.0, 1.0), (0.0, 1.0), (2.5, 0.3), (0.0, 1.0)]:
        expected = torch.empty(count).normal_(mean, std, generator=theirs).numpy()
        np.testing.assert_array_equal(ours.normal((count,), np.float32, mean, std), expected)
        np.testing.assert_array_equal(ours.get_state(), theirs.get_state().numpy())
