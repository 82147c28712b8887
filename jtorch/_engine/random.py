"""torch's CPU random streams: one seed gives the numbers of torch 2.13's x86-64 Linux build.

The raw stream is the 32-bit Mersenne Twister seeded the legacy way, which NumPy has. Every draw below takes the words
in torch's order and turns them into numbers with torch's roundings: those of its AVX2 and AVX512 kernels, which fuse a
multiply feeding an add. (torch on a machine without AVX2, or under ``ATEN_CPU_CAPABILITY=default``, does not, and then
differs from these in the last bit of scaled uniforms, of normals and of Cauchy numbers.)

Order of filling. torch fills a tensor that is not contiguous in order of memory, not of index. `fill_order` gives the
permutation: draw with the permuted shape, then transpose back (its example shows how). Normals of 16 or more elements
come from another algorithm unless the target is contiguous: pass ``contiguous=False`` to `Generator.normal`.

Where a last bit can differ: about one in 2**29 of the scaled float32 uniforms and float32 normals (`vecmath.fma_f32`),
and rarer still where NumPy's logarithm stands in for the C library's under a float32 result. Doubles use the C
library's own functions through `math`, which costs four times torch's time.
"""

import math
import os
import threading
from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from jtorch._engine import large_draws, vecmath
from jtorch._engine import random_checks as checks

Shape = int | Sequence[int]

_WORDS = 624
_STATE_BYTES = 5056
_DEFAULT_SEED = 67280421310721
# The fields of torch's serialised generator; `normal` is the half of a Box-Muller pair that waits for the next draw.
_STATE_LAYOUT = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "words", "normal", "has_normal"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", _WORDS), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": _STATE_BYTES,
    }
)
_REAL_PART = {np.dtype(np.complex64): np.dtype(np.float32), np.dtype(np.complex128): np.dtype(np.float64)}
# Numbers made at a time: the intermediate arrays stay in cache, and the allocator reuses them.
_CHUNK = 32768


def fill_order(strides: Sequence[int]) -> tuple[int, ...]:
    """The dims of a tensor with these strides, outermost first, in which torch fills it with random numbers.

    >>> strides, shape = (1, 5), (5, 4)                     # torch.empty(4, 5).t()
    >>> order = fill_order(strides)
    >>> order
    (1, 0)
    >>> drawn = Generator().manual_seed(0).uniform([shape[d] for d in order], np.float32)
    >>> drawn.transpose(np.argsort(order)).shape
    (5, 4)
    """
    return tuple(sorted(range(len(strides)), key=lambda dim: -strides[dim]))


