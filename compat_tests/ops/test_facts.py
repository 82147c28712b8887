"""Questions about tensors: answers and refusals."""

import pytest

from compat_tests.harness.same import assert_same, attempt

FACTS = (
    "is_floating_point is_complex is_signed is_conj is_neg is_inference is_nonzero get_device numel is_distributed "
    "is_tensor is_storage typename"
).split()


class Outer:
    class Inner:
        pass


@pytest.mark.parametrize("name", FACTS)
def test_of_one_value(name):
    def run(torch):
        kinds = [getattr(torch, kind) for kind in ("float32", "int32", "bool", "complex64")]
        tensors = [torch.ones(shape, dtype=kind) for kind in kinds for shape in ((2,), (1,), (), (0, 3))]
        function = getattr(torch, name)
        return [attempt(function, value) for value in (*tensors, 3, "a", None)]

    assert_same(run)


@pytest.mark.parametrize("name", [name for name in FACTS if name not in ("is_tensor", "is_storage", "typename")])
def test_as_method(name):
    assert_same(lambda torch: getattr(torch.ones(1), name)())


def test_typename():
    def run(torch):
        layer = torch.nn.Linear(1, 1)
        values = (layer, type(layer), layer.weight, torch.nn.Parameter, int, len, OSError, Outer, Outer.Inner(), run)
        return [torch.typename(value) for value in values]

    assert_same(run)


def test_of_two_values():
    def run(torch):
        x, y, z = torch.ones(2), torch.ones(3, dtype=torch.int32), torch.tensor(1.5, dtype=torch.float64)
        pairs = [(x, 3), (3, x), (3.0, y), (x, y), (z, y), (z, x), (1, 2), (1, 2.0), (1j, y), (True, y)]
        refused = [(1, "a"), (None, x), (x, None), ("a", "b")]
        types = [attempt(torch.result_type, *pair) for pair in pairs + refused]
        return types, x.is_same_size(y), x.is_same_size(y[:2]), attempt(torch.is_same_size, x, 3), x.nelement()

    assert_same(run)


def test_devices():
    names = "is_cpu is_cuda is_meta is_mps is_xpu is_sparse is_quantized is_mkldnn is_nested".split()
    assert_same(lambda torch: [getattr(torch.ones(2), name) for name in names])
