"""torch.compile: results are eager's, Python runs once for what a guard lets through, every guard can be flipped."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.compiled import counted
from jtorch._engine.tape import settings
from jtorch.nn import functional as F

pytestmark = [
    # torch's compiler, imported at the first use, uses what Python deprecates.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(
        settings.eager or settings.tier == "op", reason="run op by op, compiled functions are called as they are"
    ),
]
FACTOR = 2.0


def double(x):
    return x + x


def values(t):
    return t.detach().tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "unheard-of"},
        {"mode": "default", "options": {"max_autotune": True}},
        {"dynamic": "yes"},
        {"backend": "unheard-of"},
    ],
    ids=str,
)
def test_wrong_options(options):
    with pytest.raises((RuntimeError, AssertionError)) as theirs:
        torch.compile(double, **options)
    with pytest.raises((RuntimeError, AssertionError)) as ours:
        jtorch.compile(double, **options)
    assert str(ours.value) == str(theirs.value)
    assert issubclass(theirs.type, ours.type)


@pytest.mark.parametrize("make", [lambda lib: lib.compile(3), lambda lib: lib.compile(mode="default")(3)])
def test_not_callable(make):
    with pytest.raises(AssertionError) as theirs:
        make(torch)
    with pytest.raises(AssertionError) as ours:
        make(jtorch)
    assert str(ours.value) == str(theirs.value)


def test_backend_of_ones_own():
    with pytest.raises(NotImplementedError, match="backend"):
        jtorch.compile(double, backend=lambda graph, inputs: graph)


# ---- guards ---------------------------------------------------------------------------------------------------------


def runs_of(fn, calls):
    """How often Python ran, for calls that are each made twice, and their results."""
    fn, runs = counted(fn)
    compiled = jtorch.compile(fn)
    results = []
    for call in calls:
        results.append(call(compiled))
        again = call(compiled)
        assert values(again) == values(results[-1])
    return runs(), results


def test_shape():
    sizes = [2, 3, 2]
    runs, results = runs_of(double, [lambda f, n=n: f(jtorch.ones(n)) for n in sizes])
    assert runs == 2
    assert [len(r) for r in results] == [2, 3, 2]


def test_dtype():
    runs, results = runs_of(double, [lambda f: f(jtorch.ones(2)), lambda f: f(jtorch.ones(2, dtype=jtorch.int64))])
    assert runs == 2
    assert [r.dtype for r in results] == [jtorch.float32, jtorch.int64]


def test_python_number():
    runs, results = runs_of(lambda x, n: x * n, [lambda f: f(jtorch.ones(1), 2.0), lambda f: f(jtorch.ones(1), 3.0),
                                                 lambda f: f(jtorch.ones(1), n=3)])  # fmt: skip
    assert runs == 3
    assert [values(r) for r in results] == [[2.0], [3.0], [3.0]]


def test_requires_grad():
    runs, results = runs_of(double, [lambda f: f(jtorch.ones(1)), lambda f: f(jtorch.ones(1, requires_grad=True))])
    assert runs == 2
    assert [r.requires_grad for r in results] == [False, True]


def test_grad_mode():
    x = jtorch.ones(1, requires_grad=True)

    def without(f):
        with jtorch.no_grad():
            return f(x)

    runs, results = runs_of(double, [lambda f: f(x), without])
    assert runs == 2
    assert [r.requires_grad for r in results] == [True, False]


def test_train_and_eval():
    layer = jtorch.nn.Dropout(0.5)
    fn, runs = counted(lambda x: layer(x))
    compiled = jtorch.compile(fn)
    for mode, expected in ((True, 1), (False, 2), (True, 2)):
        layer.train(mode)
        for _ in range(2):
            kept = compiled(jtorch.ones(100)).sum().item()
        assert (kept == 100) is not mode
        assert runs() == expected


def test_module_attribute():
    class Scaled(jtorch.nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = 2

        def forward(self, x):
            return x * self.factor

    module = Scaled()
    fn, runs = counted(module)
    compiled = jtorch.compile(fn)
    assert values(compiled(jtorch.ones(1))) == values(compiled(jtorch.ones(1))) == [2.0]
    module.factor = 3
    assert values(compiled(jtorch.ones(1))) == values(compiled(jtorch.ones(1))) == [3.0]
    assert runs() == 2


def test_replaced_parameter_and_child():
    net = jtorch.nn.Sequential(jtorch.nn.Linear(1, 1, bias=False))
    compiled = jtorch.compile(lambda x: net(x))
    with jtorch.no_grad():
        net[0].weight.fill_(2)
        assert values(compiled(jtorch.ones(1))) == values(compiled(jtorch.ones(1))) == [2.0]
        net[0].weight.fill_(3)  # data, not structure
        assert values(compiled(jtorch.ones(1))) == [3.0]
        net[0].weight = jtorch.nn.Parameter(jtorch.full((1, 1), 4.0))
        assert values(compiled(jtorch.ones(1))) == [4.0]
        net.append(jtorch.nn.ReLU())
        assert values(compiled(-jtorch.ones(1))) == [0.0]


def test_global(monkeypatch):
    fn, runs = counted(lambda x: x * FACTOR)
    compiled = jtorch.compile(fn)
    assert values(compiled(jtorch.ones(1))) == values(compiled(jtorch.ones(1))) == [2.0]
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert values(compiled(jtorch.ones(1))) == values(compiled(jtorch.ones(1))) == [5.0]
    assert runs() == 2


def test_closure_and_objects():
    class Config:
        factor = 2.0

    config, shift = Config(), 1.0
    options = {"sign": [1]}

    def fn(x):
        return x * config.factor * options["sign"][0] + shift

    fn, runs = counted(fn)
    compiled = jtorch.compile(fn)
    one = jtorch.ones(1)
    assert values(compiled(one)) == values(compiled(one)) == [3.0]
    config.factor = 4.0
    assert values(compiled(one)) == [5.0]
    options["sign"][0] = -1
    assert values(compiled(one)) == [-3.0]
    shift = 2.0
    assert values(compiled(one)) == values(compiled(one)) == [-2.0]
    assert runs() == 4


def test_hook_registered_later():
    layer = jtorch.nn.Identity()
    compiled = jtorch.compile(lambda x: layer(x) + 0)
    assert values(compiled(jtorch.ones(1))) == values(compiled(jtorch.ones(1))) == [1.0]
    handle = layer.register_forward_hook(lambda module, args, out: out * 7)
    assert values(compiled(jtorch.ones(1))) == values(compiled(jtorch.ones(1))) == [7.0]
    handle.remove()
    assert values(compiled(jtorch.ones(1))) == [1.0]


def test_default_dtype():
    compiled = jtorch.compile(lambda: jtorch.ones(1))
    assert compiled().dtype is compiled().dtype is jtorch.float32
    jtorch.set_default_dtype(jtorch.float64)
    try:
        assert compiled().dtype is jtorch.float64
    finally:
        jtorch.set_default_dtype(jtorch.float32)


# ---- training -------------------------------------------------------------------------------------------------------


def network():
    jtorch.manual_seed(0)
    nn = jtorch.nn
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(144, 10)
    )


OPTIMIZERS = {
    "sgd": lambda params: jtorch.optim.SGD(params, lr=0.1),
    "momentum": lambda params: jtorch.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda params: jtorch.optim.Adam(params, lr=1e-2),
    "adamw": lambda params: jtorch.optim.AdamW(params, lr=1e-2),
}


def train(make, how, steps=6, set_to_none=True):
    """Losses, statistics and weights of some steps of training, with what `how` says compiled."""
    model = network()
    optimizer = OPTIMIZERS[make](model.parameters())
    scheduler = jtorch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    forward = jtorch.compile(model) if how == "model" else model

    def step(x, y):
        optimizer.zero_grad(set_to_none=set_to_none)
        loss = F.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step, runs = counted(step)
    if how == "step":
        step = jtorch.compile(step)
    seen = []
    for _ in range(steps):
        x, y = jtorch.randn(8, 1, 8, 8), jtorch.randint(10, (8,))
        seen.append(step(x, y).item())
        scheduler.step()
    return seen, [t.double().sum().item() for t in model.state_dict().values()], runs()


@pytest.mark.parametrize("how", ["model", "step"])
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_training(make, how):
    losses, state, _ = train(make, "eager")
    compiled, compiled_state, runs = train(make, how)
    assert compiled == pytest.approx(losses, rel=1e-5)
    assert compiled_state == pytest.approx(state, rel=1e-4, abs=1e-4)
    if how == "step":
        assert runs <= 3  # the first step makes the optimizer's state, the second finds gradients there


def test_training_with_gradients_set_to_zero():
    losses, _, _ = train("sgd", "eager", set_to_none=False)
    compiled, _, runs = train("sgd", "step", set_to_none=False)
    assert compiled == pytest.approx(losses, rel=1e-5)
    assert runs <= 3


def test_gradients_accumulate():
    weight = jtorch.nn.Parameter(jtorch.ones(2))

    def step(x):
        (weight * x).sum().backward()

    compiled = jtorch.compile(step)
    for n in range(1, 6):
        compiled(jtorch.tensor([1.0, 2.0]))
        assert values(weight.grad) == [n, 2 * n]


def test_backward_through_a_compiled_function():
    def fn(x, w):
        hidden = (x * w).sin()
        return hidden.detach() * w + hidden, x * 2

    def gradients(f):
        x, w = jtorch.tensor([0.5, 2.0], requires_grad=True), jtorch.tensor([3.0, 4.0], requires_grad=True)
        first, second = f(x, w)
        (first.sum() * 3 + (second**2).sum()).backward()
        return values(x.grad) + values(w.grad)

    compiled = jtorch.compile(fn)
    assert gradients(compiled) == gradients(compiled) == gradients(fn)


def test_only_one_result_is_used():
    compiled = jtorch.compile(lambda x: (x * 2, x * 3))
    for _ in range(3):
        x = jtorch.ones(1, requires_grad=True)
        compiled(x)[1].backward()
        assert values(x.grad) == [3.0]


def test_non_leaf_argument_and_second_backward():
    compiled = jtorch.compile(lambda x: x * x)
    for _ in range(2):
        leaf = jtorch.tensor([3.0], requires_grad=True)
        out = compiled(leaf * 2)
        out.backward()
        assert values(leaf.grad) == [24.0]
    with pytest.raises(RuntimeError, match="second time"):
        out.backward()


def test_double_backward_is_refused():
    compiled = jtorch.compile(lambda x: x**3)
    for _ in range(2):
        x = jtorch.tensor([2.0], requires_grad=True)
        y = compiled(x)
    with pytest.raises(RuntimeError, match="double backward"):
        jtorch.autograd.grad(y, x, create_graph=True)


def test_recurrent_layer():
    """An op that keeps residuals of its loop."""
    cumulative = jtorch.compile(lambda x: x.cumsum(0).prod())
    for _ in range(2):
        x = jtorch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        cumulative(x).backward()
    assert values(x.grad) == pytest.approx([18 + 6 + 3, 6 + 3, 3])


# ---- random numbers, writes, results --------------------------------------------------------------------------------


def test_random_numbers_are_those_of_eager():
    def fn(x):
        return x + jtorch.rand(3) + F.dropout(x, 0.5) + jtorch.empty(3).normal_() + jtorch.randint(5, (3,))

    compiled = jtorch.compile(fn)
    jtorch.manual_seed(1)
    expected = [values(fn(jtorch.ones(3))) for _ in range(4)]
    jtorch.manual_seed(1)
    assert [values(compiled(jtorch.ones(3))) for _ in range(4)] == expected


def test_writes_into_arguments_and_buffers():
    total = jtorch.zeros(2)

    def fn(x):
        x.add_(1)
        total.add_(x)
        return x * 2

    compiled = jtorch.compile(fn)
    for n in range(1, 4):
        x = jtorch.ones(2)
        version = x._version
        assert values(compiled(x)) == [4.0, 4.0]
        assert values(x) == [2.0, 2.0]
        assert x._version > version
        assert values(total) == [2.0 * n] * 2


def test_write_into_a_view_of_the_callers():
    base = jtorch.zeros(2, 2)

    def fn(x):
        x.add_(1)

    compiled = jtorch.compile(fn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            compiled(base[0])
    assert values(base) == [[3.0, 3.0], [0.0, 0.0]]


def test_argument_of_numpy_memory():
    memory = np.ones(2, np.float32)
    x = jtorch.from_numpy(memory)
    fn, runs = counted(double)
    compiled = jtorch.compile(fn)
    for n in range(3):
        memory[:] = n
        assert values(compiled(x)) == [2 * n, 2 * n]
    assert runs() == 1


def test_structure_of_results():
    def fn(x, flags):
        return {"sum": x.sum(), "parts": (x, [x + 1, None, 3]), "same": x}

    compiled = jtorch.compile(fn)
    for _ in range(2):
        x = jtorch.ones(2)
        result = compiled(x, flags=(True, "text"))
        assert result["same"] is x
        assert result["parts"][0] is x
        assert values(result["parts"][1][0]) == [2.0, 2.0]
        assert result["parts"][1][1:] == [None, 3]
        assert result["sum"].item() == 2


def test_indices_are_checked_again():
    table = jtorch.nn.Embedding(4, 2)
    compiled = jtorch.compile(lambda i: table(i).sum())
    for _ in range(2):
        compiled(jtorch.tensor([0, 3]))
    with pytest.raises(IndexError):
        compiled(jtorch.tensor([0, 4]))


# ---- what cannot be compiled ----------------------------------------------------------------------------------------


def branches(x):
    return x * 2 if x.sum() > 0 else x - 1


def prints(x):
    print("called")
    return x + 1


def test_control_flow_on_values_says_so_once():
    compiled = jtorch.compile(branches)
    with pytest.warns(UserWarning, match=r"branches runs as eager code, because a value is needed .*:\d+\)"):
        assert values(compiled(jtorch.ones(1))) == [2.0]
    assert values(compiled(-jtorch.ones(1))) == [-2.0]  # a second warning would be an error here


@pytest.mark.parametrize("fn", [branches, prints, lambda x: x + x.sum().item(), lambda x: x * x.numpy().sum()])
def test_fullgraph(fn):
    with pytest.raises(jtorch._dynamo.exc.Unsupported):
        jtorch.compile(fn, fullgraph=True)(jtorch.ones(1))


def test_side_effects_stay(capsys):
    seen = []

    def fn(x):
        seen.append(x)
        return x + 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled, printing = jtorch.compile(fn), jtorch.compile(prints)
        for n in range(1, 12):
            compiled(jtorch.ones(1))
            printing(jtorch.ones(1))
            assert len(seen) == n
    assert capsys.readouterr().out == "called\n" * 11


def test_errors_are_the_functions_own():
    compiled = jtorch.compile(lambda x: x @ jtorch.ones(3, 3))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
            compiled(jtorch.ones(2, 2))
    assert values(compiled(jtorch.ones(1, 3))) == [[3.0] * 3]


def test_disable_and_stance():
    @jtorch.compiler.disable
    def inner(x):
        return x + 1

    fn, runs = counted(lambda x: inner(x) * 2)
    compiled = jtorch.compile(fn)
    with pytest.warns(UserWarning, match="disable"):
        assert values(compiled(jtorch.ones(1))) == [4.0]
    assert values(compiled(jtorch.ones(1))) == [4.0]
    assert runs() == 2
    fn, runs = counted(double)
    compiled = jtorch.compile(fn)
    with jtorch.compiler.set_stance("force_eager"):
        for _ in range(3):
            compiled(jtorch.ones(1))
    assert runs() == 3
    for _ in range(3):
        compiled(jtorch.ones(1))
    assert runs() == 4
    jtorch.compiler.reset()
    compiled(jtorch.ones(1))
    assert runs() == 5


def test_is_compiling():
    seen = []
    fn = jtorch.compile(lambda x: (seen.append(jtorch.compiler.is_compiling()), x)[1])
    fn(jtorch.ones(1))
    assert seen == [True]
    assert not jtorch.compiler.is_compiling()


# ---- modules --------------------------------------------------------------------------------------------------------


def test_compiled_module():
    ours, theirs = jtorch.nn.Sequential(jtorch.nn.Linear(2, 2)), torch.nn.Sequential(torch.nn.Linear(2, 2))
    compiled, reference = jtorch.compile(ours), torch.compile(theirs)
    assert list(compiled.state_dict()) == list(reference.state_dict())
    assert repr(compiled) == repr(reference)
    assert isinstance(compiled, jtorch.nn.Module)
    assert compiled._orig_mod is ours
    assert compiled.eval().training is ours.training is False
    for twin in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        assert values(twin(jtorch.ones(1, 2))) == values(compiled(jtorch.ones(1, 2)))


def test_module_compiled_in_place():
    layer = jtorch.nn.Linear(2, 2)
    expected = values(layer(jtorch.ones(1, 2)))
    layer.compile()
    for _ in range(3):
        assert values(layer(jtorch.ones(1, 2))) == expected
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert values(copy.deepcopy(layer)(jtorch.ones(1, 2))) == expected


def test_methods():
    class Model:
        def __init__(self, n):
            self.n = n

        @jtorch.compile
        def scaled(self, x):
            return x * self.n

    for n in (1, 2, 1):
        model = Model(n)
        assert values(model.scaled(jtorch.ones(1))) == values(model.scaled(jtorch.ones(1))) == [n]
