"""Modules that find their sizes from the first input, and the few other modules of their own file."""

import copy
import pickle

import pytest

from compat_tests.harness.same import assert_same, attempt

MODULES = {
    "LazyLinear": ((3,), (2, 4)),
    "LazyConv1d": ((4, 3), (2, 3, 8)),
    "LazyConv2d": ((4, 3), (3, 8, 8)),
    "LazyConv3d": ((2, 2), (1, 3, 4, 4, 4)),
    "LazyConvTranspose1d": ((4, 3), (2, 3, 8)),
    "LazyConvTranspose2d": ((4, 3), (2, 3, 5, 5)),
    "LazyConvTranspose3d": ((2, 2), (1, 3, 3, 3, 3)),
    "LazyBatchNorm1d": ((), (4, 3)),
    "LazyBatchNorm2d": ((), (2, 3, 4, 4)),
    "LazyBatchNorm3d": ((), (2, 3, 2, 2, 2)),
    "LazyInstanceNorm1d": ((), (2, 3, 5)),
    "LazyInstanceNorm2d": ((), (2, 3, 4, 4)),
    "LazyInstanceNorm3d": ((), (2, 3, 2, 2, 2)),
}


@pytest.mark.parametrize("name", MODULES)
def test_first_call(name):
    def run(torch):
        arguments, shape = MODULES[name]
        module = getattr(torch.nn, name)(*arguments)
        before = repr(module), module.has_uninitialized_params(), [repr(one) for one in module.state_dict().values()]
        result = module(torch.randn(shape))
        return before, repr(module), type(module).__name__, result, list(module.state_dict().items())

    assert_same(run, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_wrong_input(name):
    assert_same(lambda torch: attempt(getattr(torch.nn, name)(*MODULES[name][0]), torch.ones(())))


def test_state_dicts():
    def run(torch):
        lazy, full = torch.nn.LazyLinear(3), torch.nn.Linear(2, 3)
        both = torch.nn.LazyLinear(3)
        both.load_state_dict(torch.nn.LazyLinear(3).state_dict())
        refused = attempt(full.load_state_dict, both.state_dict())
        lazy.load_state_dict(full.state_dict())
        return repr(both), refused, repr(lazy), lazy(torch.ones(1, 2)), repr(lazy)

    assert_same(run, rtol=1e-6)


def test_parameters_without_a_shape():
    def run(torch):
        p = torch.nn.LazyLinear(3).weight
        asked = [attempt(lambda: p + 1), attempt(lambda: p.shape), attempt(p.numel)]
        kept = p.dtype, str(p.device), p.requires_grad, repr(p), repr(copy.deepcopy(p)), repr(p.double().dtype)
        again = pickle.loads(pickle.dumps(p))
        again.materialize((2, 2))
        return asked, kept, repr(again.shape), type(again).__name__, again.requires_grad

    assert_same(run)


def test_copies_and_optimizers():
    def run(torch):
        module = copy.deepcopy(torch.nn.Sequential(torch.nn.LazyLinear(2), torch.nn.ReLU()))
        module(torch.ones(1, 3))
        torch.optim.SGD(module.parameters(), 0.1).step()
        return repr(module), list(module.parameters())

    assert_same(run)


def test_adaptive_softmax():
    def run(torch):
        module = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 10, [3, 6], div_value=2.0, head_bias=True)
        x, target = torch.randn(6, 8, requires_grad=True), torch.tensor([0, 2, 3, 5, 6, 9])
        output, loss = module(x, target)
        loss.backward()
        single = module(torch.ones(8), torch.tensor(4))
        wrong = [
            attempt(module, x, target + 5),
            attempt(module, x, target[:2]),
            attempt(module, torch.ones(8), target[:1]),
            attempt(module, x, torch.ones(2, 2, dtype=torch.long)),
            attempt(torch.nn.AdaptiveLogSoftmaxWithLoss, 8, 10, [6, 3]),
        ]
        grads = [p.grad for p in module.parameters()]
        found = output, loss, x.grad, grads, module.log_prob(x), module.predict(x), single.output, single.loss
        return *found, wrong, repr(module)

    assert_same(run, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 20])
def test_cross_map_normalization(size):
    def run(torch):
        module = torch.nn.CrossMapLRN2d(size, alpha=0.5, beta=0.6, k=2)
        x = torch.randn(2, 6, 3, 3, requires_grad=True)
        y = module(x)
        gradient = attempt(torch.autograd.grad, y, x, torch.randn(2, 6, 3, 3))
        wrong = [
            attempt(torch.autograd.grad, module(x).sum(), x, create_graph=True),
            attempt(module, torch.ones(2, 2)),
            attempt(module, torch.ones(1, 2, 2, 2, dtype=torch.int64)),
            attempt(torch.nn.CrossMapLRN2d(0), x),
        ]
        plain = attempt(torch.autograd.grad, torch.nn.CrossMapLRN2d(size)(x * 9).sum(), x)
        return y, gradient, plain, y.grad_fn.name(), repr(module), wrong

    assert_same(run, rtol=1e-5, atol=1e-6)


def test_linear_cross_entropy():
    def run(torch):
        loss = torch.nn.LinearCrossEntropyLoss(5, 10, out_features=(4, 3), bias=True)
        x = torch.randn(2, 5, requires_grad=True)
        found = loss(x, torch.randint(0, 10, (2, 4, 3)))
        found.backward()
        soft = torch.nn.LinearCrossEntropyLoss(5, 10, label_smoothing=0.1, reduction="sum")
        return found, x.grad, repr(loss), soft(x, torch.randn(2, 10).softmax(1)), list(loss.state_dict())

    assert_same(run, rtol=1e-4, atol=1e-5)


def test_norms_over_processes():
    def run(torch):
        module = torch.nn.SyncBatchNorm(3)
        model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3, affine=False))
        made = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        x = torch.randn(4, 3)
        return module(x), attempt(module, x[0]), repr(made), list(module.state_dict().items()), made(x[:, :2])

    assert_same(run, rtol=1e-5, atol=1e-6)
