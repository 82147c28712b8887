"""Clipping gradients, parameters as a vector: as in torch."""

from compat_tests.harness.same import assert_same, attempt, each_program


def _parameters(torch):
    """Three parameters, the last without a gradient; norms that are exact."""
    a, b, c = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    a.grad, b.grad = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 1.5])
    return [a, b, c]


def clip_by_norm(torch):
    results = []
    for norm_type, max_norm in ((2.0, 1.25), (1, 1.75), (float("inf"), 0.5), (2.0, 100.0)):
        ps = _parameters(torch)
        total = torch.nn.utils.clip_grad_norm_((p for p in ps), max_norm, norm_type)
        results.append((total, [p.grad for p in ps]))
    return results


def clip_one_tensor(torch):
    p = _parameters(torch)[0]
    return torch.nn.utils.clip_grad_norm_(p, 1.0), p.grad


def clip_nothing(torch):
    utils = torch.nn.utils
    given = [[torch.nn.Parameter(torch.zeros(1))], [], iter([]), (p for p in [])]
    return [utils.clip_grad_norm_(parameters, 1.0) for parameters in given]


def not_finite(torch):
    def run(strict):
        p = torch.nn.Parameter(torch.zeros(1))
        p.grad = torch.tensor([float("inf")])
        total = torch.nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=strict)
        return total, repr(p.grad.tolist())

    return attempt(run, True), attempt(run, False)


def older_name(torch):
    return torch.nn.utils.clip_grad_norm(_parameters(torch), 100.0)


def clip_by_value(torch):
    ps = _parameters(torch)
    result = torch.nn.utils.clip_grad_value_(ps, 1)
    return result, [p.grad for p in ps]


def total_norm_and_scaling(torch):
    ps = _parameters(torch)
    total = torch.nn.utils.get_total_norm([p.grad for p in ps[:2]])
    torch.nn.utils.clip_grads_with_norm_(ps, 1.25, total)
    return total, [p.grad for p in ps], torch.nn.utils.get_total_norm([])


def vectors(torch):
    net = torch.nn.Linear(2, 2)
    vector = torch.nn.utils.parameters_to_vector(net.parameters())
    torch.nn.utils.vector_to_parameters(torch.arange(6.0), net.parameters())
    wrong = attempt(torch.nn.utils.vector_to_parameters, [1.0], net.parameters())
    return vector, list(net.parameters()), wrong


def vector_gradient(torch):
    net = torch.nn.Linear(2, 1)
    torch.nn.utils.parameters_to_vector(net.parameters()).pow(2).sum().backward()
    return [(p.grad / p).round() for p in net.parameters()]


def skipped_init(torch):
    layer = torch.nn.utils.skip_init(torch.nn.Linear, 3, 2)
    facts = tuple(layer.weight.shape), str(layer.weight.device), layer.weight.requires_grad
    return layer, facts, torch.rand(2), attempt(torch.nn.utils.skip_init, int)


@each_program(globals())
def test_same_as_torch(program):
    assert_same(program)
