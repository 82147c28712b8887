"""Strides of whole families of ops: Fourier transforms, linear algebra, copies of views, channels last."""

from __future__ import annotations

import itertools

import pytest
import torch

import jtorch
from compat_tests.harness.calls import tensors_in
from compat_tests.harness.compare import compare, compare_strides

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def same(program) -> None:
    """Values and strides are torch's."""
    mine, theirs = program(jtorch), program(torch)
    compare(list(tensors_in(mine)), list(tensors_in(theirs)))
    compare_strides(list(tensors_in(mine)), list(tensors_in(theirs)))


def numbers(lib, *shape, dtype="float32"):
    """Fixed numbers without order, none of them 0."""
    count = 1
    for n in shape:
        count *= n
    x = (lib.arange(count) * 7 % 11 + 1).to(lib.float32).reshape(shape) / 4
    return (x + x.flip(0) * 1j).to(getattr(lib, dtype)) if dtype.startswith("complex") else x.to(getattr(lib, dtype))


STARTS = {
    "rows": lambda x: x,
    "turned": lambda x: x.permute(2, 0, 1),
    "part": lambda x: x.transpose(0, 2)[:, 1:],
}
TRANSFORMS = [
    *((name, {"dim": dim}) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for dim in range(3)),
    *((name, {"n": n, "dim": 1}) for name in ("fft", "rfft", "irfft", "ihfft") for n in (2, 9)),
    *(
        (name, {"dim": dim})
        for name in ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn")
        for count in (1, 2, 3)
        for dim in itertools.permutations(range(3), count)
    ),
    *((name, {"s": (2, 8), "dim": (2, 0)}) for name in ("fft2", "rfft2", "irfft2", "hfft2", "ihfft2")),
]


@pytest.mark.parametrize("start", STARTS)
def test_fourier_transforms(start):
    for name, options in TRANSFORMS:
        for dtype in ("float32",) if name.startswith(("rfft", "ihfft")) else ("float32", "complex64"):
            found = [getattr(lib.fft, name)(STARTS[start](numbers(lib, 4, 5, 6, dtype=dtype)), **options)
                     for lib in (jtorch, torch)]  # fmt: skip
            assert found[0].stride() == found[1].stride(), (name, options, dtype)
            assert found[0].shape == found[1].shape


