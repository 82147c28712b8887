"""Parameter and Buffer as in torch."""

import copy
import pickle

from compat_tests.harness.same import assert_same, attempt, each_program


def construction(torch):
    nn = torch.nn
    calls = [
        lambda: nn.Parameter(),
        lambda: nn.Parameter(None),
        lambda: nn.Parameter(torch.zeros(2)),
        lambda: nn.Parameter(torch.zeros(2), False),
        lambda: nn.Parameter(torch.zeros(2), requires_grad=False),
        lambda: nn.Parameter(nn.Parameter(torch.ones(2))),
        lambda: nn.Parameter(torch.zeros(2, dtype=torch.int64)),
        lambda: nn.Parameter(torch.zeros(2, dtype=torch.int64), requires_grad=False),
        lambda: nn.Parameter(3),
        lambda: nn.Parameter([1.0]),
        lambda: nn.Buffer(),
        lambda: nn.Buffer(torch.ones(1), persistent=False).persistent,
    ]
    return [attempt(call) for call in calls], [repr(attempt(call)) for call in calls]


def types(torch):
    p, x = torch.nn.Parameter(torch.ones(2)), torch.ones(2)
    b = torch.nn.Buffer(torch.ones(2))
    made = [p * 2, p.detach(), p.data, p.clone(), copy.deepcopy(p), copy.copy(p), b, p[0], p.double(), p.view(2, 1)]
    kinds = [torch.nn.Parameter, torch.nn.Buffer, torch.Tensor]
    return [type(v).__name__ for v in made], [[isinstance(v, kind) for kind in kinds] for v in (p, x, b)]


def shares_its_data(torch):
    x = torch.zeros(2)
    p = torch.nn.Parameter(x)
    x.add_(1)
    return p, p.is_leaf, torch.nn.Parameter(p * 2).is_leaf


def copies(torch):
    p = torch.nn.Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    twin = copy.deepcopy([p, p])
    return twin, twin[0] is twin[1], twin[0].grad


def pickles(torch):
    p = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    p.note = 3
    back = pickle.loads(pickle.dumps(p))
    return back, back.note


def gradients(torch):
    p = torch.nn.Parameter(torch.ones(2))
    (p * 3).sum().backward()
    with torch.no_grad():
        p -= p.grad
    return p, p.grad


@each_program(globals())
def test_same_as_torch(program):
    assert_same(program)
