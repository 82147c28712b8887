"""torch.fft, short-time transforms and windows against torch; Bessel functions against scipy, which is exact."""

from typing import Any

import numpy as np
import pytest
from scipy import special as exact

import jtorch
from compat_tests.ops.agree import agree, agree_on_error, agree_on_gradients

COMPLEX = ("fft", "ifft", "hfft", "irfft")
REAL = ("rfft", "ihfft")
SIGNAL = np.random.default_rng(0).normal(size=(3, 4, 5))


def real(t: Any) -> Any:
    return t.tensor(SIGNAL)


def turned(t: Any) -> Any:
    return t.complex(real(t), real(t).flip(0))


@pytest.mark.parametrize("norm", [None, "forward", "ortho"])
@pytest.mark.parametrize("name", [*COMPLEX, *REAL])
def test_transforms(name: str, norm: str | None):
    source = real if name in REAL else turned
    agree(lambda t: getattr(t.fft, name)(source(t), norm=norm))
    agree(lambda t: [getattr(t.fft, name)(source(t), n, 1, norm) for n in (1, 3, 9)])
    agree(lambda t: [getattr(t.fft, name + "2")(source(t), s, norm=norm) for s in (None, (2, 7), (-1, 4))])
    agree(lambda t: [getattr(t.fft, name + "n")(source(t), dim=d, norm=norm) for d in (None, (1,), (2, 0))])


@pytest.mark.parametrize("name", ["fft", "ifft2", "rfftn", "irfft", "hfftn", "ihfft2"])
def test_gradients_of_transforms(name: str):
    agree_on_gradients(lambda t, x: (getattr(t.fft, name)(x).abs() * 1.5) ** 2, SIGNAL.tolist())


def test_double_is_double():
    found = jtorch.fft.ifftn(jtorch.fft.fftn(real(jtorch)))
    assert float((found - real(jtorch)).abs().max()) < 1e-14


REFUSALS = {
    "complex input": lambda t: t.fft.rfft(turned(t)),
    "complex input of several": lambda t: t.fft.rfft2(turned(t)),
    "hermitian": lambda t: t.fft.ihfftn(turned(t)),
    "half": lambda t: t.fft.fft(real(t).half()),
    "no points": lambda t: t.fft.fft(real(t), 0),
    "no points from one": lambda t: t.fft.irfft(real(t)[..., :1]),
    "norm": lambda t: t.fft.fftn(real(t), norm="both"),
    "dim": lambda t: t.fft.fft(real(t), dim=3),
    "scalar": lambda t: t.fft.fft(t.tensor(1.0)),
    "no axis": lambda t: t.fft.hfftn(t.tensor(1.0)),
    "same dim": lambda t: t.fft.fft2(real(t), dim=(0, -3)),
    "lengths": lambda t: t.fft.fft2(real(t), s=(2,)),
    "too many sizes": lambda t: t.fft.fftn(real(t), s=(1, 2, 3, 4)),
    "out of a complex result": lambda t: t.fft.fft(real(t), out=t.zeros(3)),
    "out of a real result": lambda t: t.fft.irfft2(real(t), out=t.zeros(3, dtype=t.complex64)),
    "frequencies in integers": lambda t: t.fft.fftfreq(4, dtype=t.int64),
    "fewer than no frequencies": lambda t: t.fft.fftfreq(-1),
    "stft says what it returns": lambda t: t.stft(real(t)[0], 4),
    "stft hop": lambda t: t.stft(real(t)[0], 4, 0, return_complex=True),
    "stft window": lambda t: t.stft(real(t)[0], 4, window=t.ones(3), return_complex=True),
    "stft rank": lambda t: t.stft(real(t), 4, return_complex=True, center=False),
    "stft one half of complex": lambda t: t.stft(turned(t)[0], 4, onesided=True),
    "istft of real": lambda t: t.istft(real(t), 4),
    "istft rows": lambda t: t.istft(turned(t), 10),
    "istft no overlap": lambda t: t.istft(turned(t)[:, :3], 4, window=t.zeros(4)),
    "window length": lambda t: t.hann_window(-1),
    "window in integers": lambda t: t.kaiser_window(4, dtype=t.int64),
    "tau": lambda t: t.signal.windows.exponential(4, tau=-1),
    "center": lambda t: t.signal.windows.exponential(4, center=1),
    "weights": lambda t: t.signal.windows.general_cosine(4, a=[]),
    "copy to another type": lambda t: t.alias_copy(t.ones(2), out=t.ones(2, dtype=t.int64)),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.filterwarnings("ignore")  # without a window stft and istft warn before they refuse
def test_refusals(name: str):
    agree_on_error(REFUSALS[name])


def test_shifts_and_frequencies():
    agree(lambda t: [t.fft.fftshift(real(t)), t.fft.ifftshift(real(t), (0, 2)), t.fft.fftshift(real(t), -1)])
    agree(lambda t: [t.fft.fftfreq(n, 0.3, dtype=t.float64) for n in (0, 1, 6, 7)])
    agree(lambda t: [t.fft.rfftfreq(n) for n in (-2, -1, 0, 6, 7)])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hop_length": 3, "win_length": 5, "normalized": True},
        {"center": False, "onesided": False},
        {"pad_mode": "constant"},
        {"center": False, "win_length": 4, "align_to_window": True},
    ],
)
def test_stft(options: dict):
    def frames(t: Any, x: Any) -> Any:
        window = t.hamming_window(options.get("win_length", 8), dtype=t.float64)
        return t.stft(x, 8, window=window, return_complex=True, **options)

    signal = np.random.default_rng(1).normal(size=(2, 30))
    agree(lambda t: frames(t, t.tensor(signal)))
    agree_on_gradients(lambda t, x: frames(t, x).abs() ** 2, signal.tolist())