COPIES = {
    "as_strided_copy": ((2, 3), (1, 2)),
    "diagonal_copy": (0, 0, 1),
    "permute_copy": ((2, 0, 1),),
    "transpose_copy": (0, 1),
    "unfold_copy": (0, 2, 1),
    "expand_copy": ((4, 2, 3, 4),),
    "select_copy": (2, 1),
    "squeeze_copy": (),
    "unsqueeze_copy": (1,),
    "detach_copy": (),
    "alias_copy": (),
    "narrow_copy": (1, 0, 2),
    "unbind_copy": (2,),
    "split_with_sizes_copy": ([1, 3], 2),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_views_lie_by_rows(name):
    same(lambda lib: getattr(lib, name)(numbers(lib, 2, 3, 4), *COPIES[name]))
    same(lambda lib: getattr(lib, name)(numbers(lib, 4, 3, 2).transpose(0, 2).clone(), *COPIES[name]))


def regular(lib, *batch):
    return numbers(lib, *batch, 4, 4) + 5 * lib.eye(4)


LINEAR = {
    "solve": lambda lib: lib.linalg.solve(regular(lib, 2), numbers(lib, 2, 4, 3)),
    "solve, right": lambda lib: lib.linalg.solve(regular(lib, 2), numbers(lib, 2, 3, 4), left=False),
    "solve, vectors": lambda lib: lib.linalg.solve(regular(lib, 2, 3), numbers(lib, 2, 3, 4)),
    "solve_ex, vectors": lambda lib: lib.linalg.solve_ex(regular(lib, 2), numbers(lib, 2, 4)),
    "lu_solve": lambda lib: lib.linalg.lu_solve(*lib.linalg.lu_factor(regular(lib, 2)), numbers(lib, 2, 4, 3)),
    "lu_solve, right": lambda lib: lib.linalg.lu_solve(
        *lib.linalg.lu_factor(regular(lib, 2)), numbers(lib, 2, 3, 4), left=False
    ),
    "lu_solve, old": lambda lib: lib.lu_solve(numbers(lib, 2, 4, 3), *lib.linalg.lu_factor(regular(lib, 2))),
    "cholesky_solve": lambda lib: lib.cholesky_solve(numbers(lib, 2, 4, 3), regular(lib, 2).tril()),
    "householder_product": lambda lib: lib.linalg.householder_product(regular(lib, 2), numbers(lib, 2, 4) / 9),
    "geqrf": lambda lib: lib.geqrf(regular(lib, 2)),
    "conjugated": lambda lib: [numbers(lib, 3, 4, dtype="complex64").H, numbers(lib, 2, 3, 4, dtype="complex64").mH],
    "polar": lambda lib: lib.polar(numbers(lib, 3, 4).T, numbers(lib, 3, 4).T),
    "unravel_index": lambda lib: lib.unravel_index(lib.arange(6).reshape(2, 3).T, (2, 3)),
    "rot90": lambda lib: [lib.rot90(numbers(lib, 2, 3, 4), k, (2, 0)) for k in range(4)],
    "rot90, turned": lambda lib: [lib.rot90(numbers(lib, 2, 3, 4).permute(2, 0, 1), k) for k in range(4)],
    "argwhere": lambda lib: [lib.argwhere(lib.ones(2, 3)), lib.nonzero(lib.ones(2, 3)), lib.ones(2, 3).nonzero()],
    "stft": lambda lib: [
        lib.stft(numbers(lib, 2, 40), 8, window=lib.ones(8), return_complex=True),
        lib.stft(numbers(lib, 40), 8, window=lib.ones(8), return_complex=False),
    ],
}


@pytest.mark.parametrize("name", LINEAR)
def test_matrices(name):
    same(LINEAR[name])


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (4, 4)])
def test_least_squares_lie_in_the_memory_of_the_right_sides(driver, shape):
    def program(lib, *right):
        A = numbers(lib, 2, *shape) + 3 * lib.eye(*shape)
        return lib.linalg.lstsq(A, numbers(lib, 2, shape[0], *right), driver=driver).solution

    same(lambda lib: program(lib, 2))
    same(lambda lib: program(lib))


def test_a_solution_that_lies_in_more_memory_is_an_ordinary_tensor():
    def program(lib):
        A = numbers(lib, 4, 3) + 3 * lib.eye(4, 3)
        X = lib.linalg.lstsq(A.requires_grad_(), numbers(lib, 4, 2), driver="gels").solution
        X.sum().backward()
        Y = X.detach()
        Y[0] = 2
        Y.mul_(3)
        return [X, Y, Y.T, Y.as_strided((4,), (1,)), A.grad, lib.tensor(X.is_contiguous())]

    mine, theirs = program(jtorch), program(torch)
    for at in (0, 1, 2, 4, 5):
        compare(mine[at], theirs[at], rtol=1e-4, atol=1e-4)
    compare(mine[3][:3], theirs[3][:3], rtol=1e-4, atol=1e-4)
    assert not mine[0]._is_view() and mine[0].grad_fn.name() == theirs[0].grad_fn.name()


def images(lib, channels=4):
    return numbers(lib, 2, channels, 6, 8).to(memory_format=lib.channels_last)


def volumes(lib):
    return numbers(lib, 2, 4, 5, 6, 8).to(memory_format=lib.channels_last_3d)


def kernels(lib, *shape):
    return numbers(lib, *(shape or (6, 4, 3, 3)))


