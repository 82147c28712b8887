"""The pure update functions, alone: losses within 1e-6 of torch.optim's over 100 steps, and near optax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from jtorch.optim import _updates

STEPS = 100
LR = 2e-3

SGD = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.3},
    {"momentum": 0.9, "nesterov": True},
    {"weight_decay": 0.1},
    {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    {"momentum": 0.5, "maximize": True},
]
ADAM = [
    {},
    {"amsgrad": True},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "amsgrad": True, "maximize": True},
    {"betas": (0.0, 0.9)},
    {"betas": (0.5, 0.9), "eps": 1e-3},
]


def losses(dtype, make_step):
    """The losses of a small regression; ``make_step(params)`` returns what updates the parameters."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 8).to(dtype), torch.randn(64, 3).to(dtype)
    shapes = [(8, 16), (16,), (16, 3), (3,)]
    params = [(0.3 * torch.randn(shape)).to(dtype).requires_grad_() for shape in shapes]
    first, first_bias, second, second_bias = params
    step = make_step(params)
    seen = []
    for _ in range(STEPS):
        outputs = torch.tanh(inputs @ first + first_bias) @ second + second_bias
        loss = (outputs - targets).abs().pow(2).mean()
        for param, grad in zip(params, torch.autograd.grad(loss, params), strict=True):
            param.grad = grad
        step()
        seen.append(loss.item())
    return np.array(seen)


def as_array(tensor):
    return jnp.array(tensor.detach().numpy(), copy=True)


def stepper(body, numbers, flags, states):
    """A step that runs ``body`` under jit, with what ``numbers`` and ``flags`` say for the step's count."""
    compiled = jax.jit(lambda tensors, numbers, flags: body(tensors, numbers, flags), static_argnums=2)

    def make(params):
        kept = [[jnp.zeros_like(as_array(p)) for p in params] for _ in range(states)]
        count = 0

        def step():
            nonlocal kept, count
            count += 1
            arrays = [[as_array(p) for p in params], *kept, [as_array(p.grad) for p in params]]
            new, *kept, _ = compiled(arrays, [jnp.float64(n) for n in numbers(count)], flags(count))
            with torch.no_grad():
                for param, value in zip(params, new, strict=True):
                    param.copy_(torch.from_numpy(np.array(value)))

        return step

    return make


def sgd_stepper(momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False):
    def numbers(count):
        return [LR, weight_decay, momentum, *((0.0, 1.0) if count == 1 else (momentum, 1 - dampening))]

    flags = _updates.SGDFlags(maximize, weight_decay != 0, momentum != 0, nesterov)
    return stepper(_updates.sgd, numbers, lambda count: flags, int(momentum != 0))


def adam_stepper(decoupled, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, amsgrad=False, maximize=False):
    def numbers(count):
        scale = LR / (1 - betas[0] ** count)
        decay = 1 - LR * weight_decay if decoupled else weight_decay
        return [decay, 1 - betas[0], betas[1], 1 - betas[1], scale, (1 - betas[1] ** count) ** 0.5, eps]

    decay = "none" if weight_decay == 0 else "parameter" if decoupled else "gradient"
    flags = _updates.AdamFlags(maximize, decay, amsgrad)
    return stepper(_updates.adam, numbers, lambda count: flags, 2 + amsgrad)


def worst(dtype, ours, optimizer, options):
    def theirs(params):
        return optimizer(params, lr=LR, **options).step

    wanted = losses(dtype, theirs)
    with jax.enable_x64(True):
        got = losses(dtype, ours)
    assert abs(wanted[-1] / wanted[0] - 1) > 1e-3, "nothing was learned, so nothing was compared"
    return np.max(np.abs(got - wanted) / np.abs(wanted))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
@pytest.mark.parametrize("options", SGD, ids=str)
def test_sgd(options, dtype):
    assert worst(dtype, sgd_stepper(**options), torch.optim.SGD, options) < (1e-12 if dtype is torch.float64 else 1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("options", ADAM, ids=str)
def test_adam(options, name, dtype):
    options = {"weight_decay": 0.0, **options}
    bound = 1e-12 if dtype is torch.float64 else 1e-6
    assert worst(dtype, adam_stepper(name == "AdamW", **options), getattr(torch.optim, name), options) < bound


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (sgd_stepper(momentum=0.9, nesterov=True), optax.sgd(LR, momentum=0.9, nesterov=True)),
        (adam_stepper(False), optax.adam(LR)),
        (adam_stepper(True, weight_decay=0.1), optax.adamw(LR, weight_decay=0.1)),
    ],
    ids=["sgd", "adam", "adamw"],
)
def test_optax_is_the_same_method(ours, theirs):
    """optax computes Adam's corrections in float32: hence the wider bound."""

    def make(params):
        state = theirs.init([as_array(p) for p in params])

        def step():
            nonlocal state
            arrays = [as_array(p) for p in params]
            updates, state = theirs.update([as_array(p.grad) for p in params], state, arrays)
            with torch.no_grad():
                for param, value in zip(params, optax.apply_updates(arrays, updates), strict=True):
                    param.copy_(torch.from_numpy(np.array(value)))

        return step

    wanted = losses(torch.float32, make)
    with jax.enable_x64(True):
        got = losses(torch.float32, ours)
    assert np.max(np.abs(got - wanted) / wanted) < 2e-5


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_types_are_rounded_once(dtype):
    """The same update computed in float32 from the same half numbers, rounded at the end."""
    draws = np.random.default_rng(0)
    tensors = [[jnp.asarray(draws.random((4, 5)), dtype)] for _ in range(4)]
    numbers = [jnp.float32(n) for n in (0.0, 0.1, 0.999, 0.001, 0.01, 0.03, 1e-8)]
    flags = _updates.AdamFlags(False, "none", False)
    got = _updates.adam(tensors, numbers, flags)
    wanted = _updates.adam([[a.astype("float32") for a in kind] for kind in tensors], numbers, flags)
    for one, other in zip(got, wanted, strict=True):
        if one is not None:
            assert one[0].dtype == dtype
            np.testing.assert_array_equal(one[0], other[0].astype(dtype))