@pytest.mark.filterwarnings("ignore:The length of signal")
def test_istft():
    def back(t: Any, x: Any, **options: Any) -> Any:
        window = t.hann_window(8, dtype=t.float64)
        return t.istft(t.stft(x, 8, window=window, return_complex=True), 8, window=window, **options)

    signal = np.random.default_rng(1).normal(size=(2, 30))
    agree(lambda t: [back(t, t.tensor(signal), length=n) for n in (None, 17, 40)])
    agree_on_gradients(lambda t, x: back(t, x) ** 2, signal.tolist())


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
def test_windows(name: str):
    agree(lambda t: [getattr(t, f"{name}_window")(n, p) for n in (0, 1, 2, 7) for p in (True, False)])
    agree(lambda t: [getattr(t.signal.windows, name)(n, sym=s) for n in (0, 1, 2, 7) for s in (True, False)])


EXACT = {
    "bessel_j0": exact.j0, "bessel_j1": exact.j1, "bessel_y0": exact.y0, "bessel_y1": exact.y1,
    "modified_bessel_k0": exact.k0, "modified_bessel_k1": exact.k1, "scaled_modified_bessel_k0": exact.k0e,
    "scaled_modified_bessel_k1": exact.k1e, "airy_ai": lambda x: exact.airy(x)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_bessel_functions_are_exact(name: str):
    x = np.concatenate([np.linspace(0.01, 12, 400), np.linspace(12, 60, 100)])
    if name in ("bessel_j0", "bessel_j1", "airy_ai"):
        x = np.concatenate([x, -x])
    expected = EXACT[name](x)
    found = getattr(jtorch.special, name)(jtorch.tensor(x)).numpy()
    np.testing.assert_allclose(found, expected, rtol=4e-14 if "_k" in name or name == "airy_ai" else 0, atol=5e-14)


@pytest.mark.parametrize("name", EXACT)
def test_corners_of_bessel_functions(name: str):
    corners = [0.0, -0.0, -1.0, np.inf, -np.inf, np.nan, 2.0, 5.0, 8.0]
    agree(lambda t: getattr(t.special, name)(t.tensor(corners, dtype=t.float64)), rtol=1e-6, atol=1e-6)
    agree_on_error(lambda t: getattr(t.special, name)(t.zeros(2, dtype=t.float16)))


def test_copies_share_nothing():
    x = jtorch.arange(6.0).reshape(2, 3)
    for found in (x.new_tensor([1.0]), jtorch.alias_copy(x), jtorch.t_copy(x), *jtorch.unbind_copy(x)):
        found.zero_()
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    rows = [jtorch.empty(3), jtorch.empty(3)]
    assert jtorch.unbind_copy(x, out=rows) is None
    assert rows[1].tolist() == [3.0, 4.0, 5.0]


def test_gradient_over_uneven_places():
    agree_on_gradients(
        lambda t, x, p: sum((g**2).sum() for g in t.gradient(x, spacing=(p,), dim=1, edge_order=2)),
        SIGNAL[0].tolist(),
        [0.0, 0.5, 1.5, 2.0, 4.0],
    )
