"""What torch refuses to draw, in its words."""

import ml_dtypes
import numpy as np

from jtorch._types.user_frame import warn

# dtype: torch's name of it in messages, the name of the C++ type, bits of the significand (None for integers).
NAMES: dict[np.dtype, tuple[str, str, int | None]] = {
    np.dtype(np.bool_): ("Bool", "bool", None),
    np.dtype(np.uint8): ("Byte", "unsigned char", None),
    np.dtype(np.int8): ("Char", "signed char", None),
    np.dtype(np.int16): ("Short", "short int", None),
    np.dtype(np.int32): ("Int", "int", None),
    np.dtype(np.int64): ("Long", "long int", None),
    np.dtype(np.uint16): ("UInt16", "short unsigned int", None),
    np.dtype(np.uint32): ("UInt32", "unsigned int", None),
    np.dtype(np.uint64): ("UInt64", "long unsigned int", None),
    np.dtype(np.float16): ("Half", "c10::Half", 11),
    np.dtype(ml_dtypes.bfloat16): ("BFloat16", "c10::BFloat16", 8),
    np.dtype(np.float32): ("Float", "float", 24),
    np.dtype(np.float64): ("Double", "double", 53),
}
_OTHER_NAMES = {
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}


def is_wide_unsigned(dtype: np.dtype) -> bool:
    """True for uint16, uint32, uint64, which torch has few kernels for."""
    return dtype.kind == "u" and dtype.itemsize > 1


def significand_bits(dtype: np.dtype) -> int | None:
    """Bits of the significand, the hidden one included; None for what is not a real floating type."""
    return NAMES[dtype][2] if dtype in NAMES else None


def torch_name(dtype: np.dtype) -> str:
    """The dtype's name in torch's messages."""
    return NAMES[dtype][0] if dtype in NAMES else _OTHER_NAMES.get(dtype.name, dtype.name)


def not_implemented(kernel: str, dtype: np.dtype) -> NotImplementedError:
    """The error of a kernel that has no form for ``dtype``."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{torch_name(dtype)}'")


def require_floating(dtype: np.dtype, kernel: str) -> None:
    if significand_bits(dtype) is None:
        raise not_implemented(kernel, dtype)


def require_continuous(dtype: np.dtype, distribution: str, name: str) -> None:
    if significand_bits(dtype) is None:
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. "
            f"dtype must be a floating point but you specified {name}"
        )


def check_uniform(dtype: np.dtype, low: float, high: float) -> None:
    require_floating(dtype, "check_uniform_bounds")
    largest = float(ml_dtypes.finfo(dtype).max)
    for name, bound in (("from", low), ("to", high)):
        if not -largest <= bound <= largest:
            raise RuntimeError(f"{name} is out of bounds for {NAMES[dtype][1]}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{torch_name(dtype)}>::max(), "
            f"but found to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )


def random_bounds(dtype: np.dtype, low: int, high: int | None, largest: int) -> tuple[int, int]:
    """First and last integer of the range that ``random_(low, high)`` draws from."""
    bits = significand_bits(dtype)
    if high is not None and low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    last = largest if high is None else high - 1
    if high is None and dtype == np.uint64:  # torch counts the end in int64
        raise RuntimeError(f"to - 1 is out of bounds for {NAMES[dtype][1]}")
    if bits:
        bound = float(ml_dtypes.finfo(dtype).max)
        lowest, highest = -bound, bound
    else:
        lowest, highest = (0, 1) if dtype == np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for name, value in (("from", low), ("to - 1", last)):
        if not lowest <= value <= highest:
            raise RuntimeError(f"{name} is out of bounds for {NAMES[dtype][1]}")
        if bits and abs(value) > 2**bits:
            warn(
                f"{name} is out of bounds [-(2^{bits}), 2^{bits}]. Due to precision limitations {NAMES[dtype][1]} can "
                "support discrete uniform distribution only within this range. This warning will become an error in "
                "version 1.7 release, please fix the code in advance",
                UserWarning,
            )
    if not bits:
        return low, last
    # A bound that the type would round out of the range moves to the next number it holds.
    if (rounded := _rounded(low + 1, dtype)) < low:
        low = rounded + _spacing(low + 1, bits)
    if high is not None and (rounded := _rounded(high - 1, dtype)) >= high:
        last = rounded - _spacing(high - 1, bits) - 1
    return low, last


def _rounded(value: int, dtype: np.dtype) -> int:
    return int(np.float64(value).astype(dtype)) if dtype != np.float64 else int(float(value))


def _spacing(value: int, bits: int) -> int:
    return 2 ** (abs(value).bit_length() - bits)


def check_randperm(n: int, dtype: np.dtype) -> None:
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    if dtype not in NAMES or dtype == np.bool_ or is_wide_unsigned(dtype):
        raise not_implemented("randperm", dtype)
    bits = significand_bits(dtype)
    if bits and n > 2**bits + 1:
        raise RuntimeError(f"n cannot be greater than {2**bits + 1} for {torch_name(dtype)} type.")
    if not bits and n > np.iinfo(dtype).max:
        raise RuntimeError(f"value cannot be converted to type {dtype.name}_t without overflow")


def check_multinomial(probs: np.ndarray, num_samples: int, replacement: bool) -> None:
    if probs.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if significand_bits(probs.dtype) is None:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {torch_name(probs.dtype)}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > probs.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