class Generator:
    """A pseudorandom number generator with torch's state and streams.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html

    >>> generator = Generator().manual_seed(0)
    >>> generator.uniform(2, np.float32)
    array([0.4962566, 0.7682218], dtype=float32)
    """

    def __init__(self) -> None:
        self._bits = np.random.MT19937()
        self._integers = np.random.Generator(self._bits).integers
        self._legacy_seed = np.random.RandomState(self._bits).seed
        # Two threads that draw from one generator each get a connected piece of the stream.
        self._lock = threading.RLock()
        self.manual_seed(_DEFAULT_SEED)

    # ---- seeds and state

    def manual_seed(self, seed: int) -> "Generator":
        """Restarts the stream; ``seed`` is from -2**63 to 2**64 - 1, negative ones count from 2**64. Returns itself."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__") or getattr(seed, "shape", None):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        seed = index(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        with self._lock:
            self._seed = seed % 2**64
            self._legacy_seed(self._seed & 0xFFFFFFFF)
            self._fresh = True
            self._spare_normal: float | None = None
        return self

    def seed(self) -> int:
        """Restarts the stream at a number from the operating system, and returns it."""
        seed = int.from_bytes(os.urandom(8), "little") >> 1
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed the stream was last started with."""
        return self._seed

    def words_state(self) -> tuple[np.ndarray, int]:
        """The Mersenne Twister's 624 uint32 words, and how many of them are used up (0 to 624)."""
        state = self._bits.state["state"]
        return state["key"].astype(np.uint32), int(state["pos"])

    def set_words_state(self, words: np.ndarray, position: int) -> None:
        """Continues the stream after a draw made elsewhere from `words_state`; seed and spare normal stay."""
        with self._lock:
            self._continue_at(np.asarray(words, dtype=np.uint32), position)

    def _continue_at(self, words: np.ndarray, position: int) -> None:
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": words, "pos": int(position)}}
        self._fresh = False

    def get_state(self) -> np.ndarray:
        """The state as torch's 5056 bytes, uint8."""
        with self._lock:
            words, position = self.words_state()
            state = np.zeros((), _STATE_LAYOUT)
            state["seed"], state["seeded"], state["words"] = self._seed, 1, words
            state["next"] = 0 if self._fresh else position
            state["left"] = 1 if self._fresh else _WORDS + 1 - position
            if self._spare_normal is not None:
                state["normal"], state["has_normal"] = self._spare_normal, 1
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, new_state: np.ndarray) -> None:
        """Takes a state from `get_state`, here or in torch; RuntimeError if it is none."""
        if getattr(new_state, "dtype", None) != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if new_state.size != _STATE_BYTES:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {_STATE_BYTES} "
                f"but found the input RNG state size to be {new_state.size}"
            )
        state = np.frombuffer(np.ascontiguousarray(new_state).tobytes(), _STATE_LAYOUT)[0]
        left, position = int(state["left"]), int(state["next"])
        if state["seeded"] != 1 or not 0 < left <= _WORDS or position > _WORDS:
            raise RuntimeError("Invalid mt19937 state")
        with self._lock:
            self.set_words_state(state["words"].astype(np.uint32), _WORDS if left == 1 else position)
            self._fresh = left == 1 and position == 0
            self._seed = int(state["seed"])
            self._spare_normal = float(state["normal"]) if state["has_normal"] else None

    # ---- words

    def words32(self, count: int) -> np.ndarray:
        """The next ``count`` words of the stream, uint32."""
        if count:
            self._fresh = False
        return self._integers(0, 2**32, size=count, dtype=np.uint32)

    def words64(self, count: int) -> np.ndarray:
        """The next ``2 * count`` words as uint64, the earlier word of each two the high one."""
        if count:
            self._fresh = False
        return self._integers(0, 2**64, size=count, dtype=np.uint64)

    def _fill(self, out: np.ndarray, words: Callable[[int], np.ndarray], convert: Callable) -> np.ndarray:
        """Fills 1-d ``out`` piece by piece with ``convert(words, piece)``."""
        with self._lock:
            for start in range(0, len(out), _CHUNK):
                piece = out[start : start + _CHUNK]
                convert(words(len(piece)), piece)
        return out

    def _uniform_f32(self, count: int) -> np.ndarray:
        return self._fill(np.empty(count, np.float32), self.words32, _uniforms_from_words32)

    def _uniform_f64(self, count: int) -> np.ndarray:
        return self._fill(np.empty(count), self.words64, _uniforms_from_words64)

    # ---- distributions

    def uniform(self, shape: Shape, np_dtype: Any, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Numbers from [low, high): ``torch.rand`` and ``Tensor.uniform_``."""
        shape, dtype = _shape(shape), np.dtype(np_dtype)
        if dtype in _REAL_PART:
            return self.uniform((*shape, 2), _REAL_PART[dtype], low, high).view(dtype)[..., 0]
        checks.check_uniform(dtype, low, high)
        start, stop = np.float32(low), np.float32(high)
        plain = low == 0.0 and high == 1.0

        def convert(words: np.ndarray, out: np.ndarray) -> None:
            if dtype == np.float64:
                numbers = _uniforms_from_words64(words, np.empty(len(words)))
                numbers = numbers if plain else vecmath.fma_f64(numbers, float(high) - float(low), float(low))
            else:
                numbers = _uniforms_from_words32(words, np.empty(len(words), np.float32))
                if not plain:
                    numbers = vecmath.fma_f32(numbers.astype(np.float64), float(stop - start), float(start), np)
            out[...] = numbers
            if not plain or dtype.itemsize == 2:
                # Rounding may reach `high`, which the interval leaves out: torch gives `low` instead.
                out[out == np.asarray(high, dtype)] = low

        words = self.words64 if dtype == np.float64 else self.words32
        return self._fill(np.empty(math.prod(shape), dtype), words, convert).reshape(shape)

    def normal(
        self, shape: Shape, np_dtype: Any, mean: float = 0.0, std: float = 1.0, *, contiguous: bool = True
    ) -> np.ndarray:
        """Normal numbers: ``torch.randn`` and ``Tensor.normal_``; ``contiguous`` says whether the target is."""
        shape, dtype = _shape(shape), np.dtype(np_dtype)
        if not std >= 0.0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
        if dtype in _REAL_PART:
            # torch gives real and imaginary parts the mean alike.
            parts = self.normal((*shape, 2), _REAL_PART[dtype], mean, std / math.sqrt(2), contiguous=contiguous)
            return parts.view(dtype)[..., 0]
        count = math.prod(shape)
        if count:
            checks.require_floating(dtype, "normal_kernel_cpu")
        with self._lock:
            if count < 16 or not contiguous:
                numbers = self._normals_in_pairs(count, mean, std, exact=dtype == np.float64)
            else:
                numbers = self._normals_by_sixteens(count, dtype, float(mean), float(std))
        return _cast(numbers, dtype).reshape(shape)

    def _normals_in_pairs(self, count: int, mean: float, std: float, exact: bool) -> np.ndarray:
        """Box-Muller in doubles, one pair after the other, the odd half kept for the next draw."""
        spare = [] if self._spare_normal is None or not count else [self._spare_normal]
        pairs = (count - len(spare) + 1) // 2
        uniforms = self._uniform_f64(2 * pairs)
        angle, complement = 2 * np.pi * uniforms[0::2], -uniforms[1::2]
        log1p = vecmath.map_f64(math.log1p, complement) if exact else np.log1p(complement)
        if pairs:
            log1p[-1] = math.log1p(complement[-1])  # of a half that may be kept, every bit is seen in the state
        radius = np.sqrt(-2.0 * log1p)
        numbers = np.empty(len(spare) + 2 * pairs)
        numbers[: len(spare)] = spare
        numbers[len(spare) :: 2] = radius * np.cos(angle)
        numbers[len(spare) + 1 :: 2] = radius * np.sin(angle)
        if count:
            self._spare_normal = float(numbers[count]) if len(numbers) > count else None
        return _scaled(numbers[:count], float(mean), float(std))

    def _normals_by_sixteens(self, count: int, dtype: np.dtype, mean: float, std: float) -> np.ndarray:
        """Box-Muller in runs of 16; unless ``count`` is a multiple the last 16 come from 16 fresh uniforms."""
        if dtype == np.float32 and large_draws.worth_a_program(count):
            made, words, position = large_draws.normals_f32(self.words_state(), count, mean, std)
            self._continue_at(words, position)
            return made
        double, whole = dtype == np.float64, count - count % 16
        uniform = self._uniform_f64 if double else self._uniform_f32
        box_muller = _box_muller_f64 if double else _box_muller_f32
        numbers = np.empty(count, np.float64 if double else np.float32)
        for start in range(0, whole, _CHUNK):
            piece = numbers[start : min(start + _CHUNK, whole)]
            uniforms = uniform(len(piece))
            if start + len(piece) == whole < count:
                if dtype.itemsize > 2:
                    uniform(count % 16)  # drawn and thrown away, but not in the half types
                uniforms = np.concatenate([uniforms, uniform(16)])
            made = box_muller(uniforms, mean, std)
            piece[...] = made[: len(piece)]
            if len(made) > len(piece):
                numbers[-16:] = made[-16:]
        return numbers

    def normal_like(self, mean: Any, std: Any, shape: Shape, np_dtype: Any) -> np.ndarray:
        """``torch.normal`` with an array for ``mean`` or ``std`` or both, broadcast to ``shape``; gives ``np_dtype``.

        Two roundings, where `normal` with numbers has one: the product with ``std``, then the sum.
        """
        dtype = np.dtype(np_dtype)
        if np.ndim(std) == 0 and isinstance(std, (int, float)):
            return self.normal(shape, dtype, 0.0, float(std)) + np.asarray(mean, dtype)
        std = np.asarray(std)
        if std.size and not std.min() >= 0:
            raise RuntimeError("normal expects all elements of std >= 0.0")
        return self.normal(shape, dtype) * std.astype(dtype) + np.asarray(mean, dtype)

    def bernoulli(self, shape: Shape, p: Any) -> np.ndarray:
        """True with probability ``p``: a Python number (``bernoulli_(p)``, dropout), or an array that broadcasts.

        An array of float64 is compared with 53-bit uniforms, as a number is, any other with 24-bit ones.
        """
        shape = _shape(shape)
        count = math.prod(shape)
        if isinstance(p, (int, float)):
            if not 0 <= p <= 1:
                raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
            # m * 2**-53 < p for an integer m is m < ceil(p * 2**53): no conversion to doubles.
            bound = np.uint64(math.ceil(p * 2.0**53))

            def convert(words: np.ndarray, out: np.ndarray) -> None:
                words &= np.uint64(2**53 - 1)
                np.less(words, bound, out=out)

            return self._fill(np.empty(count, np.bool_), self.words64, convert).reshape(shape)
        p = np.asarray(p)
        checks.require_floating(p.dtype, "bernoulli_tensor_cpu_p_")
        if not ((p >= 0) & (p <= 1)).all():
            raise RuntimeError(
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  "
                "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
            )
        if p.dtype == np.float64:
            return self._uniform_f64(count).reshape(shape) < p
        return self._uniform_f32(count).reshape(shape) < p.astype(np.float32)

    def exponential(self, shape: Shape, np_dtype: Any, lambd: float = 1.0) -> np.ndarray:
        """Exponential numbers of rate ``lambd``: ``Tensor.exponential_``."""
        shape, dtype = _shape(shape), np.dtype(np_dtype)
        if not lambd > 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
        if 0 not in shape:
            checks.require_continuous(dtype, "Exponential", checks.torch_name(dtype))

        def convert(words: np.ndarray, out: np.ndarray) -> None:
            complement = -_uniforms_from_words64(words, np.empty(len(words)))
            log1p = vecmath.map_f64(math.log1p, complement) if dtype == np.float64 else np.log1p(complement)
            out[...] = _cast(-1.0 / lambd * log1p, dtype)

        return self._fill(np.empty(math.prod(shape), dtype), self.words64, convert).reshape(shape)

    def random(self, shape: Shape, np_dtype: Any, low: int | None = None, high: int | None = None) -> np.ndarray:
        """Integers from [low, high): ``torch.randint`` and every form of ``Tensor.random_``.

        Without bounds: from 0 to the largest integer of the dtype, or to 2**bits of the significand of a floating type;
        with ``low`` only, from there to the same end.
        """
        shape, dtype = _shape(shape), np.dtype(np_dtype)
        if checks.is_wide_unsigned(dtype) and low is None and high is None:
            raise checks.not_implemented("random_kernel_cpu", dtype)
        if dtype not in checks.NAMES:
            raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
        count, bits = math.prod(shape), checks.significand_bits(dtype)
        largest = 2**bits if bits else (1 if dtype == np.bool_ else int(np.iinfo(dtype).max))
        out = np.empty(count, dtype)
        if low is None and high is None:
            wide = dtype == np.float64 or dtype == np.int64
            words = self.words64 if wide else self.words32
            return self._fill(out, words, _reduce(largest + 1, 0)).reshape(shape)
        if low == -(2**63) and high is None:
            return self._fill(out, self.words64, _reduce(2**64, 0)).reshape(shape)
        low, high = 0 if low is None else index(low), None if high is None else index(high)
        first, last = checks.random_bounds(dtype, low, high, largest)
        span = last - first + 1
        words = self.words64 if span >= 2**28 else self.words32
        return self._fill(out, words, _reduce(span, first)).reshape(shape)

    def randperm(self, n: int, np_dtype: Any = np.int64) -> np.ndarray:
        """A permutation of 0 to n - 1: ``torch.randperm``."""
        dtype = np.dtype(np_dtype)
        checks.check_randperm(n, dtype)
        if n < 2:
            return np.zeros(n, dtype)
        # From 2**32 / 20 elements on torch spends two words on each, the last one included.
        count, words = (n - 1, self.words32) if n < (2**32 - 1) // 20 else (n, self.words64)
        drawn = words(count)
        drawn %= np.arange(n, n - count, -1).astype(drawn.dtype)
        swaps = drawn[: n - 1].astype(np.int64) + np.arange(n - 1)
        return _swapped(swaps, n).astype(dtype)

    def multinomial(
        self, probs: np.ndarray, num_samples: int, replacement: bool = False, order: Sequence[int] | None = None
    ) -> np.ndarray:
        """Indices, int64, along the last dim of ``probs``, (categories) or (rows, categories): ``torch.multinomial``.

        ``order`` is the `fill_order` of ``probs`` where it is not contiguous. With fewer positive entries than samples
        and no replacement torch goes on with indices of probability zero; which ones is not reproduced.
        """
        probs = np.asarray(probs)
        checks.check_multinomial(probs, num_samples, replacement)
        if probs.shape[0] == 0:
            return np.zeros((*probs.shape[:-1], num_samples), np.int64)
        if replacement and num_samples > 1:
            return self._multinomial_by_inversion(probs, num_samples)
        if not (probs.min() >= 0 and probs.max() < np.inf):
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        if (probs.sum(-1) == 0).any():
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        # The largest p / e over exponential e: sampling without replacement (Efraimidis and Spirakis, 2006).
        order = tuple(range(probs.ndim)) if order is None else tuple(order)
        waits = self.exponential([probs.shape[dim] for dim in order], probs.dtype).transpose(np.argsort(order))
        with np.errstate(divide="ignore", over="ignore"):
            rank = probs / waits
        if num_samples == 1:
            return np.argmax(rank, -1, keepdims=True)
        return np.argsort(-rank, axis=-1, kind="stable")[..., :num_samples]

    def _multinomial_by_inversion(self, probs: np.ndarray, num_samples: int) -> np.ndarray:
        rows = probs.reshape(-1, probs.shape[-1])
        if not (rows >= 0).all():
            raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
        if not np.isfinite(rows).all():
            raise RuntimeError("invalid multinomial distribution (encountering probability entry = infinity or NaN)")
        with np.errstate(over="ignore"):
            cumulative = np.cumsum(rows, axis=1, dtype=np.float64 if rows.dtype == np.float64 else np.float32)
        if not (cumulative[:, -1] > 0).all():
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        cumulative = cumulative / cumulative[:, -1:]
        cumulative[:, -1] = 1
        uniforms = self._uniform_f64(len(rows) * num_samples).reshape(len(rows), num_samples)
        cumulative = cumulative.astype(np.float64)
        found = [np.searchsorted(row, sample) for row, sample in zip(cumulative, uniforms, strict=True)]
        return np.stack(found).reshape(*probs.shape[:-1], num_samples)

    def geometric(self, shape: Shape, np_dtype: Any, p: float) -> np.ndarray:
        """Trials up to the first success: ``Tensor.geometric_``."""
        shape, dtype = _shape(shape), np.dtype(np_dtype)
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
        if dtype not in checks.NAMES or dtype == np.bool_:
            raise checks.not_implemented("geometric_cpu", dtype)
        # math.log raises at 0, one draw in 2**53.
        logs = vecmath.map_f64(math.log, np.maximum(self._uniform_f64(math.prod(shape)), 2.0**-1074))
        trials = np.ceil(logs / math.log1p(-p))
        if checks.significand_bits(dtype) is None:
            trials = trials.astype(np.int64)
        return _cast(trials, dtype).reshape(shape)

    def cauchy(self, shape: Shape, np_dtype: Any, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
        """Cauchy numbers: ``Tensor.cauchy_``."""
        shape, dtype = _shape(shape), np.dtype(np_dtype)
        if not sigma > 0:
            raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
        checks.require_continuous(dtype, "Cauchy", checks.NAMES[dtype][1] if dtype in checks.NAMES else dtype.name)
        angle = np.pi * (self._uniform_f64(math.prod(shape)) - 0.5)
        tangent = vecmath.map_f64(math.tan, angle) if dtype == np.float64 else np.tan(angle)
        return _cast(_scaled(tangent, float(median), float(sigma)), dtype).reshape(shape)

    def log_normal(self, shape: Shape, np_dtype: Any, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
        """Exponentials of normal numbers: ``Tensor.log_normal_``."""
        shape, dtype = _shape(shape), np.dtype(np_dtype)
        if not std > 0:
            raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
        if 0 not in shape:
            checks.require_floating(dtype, "log_normal_cpu")
        exact = dtype == np.float64
        with self._lock:
            normals = self._normals_in_pairs(math.prod(shape), mean, std, exact)
        with np.errstate(over="ignore"):
            numbers = np.exp(normals)
            if exact:
                finite = normals < 709  # math.exp raises where the result is infinite
                numbers[finite] = vecmath.map_f64(math.exp, normals[finite])
            return _cast(numbers, dtype).reshape(shape)


def _shape(shape: Shape) -> tuple[int, ...]:
    return tuple(shape) if isinstance(shape, Sequence) else (index(shape),)


def _uniforms_from_words32(words: np.ndarray, out: np.ndarray) -> np.ndarray:
    words &= np.uint32(2**24 - 1)
    out[...] = words.view(np.int32)
    out *= np.float32(2**-24)
    return out


def _uniforms_from_words64(words: np.ndarray, out: np.ndarray) -> np.ndarray:
    words &= np.uint64(2**53 - 1)
    out[...] = words.view(np.int64)
    out *= 2.0**-53
    return out


def _reduce(span: int, first: int) -> Callable[[np.ndarray, np.ndarray], None]:
    """The conversion of words to ``first`` plus the remainder by ``span``, in 64-bit arithmetic that wraps."""

    def convert(words: np.ndarray, out: np.ndarray) -> None:
        if span <= int(np.iinfo(words.dtype).max):
            words %= words.dtype.type(span)
        numbers = words.astype(np.uint64, copy=False)
        if first:
            numbers = numbers + np.uint64(first % 2**64)
        out[...] = numbers.view(np.int64)

    return convert


def _swapped(swaps: np.ndarray, n: int) -> np.ndarray:
    """0 to n - 1 after exchanging i with ``swaps[i]`` (at least i) for i from 0 to n - 2, one after the other.

    What stands at place p when its turn comes was put there by the last earlier i with ``swaps[i] == p``, which had it
    from place i at turn i: a forest of pointers to earlier turns, followed here for all places at once.
    """
    turns = np.arange(n)
    source = turns.copy()
    source[swaps] = turns[:-1]  # of a place's turns the last assigned stays, which is the latest
    before = np.full(n, -1)  # the last turn before this one that put something at the same place
    oldest, rest = source.copy(), turns[:-1]
    while len(rest := rest[oldest[swaps[rest]] != rest]):
        places = swaps[rest]
        later = oldest[places]
        oldest[places] = rest
        latest = oldest[places] == rest
        before[later[latest]] = rest[latest]
    # An exchange with itself puts nothing new there.
    own = np.flatnonzero((swaps == turns[:-1]) & (before[:-1] >= 0))
    source[own] = before[own]
    while not np.array_equal(further := source.take(source), source):
        source = further
    before = before[:-1]
    return np.append(np.where(before >= 0, source[before], swaps), source[-1])


def _scaled(numbers: np.ndarray, mean: float, std: float) -> np.ndarray:
    """``numbers * std + mean`` with one rounding; the sum with zero turns -0.0 into 0.0, as it does in torch."""
    return numbers + 0.0 if mean == 0.0 and std == 1.0 else vecmath.fma_f64(numbers, std, mean)


def _cast(numbers: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """To ``dtype``; to the half types by way of float32, as torch does, which rounds twice."""
    if dtype.itemsize == 2 and numbers.dtype == np.float64:
        numbers = numbers.astype(np.float32)
    with np.errstate(over="ignore"):
        return numbers.astype(dtype, copy=False)


def _box_muller_f32(uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normals from uniforms: of each 16 the first 8 give radii and become cosines, the last 8 angles and sines."""
    pairs, normals = uniforms.reshape(-1, 2, 8), np.empty_like(uniforms).reshape(-1, 2, 8)
    mean, std = float(np.float32(mean)), float(np.float32(std))
    first, second = vecmath.normals_f32(pairs[:, 0].ravel(), pairs[:, 1].ravel(), mean, std, np)
    normals[:, 0], normals[:, 1] = first.reshape(-1, 8), second.reshape(-1, 8)
    return normals.ravel()


def _box_muller_f64(uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
    pairs, normals = uniforms.reshape(-1, 2, 8), np.empty_like(uniforms).reshape(-1, 2, 8)
    radius = np.sqrt(-2.0 * vecmath.map_f64(math.log, 1.0 - pairs[:, 0]))
    angle = 2 * np.pi * pairs[:, 1]
    normals[:, 0] = _scaled(radius * np.cos(angle), mean, std)
    normals[:, 1] = _scaled(radius * np.sin(angle), mean, std)
    return normals.ravel()


default_generator = Generator()
default_generator.seed()
