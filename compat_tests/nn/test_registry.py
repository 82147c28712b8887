"""Module: registering, attributes, finding, listing, converting, printing; the same as torch, sentences included."""

import copy
import pickle

from compat_tests.harness.same import assert_same, attempt, each_program


def _tables(module):
    own = sorted(k for k in module.__dict__ if not k.startswith("_"))
    return own, list(module._parameters), list(module._buffers), list(module._modules)


def before_init(torch):
    def assign(value):
        return attempt(setattr, torch.nn.Module.__new__(torch.nn.Module), "a", value)

    class Calls(torch.nn.Module):
        def __init__(self, method, value):
            getattr(self, method)("a", value)

    values = [torch.nn.Parameter(torch.zeros(1)), torch.nn.ReLU(), torch.nn.Buffer(torch.zeros(1)), 3]
    methods = [("register_buffer", torch.zeros(1)), ("register_parameter", None), ("register_module", None)]
    return [assign(v) for v in values] + [attempt(Calls, *m) for m in methods]


def constructor_arguments(torch):
    nn = torch.nn
    calls = [lambda: nn.Module(foo=1), lambda: nn.Module(1), lambda: nn.Tanh(1, 2), lambda: nn.Tanh(a=2)]
    return [attempt(c) for c in calls]


def call_super_init(torch):
    seen = []

    class Mixin:
        def __init__(self, x, y=0):
            seen.append((x, y))

    class Both(torch.nn.Module, Mixin):
        call_super_init = True

    Both(1, y=2)
    return seen


def missing_forward_and_attribute(torch):
    nn = torch.nn

    class Broken(nn.Module):
        @property
        def bad(self):
            return self.nothing

    calls = [
        lambda: nn.Module()(1),
        lambda: nn.ModuleList()(1),
        lambda: nn.Linear(1, 1).foo,
        lambda: Broken().bad,
        lambda: nn.Module().get_extra_state(),
        lambda: nn.Module().set_extra_state(1),
    ]
    return [attempt(c) for c in calls]


def names(torch):
    nn = torch.nn
    results = []
    for name in (3, "a.b", "", "training", "weight", "forward", "x", "bias"):
        values = {
            "register_parameter": nn.Parameter(torch.zeros(2)),
            "register_buffer": torch.zeros(2),
            "register_module": nn.ReLU(),
            "add_module": nn.ReLU(),
        }
        for method, value in values.items():
            layer = nn.Linear(2, 2, bias=False)
            results.append((method, name, attempt(getattr(layer, method), name, value), _tables(layer)))
    return results


def values_of_the_wrong_kind(torch):
    nn = torch.nn
    p = nn.Parameter(torch.zeros(2))
    calls = [
        ("register_parameter", 3),
        ("register_parameter", torch.zeros(2)),
        ("register_parameter", p * 2),
        ("register_parameter", None),
        ("register_buffer", 3),
        ("register_buffer", None),
        ("register_module", 3),
        ("register_module", object),
        ("register_module", None),
    ]
    return [attempt(getattr(nn.Module(), method), "x", value) for method, value in calls]


def assignment(torch):
    nn = torch.nn
    values = {
        "tensor": lambda: torch.zeros(2, 2),
        "none": lambda: None,
        "number": lambda: 3,
        "module": lambda: nn.ReLU(),
        "parameter": lambda: nn.Parameter(torch.zeros(2)),
        "buffer": lambda: nn.Buffer(torch.zeros(2)),
        "volatile": lambda: nn.Buffer(torch.zeros(2), persistent=False),
    }
    results = []
    for what, make in values.items():
        for build, name in (
            (lambda: nn.Linear(2, 2), "weight"),
            (lambda: nn.Linear(2, 2), "in_features"),
            (lambda: nn.Linear(2, 2), "new"),
            (lambda: nn.Sequential(nn.ReLU()), "0"),
            (lambda: nn.BatchNorm1d(2), "running_mean"),
        ):
            module = build()
            result = attempt(setattr, module, name, make())
            results.append((what, name, result, _tables(module), module._non_persistent_buffers_set))
    return results