IMAGES = {
    "conv2d": lambda lib, F: F.conv2d(images(lib), kernels(lib)),
    "conv2d, kernel last": lambda lib, F: F.conv2d(
        images(lib).contiguous(), kernels(lib).to(memory_format=lib.channels_last), padding=1, stride=2
    ),
    "conv2d, groups": lambda lib, F: F.conv2d(images(lib), kernels(lib, 4, 1, 3, 3), lib.ones(4), groups=4),
    "conv2d, part": lambda lib, F: F.conv2d(images(lib)[:, :2], kernels(lib)[:, :2]),
    "conv2d, turned": lambda lib, F: F.conv2d(images(lib).permute(0, 3, 1, 2), kernels(lib, 3, 8, 2, 2)),
    "conv_transpose2d": lambda lib, F: F.conv_transpose2d(images(lib), kernels(lib, 4, 3, 2, 2)),
    "conv3d": lambda lib, F: F.conv3d(volumes(lib), kernels(lib, 3, 4, 2, 2, 2)),
    "pools": lambda lib, F: [
        F.max_pool2d(images(lib), 2, return_indices=True), F.avg_pool2d(images(lib), 2), F.lp_pool2d(images(lib), 2, 2),
        F.adaptive_avg_pool2d(images(lib), 3), F.adaptive_max_pool2d(images(lib), 3), F.max_pool3d(volumes(lib), 2),
        F.avg_pool3d(volumes(lib), 2), F.adaptive_avg_pool3d(volumes(lib), 2), F.max_pool2d(images(lib)[:, :, ::2], 2),
    ],
    "max_unpool2d": lambda lib, F: F.max_unpool2d(*F.max_pool2d(images(lib), 2, return_indices=True), 2),
    "interpolate": lambda lib, F: [
        F.interpolate(images(lib), scale_factor=2, mode=mode)
        for mode in ("nearest", "bilinear", "bicubic", "nearest-exact", "area")
    ],
    "interpolate, volumes": lambda lib, F: [
        F.interpolate(volumes(lib), scale_factor=2, mode=mode) for mode in ("nearest", "trilinear", "nearest-exact")
    ],
    "norms": lambda lib, F: [
        F.batch_norm(images(lib), lib.zeros(4), lib.ones(4)), F.group_norm(images(lib), 2),
        F.batch_norm(images(lib), None, None, training=True), F.local_response_norm(images(lib), 3),
        F.normalize(images(lib)), F.instance_norm(images(lib)), F.layer_norm(images(lib), (6, 8)),
    ],
    "pads": lambda lib, F: [
        F.pad(images(lib), (1, 1, 1, 1), mode=mode) for mode in ("constant", "reflect", "replicate", "circular")
    ],
    "shuffles": lambda lib, F: [F.pixel_unshuffle(images(lib), 2), F.channel_shuffle(images(lib), 2)],
    "losses": lambda lib, F: [
        getattr(F, name)(images(lib) / 5, images(lib) / 7, reduction="none")
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "soft_margin_loss",
                     "binary_cross_entropy_with_logits", "hinge_embedding_loss")
    ],
    "glu, prelu": lambda lib, F: [F.glu(images(lib), 1), F.prelu(images(lib) - 1, lib.ones(4) / 2)],
    "sorted": lambda lib, F: [images(lib).sort(1).values, images(lib).permute(0, 3, 1, 2).msort()],
    "rolled": lambda lib, F: [
        images(lib).roll(1, 1), images(lib).roll(1), images(lib).permute(0, 3, 1, 2).roll((1, 2), (0, 1))
    ],
    "filled": lambda lib, F: [
        images(lib).index_fill(1, lib.tensor([0]), 2.0), images(lib).put(lib.tensor([0]), lib.tensor([1.0])),
        images(lib).select_scatter(images(lib)[:, 0], 1, 0), images(lib).slice_scatter(images(lib)[:, :2], 1, 0, 2),
        images(lib).diagonal_scatter(lib.zeros(2, 4, 6), 0, 2, 3), images(lib).diff(), images(lib).frexp(),
    ],
    "joined": lambda lib, F: [lib.cat([images(lib)[:, :2], images(lib)[:, 2:]], 1), lib.stack([images(lib)] * 2, 1)],
    "one channel": lambda lib, F: [F.avg_pool2d(images(lib, 1), 2), F.avg_pool2d(images(lib)[:, :1], 2)],
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_channels_last(name):
    def program(lib):
        return IMAGES[name](lib, lib.nn.functional)

    mine, theirs = (list(tensors_in(program(lib))) for lib in (jtorch, torch))
    compare(mine, theirs, rtol=1e-4, atol=1e-4)
    compare_strides(mine, theirs)


def test_a_network_of_channels_last_trains():
    def program(lib):
        lib.manual_seed(0)
        net = lib.nn.Sequential(
            lib.nn.Conv2d(4, 6, 3), lib.nn.BatchNorm2d(6), lib.nn.ReLU(), lib.nn.MaxPool2d(2), lib.nn.Flatten(),
            lib.nn.Linear(36, 2),
        ).to(memory_format=lib.channels_last)  # fmt: skip
        net(images(lib)).square().mean().backward()
        return [p.grad for p in net.parameters()]

    compare(program(jtorch), program(torch), rtol=1e-3, atol=1e-4)
