"""Short-time Fourier transforms: torch.stft and torch.istft. They stand here because they pad as `F.pad` does.

https://docs.pytorch.org/docs/stable/torch.html#spectral-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array, Handle, Operand, composite, errors, op, to_host
from jtorch._declare.once import warn
from jtorch._ops.complex_parts import view_as_real
from jtorch.nn.functional._common import listed
from jtorch.nn.functional.padding import pad


def _frames(count: int, size: int, hop: int) -> np.ndarray:
    """Which samples each frame sees, a row for each."""
    return np.arange(count)[:, None] * hop + np.arange(size)


def _widened(window: Array, n_fft: int) -> Array:
    """A window with zeros on both sides, up to the size of the transform."""
    before = (n_fft - window.size) // 2
    return jnp.pad(window, (before, n_fft - window.size - before))


def _saved_of_stft(specs: tuple, statics: tuple, needs: tuple) -> str:
    if specs[1] is None:
        return "input"
    return " ".join(("window", "input")[i] for i in needs)


@op(name="stft", method=False, function=False, order="columns", saves=_saved_of_stft)
def _stft(input: Operand, window: Operand | None, n_fft: int, hop: int, norm: str, onesided: bool) -> Array:
    count = 1 + (input.shape[-1] - n_fft) // hop
    seen = input[:, _frames(count, n_fft, hop)]
    if window is not None:
        seen = seen * _widened(window, n_fft)
    return jnp.swapaxes((jnp.fft.rfft if onesided else jnp.fft.fft)(seen, norm=norm), 1, 2)


def _is_complex(t: Any) -> bool:
    return t is not None and t._v.aval.dtype.is_complex


def _described(window: Any) -> str:
    return "None" if window is None else f"torch.{window._v.aval.dtype.type_name}Tensor{{{list(window._v.aval.shape)}}}"


def _flag(value: Any) -> str:
    return "None" if value is None else str(int(value))


def _warn_rectangular(advice: str) -> None:
    warn(
        f"A window was not provided. A rectangular window will be applied{advice}To suppress this warning and use a "
        "rectangular window, explicitly set `window=torch.ones(n_fft, device=<device>)`."
    )


def _centered(input: Any, by: int, mode: str) -> Any:
    shape = input._v.aval.shape
    wide = pad(input.reshape(*(1,) * (3 - len(shape)), *shape), (by, by), mode)
    return wide.reshape(wide.shape[wide.ndim - len(shape) :])


def _refuse_half(*tensors: Any) -> None:
    for t in tensors:
        if t is not None and t._v.aval.dtype.name in ("float16", "bfloat16", "complex32"):
            kind = "BFloat16" if t._v.aval.dtype.name == "bfloat16" else "Half"
            raise RuntimeError(f"MKL FFT doesn't support tensors of type: {kind}")


def _check_stft(
    input: Any, n_fft: int, hop: int, win: int, window: Any, say: Callable[[str], RuntimeError]
) -> None:  # fmt: skip
    aval = input._v.aval
    if not (aval.dtype.is_floating_point or aval.dtype.is_complex):
        raise say("expected a tensor of floating point or complex values")
    if aval.ndim not in (1, 2):
        raise say("expected a 1D or 2D tensor")
    if not 0 < n_fft <= aval.shape[-1]:
        raise say(f"expected 0 < n_fft < {aval.shape[-1]}, but got n_fft={n_fft}")
    if hop <= 0:
        raise say(f"expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win <= n_fft:
        raise say(f"expected 0 < win_length <= n_fft, but got win_length={win}")
    if window is not None and window._v.aval.shape != (win,):
        found = list(window._v.aval.shape)
        raise say(f"expected a 1D window tensor of size equal to win_length={win}, but got window with size {found}")


@composite(namespace="torch")
def stft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Any:
    """Fourier transforms of a signal's frames, (B?, L) to (B?, frequencies, frames).

    A frame holds `n_fft` samples and begins `hop_length` (a quarter of them) after the last; `center` pads the signal
    so that the first is in the middle of a frame.

    >>> import jtorch as torch
    >>> torch.stft(torch.ones(8), 4, window=torch.ones(4), return_complex=True).shape
    torch.Size([3, 9])
    """
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    if center:
        input = _centered(input, n_fft // 2, pad_mode)
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    aval = input._v.aval

    def say(what: str) -> RuntimeError:
        return RuntimeError(
            f"stft(torch.{aval.dtype.type_name}Tensor{list(aval.shape)}, n_fft={n_fft}, hop_length={hop}, "
            f"win_length={win}, window={_described(window)}, normalized={_flag(normalized)}, "
            f"onesided={_flag(onesided)}, return_complex={_flag(return_complex)}, "
            f"align_to_window={_flag(align_to_window)}) : {what}"
        )

    if window is None:
        _warn_rectangular(
            ",which is known to cause spectral leakage. Other windows such as torch.hann_window or "
            "torch.hamming_window are recommended to reduce spectral leakage."
        )
    in_complex = _is_complex(input) or _is_complex(window)
    if return_complex is None and not in_complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require that "
            "return_complex=True in a future PyTorch release."
        )
    if return_complex is False:
        warn(
            "stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex "
            "tensors for all inputs, and return_complex=False will raise an error.\nNote: you can still call "
            "torch.view_as_real on the complex output to recover the old return format."
        )
    if align_to_window:
        before = (n_fft - win) // 2
        input = pad(input, (before, n_fft - win - before))
    _check_stft(input, n_fft, hop, win, window, say)
    if onesided and in_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    _refuse_half(input)
    half = not in_complex if onesided is None else onesided
    rows = input if aval.ndim == 2 else input.unsqueeze(0)
    weights = rows.new_ones(win) if window is None and win < n_fft else window
    found = _stft(rows, weights, n_fft, hop, "ortho" if normalized else "backward", bool(half))
    found = found if aval.ndim == 2 else found.squeeze(0)
    return view_as_real(found) if return_complex is False else found


def _overlapped(frames: Array, hop: int, span: int) -> Array:
    """Frames laid over each other, each `hop` after the last, and added."""
    at = _frames(frames.shape[-2], frames.shape[-1], hop)
    return jnp.zeros((*frames.shape[:-2], span), frames.dtype).at[..., at].add(frames)


@op(name="istft", method=False, function=False)
def _istft(
    input: Operand, window: Operand, n_fft: int, hop: int, norm: str, to_real: bool, start: int, length: int
) -> Array:  # fmt: skip
    frames = jnp.swapaxes(input, 1, 2)
    weights = _widened(jnp.real(window) if to_real else window, n_fft)
    signal = jnp.fft.irfft(frames, n_fft, norm=norm) if to_real else jnp.fft.ifft(frames, norm=norm)
    span = n_fft + hop * (frames.shape[1] - 1)
    total = _overlapped(signal * weights, hop, span)[:, start : start + length]
    envelope = _overlapped(jnp.broadcast_to(weights * weights, frames.shape[1:2] + weights.shape), hop, span)
    found = total / envelope[start : start + length]
    return jnp.pad(found, ((0, 0), (0, length - found.shape[1])))


def _least_overlap(window: Any, n_fft: int, hop: int, count: int, start: int, stop: int) -> float:
    """The least weight a sample of the result gets; windows are small, and it decides whether there is a result."""
    if window._v.aval.device.type == "meta":
        return math.inf
    weights = np.zeros(n_fft)
    size = window._v.aval.shape[0]
    before = (n_fft - size) // 2
    weights[before : before + size] = np.abs(to_host(window) ** 2)
    part = np.bincount(_frames(count, n_fft, hop).ravel(), np.tile(weights, count))[start:stop]
    if not part.size:
        raise errors.reduction_empty("min")
    return float(part.min())


def _check_istft(
    input: Any, n_fft: int, hop: int, win: int, window: Any, half: bool, say: Callable[[str], RuntimeError]
) -> None:  # fmt: skip
    shape = input._v.aval.shape
    if 0 in shape:
        raise say("input tensor cannot be empty.")
    if len(shape) not in (2, 3):
        raise say(f"expected a tensor with 3 or 4 dimensions, but got {len(shape) + 1}")
    if shape[-2] != (n_fft // 2 + 1 if half else n_fft):
        size, wish = ("n_fft / 2 + 1", "True") if half else ("n_fft", "False")
        raise say(
            f"expected the frequency dimension (3rd to the last) of the input tensor to match {size} when "
            f"onesided={wish}, but got {shape[-2]}"
        )
    if not 0 < hop <= win:
        raise say("expected 0 < hop_length <= win_length")
    if not 0 < win <= n_fft:
        raise say("expected 0 < win_length <= n_fft")
    if window is not None and window._v.aval.shape != (win,):
        raise say("Invalid window shape. window has to be 1D and length of `win_length`")


@composite(namespace="torch")
def istft(
    input: Any,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Any:
    """The signal of which `stft` gave the frames, (B?, frequencies, frames) to (B?, L).

    >>> import jtorch as torch
    >>> window = torch.ones(4)
    >>> torch.istft(torch.stft(torch.ones(8), 4, window=window, return_complex=True), 4, window=window)
    tensor([1., 1., 1., 1., 1., 1., 1., 1.])
    """
    if window is None:
        _warn_rectangular(".Please provide the same window used by stft to make the inversion lossless.")
    if not isinstance(input, Handle) or not _is_complex(input):
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    aval = input._v.aval
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    if aval.ndim < 2:
        raise errors.dim_out_of_range(-3, aval.ndim + 1)

    def say(what: str, sign: str = " : ") -> RuntimeError:
        return RuntimeError(
            f"istft(CPU{aval.dtype.type_name}Type{listed(aval.shape)}, n_fft={n_fft}, hop_length={hop}, "
            f"win_length={win}, window={_described(window)}, center={_flag(center)}, normalized={_flag(normalized)}, "
            f"onesided={_flag(onesided)}, length={length}, return_complex={_flag(return_complex)}){sign}{what}"
        )

    half = aval.shape[-2] != n_fft if onesided is None else onesided
    _check_istft(input, n_fft, hop, win, window, half, say)
    if return_complex and half:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not return_complex and _is_complex(window):
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    _refuse_half(input)
    count = aval.shape[-1]
    span, start = n_fft + hop * (count - 1), n_fft // 2 if center else 0
    stop = start + length if length is not None else span - start
    weights = input.new_ones(win, dtype=aval.dtype.to_real()) if window is None else window
    if _least_overlap(weights, n_fft, hop, count, start, stop) <= 1e-11:
        raise say("window overlap add min: 1\n[ CPUBoolType{} ]", " ")
    if stop > span:
        warn(
            "The length of signal is shorter than the length parameter. Result is being padded with zeros in the tail. "
            "Please check your center and hop_length settings."
        )
    rows = input if aval.ndim == 3 else input.unsqueeze(0)
    norm = "ortho" if normalized else "backward"
    found = _istft(rows, weights, n_fft, hop, norm, not return_complex, start, stop - start)
    return found if aval.ndim == 3 else found.squeeze(0)