def deletion(torch):
    nn = torch.nn
    results = []
    for build, name in (
        (lambda: nn.Linear(2, 2), "weight"),
        (lambda: nn.Linear(2, 2), "nothing"),
        (lambda: nn.Linear(2, 2), "in_features"),
        (lambda: nn.BatchNorm1d(2), "running_mean"),
        (lambda: nn.Sequential(nn.ReLU()), "0"),
    ):
        module = build()
        results.append((attempt(delattr, module, name), _tables(module)))
    return results


def dotted_paths(torch):
    nn = torch.nn
    results = []
    paths = ["", "0", "0.weight", "0.foo", "0.foo.x", "0.weight.x", "1.running_mean", "1.weight", "x", "0.in_features"]
    for path in paths:
        net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        results += [attempt(f, path) for f in (net.get_parameter, net.get_buffer, net.get_submodule)]
        for strict in (False, True):
            net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
            results += [attempt(net.set_submodule, path, nn.ReLU(), strict), net]
    results.append(attempt(nn.Sequential().set_submodule, "a", 3))
    results.append(attempt(nn.Sequential().set_submodule, "a.b", nn.ReLU()))
    return results


def listing(torch):
    nn = torch.nn
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.Sequential(nn.BatchNorm1d(2), shared), nn.ModuleDict({"a": nn.ReLU()}))
    net.absent = None
    net[1].tied = shared.weight
    return [
        [n for n, _ in net.named_parameters()],
        [n for n, _ in net.named_parameters(prefix="p")],
        [n for n, _ in net.named_parameters(recurse=False)],
        [n for n, _ in net.named_parameters(remove_duplicate=False)],
        [n for n, _ in net.named_buffers(prefix="q")],
        [n for n, _ in net.named_buffers(remove_duplicate=False)],
        [n for n, _ in net.named_modules()],
        [n for n, _ in net.named_modules(prefix="m", remove_duplicate=False)],
        [n for n, _ in net.named_children()],
        [len(list(m)) for m in (net.parameters(), net.buffers(), net.children(), net.modules())],
        len(list(net.modules(remove_duplicate=False))),
    ]


def dir_has_the_names(torch):
    net = torch.nn.BatchNorm1d(2)
    names = dir(net)
    return [n in names for n in ("weight", "running_mean", "training", "forward", "0")], "0" in dir(
        torch.nn.Sequential(torch.nn.ReLU())
    )


def registration_hooks(torch):
    module = torch.nn.modules.module
    log = []

    def note(owner, name, value):
        log.append((type(owner).__name__, name, type(value).__name__))

    handles = [
        module.register_module_parameter_registration_hook(note),
        module.register_module_buffer_registration_hook(note),
        module.register_module_module_registration_hook(note),
    ]
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(1, 1, bias=False))
    net.act = torch.nn.ReLU()
    net[0].running_mean = torch.ones(2)
    for handle in handles:
        handle.remove()
    torch.nn.Linear(1, 1)
    return log


def registration_hook_replaces(torch):
    module = torch.nn.modules.module
    with module.register_module_module_registration_hook(lambda owner, name, value: torch.nn.Tanh()):
        return torch.nn.Sequential(torch.nn.ReLU())


def train_and_eval(torch):
    net = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Sequential(torch.nn.Dropout()))
    states = [[m.training for m in net.modules()]]
    net.eval()
    states.append([m.training for m in net.modules()])
    net[1].train()
    states.append([m.training for m in net.modules()])
    return states, attempt(net.train, 1), attempt(net.train, "x"), net.train() is net


def apply_order(torch):
    log = []
    net = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Sequential(torch.nn.Tanh()))
    same = net.apply(lambda m: log.append(type(m).__name__)) is net
    return log, same


def conversions(torch):
    nn = torch.nn

    def dtypes(convert):
        net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        net[0].weight.grad = torch.ones(2, 2)
        before = net[0].weight
        result = convert(net)
        kept = net[0].weight is before
        return [str(v.dtype) for v in result.state_dict().values()], str(net[0].weight.grad.dtype), kept, result is net

    other = torch.zeros(1, dtype=torch.float64)
    forms = [
        lambda m: m.double(),
        lambda m: m.half(),
        lambda m: m.bfloat16(),
        lambda m: m.double().float(),
        lambda m: m.cpu(),
        lambda m: m.type(torch.float64),
        lambda m: m.to(torch.float64),
        lambda m: m.to("cpu", torch.float64),
        lambda m: m.to(other),
        lambda m: m.to(dtype=torch.float64, device="cpu", non_blocking=True),
        lambda m: m.to(torch.float64, True),
        lambda m: m.to(None, torch.float64),
        lambda m: m.to(None),
        lambda m: m.to(tensor=other),
        lambda m: m.to(torch.device("cpu")),
        lambda m: m.to(),
    ]
    return [dtypes(form) for form in forms]


def conversion_errors(torch):
    forms = [
        lambda m: m.to(torch.int32),
        lambda m: m.to([3]),
        lambda m: m.to(foo=3),
        lambda m: m.to("cpu", torch.float64, True, False, 5),
        lambda m: m.to("cpu", copy=True),
        lambda m: m.to("foo"),
    ]
    return [attempt(form, torch.nn.Linear(1, 1)) for form in forms]


def to_complex_warns(torch):
    return str(torch.nn.Linear(1, 1).to(torch.complex64).weight.dtype)


def to_empty(torch):
    layer = torch.nn.BatchNorm1d(2).to_empty(device="cpu")
    return [(n, tuple(v.shape), str(v.dtype)) for n, v in layer.state_dict().items()]


def requires_grad_and_zero_grad(torch):
    layer = torch.nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    layer.zero_grad(set_to_none=False)
    zeros = [p.grad for p in layer.parameters()]
    layer.zero_grad()
    gone = [p.grad for p in layer.parameters()]
    layer.requires_grad_(False)
    return zeros, gone, [p.requires_grad for p in layer.parameters()]


def zero_grad_of_a_graph(torch):
    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.grad = layer.weight * 2
    layer.zero_grad(set_to_none=False)
    return layer.weight.grad.grad_fn is None, layer.weight.grad


def reprs(torch):
    nn = torch.nn

    class TwoLines(nn.Module):
        def extra_repr(self):
            return "x\ny"

    class Own(nn.Module):
        def __repr__(self):
            return "a\nb"

    full = TwoLines()
    full.act = nn.ReLU()
    one = nn.Linear(1, 1)
    one.act = nn.ReLU()
    with_none = nn.Sequential(nn.ReLU())
    with_none.absent = None
    with_none.register_module("nothing", None)
    return [TwoLines(), full, one, nn.Sequential(Own(), nn.Sequential(nn.Sequential())), nn.Module(), with_none]


def copies(torch):
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    net[1].tied = net[0].weight
    net[0].weight.grad = torch.ones(2, 2)
    twin = copy.deepcopy(net)
    twin[0].weight.data.zero_()
    return (
        net.state_dict(),
        twin.state_dict(),
        twin[1].tied is twin[0].weight,
        twin[0].weight.grad is None,
        [type(p).__name__ for p in twin.parameters()],
        [p.requires_grad for p in twin.parameters()],
    )


def shallow_copy_shares_tables(torch):
    layer = torch.nn.Linear(1, 1)
    twin = copy.copy(layer)
    return twin._parameters is layer._parameters, twin.weight is layer.weight


def pickled(torch):
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.3)).eval()
    back = pickle.loads(pickle.dumps(net))
    return back, back.state_dict(), back.training, back(torch.zeros(1, 2)).shape


def state_without_newer_tables(torch):
    layer = torch.nn.Linear(1, 1)
    state = layer.__getstate__()
    for table in ("_forward_pre_hooks", "_state_dict_hooks", "_non_persistent_buffers_set"):
        del state[table]
    old = torch.nn.Linear.__new__(torch.nn.Linear)
    old.__setstate__(state)
    return old, old(torch.zeros(1, 1)).shape, list(old.state_dict())


def hash_and_equality(torch):
    a, b = torch.nn.ReLU(), torch.nn.ReLU()
    return len({a, b}), a == b, a == a


def instance_forward(torch):
    layer = torch.nn.ReLU()
    layer.forward = lambda x: x * 3
    return layer(torch.ones(1))


@each_program(globals())
def test_same_as_torch(program):
    assert_same(program)
