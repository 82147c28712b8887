"""The meta device, against real torch: shapes, dtypes and strides without data, and its refusals word for word."""

import copy
import io
import warnings

import pytest
import torch

import jtorch
from compat_tests.harness.convert import ToJtorch, dtype_to_jtorch
from compat_tests.harness.opdb import entries
from compat_tests.harness.same import assert_same
from compat_tests.programs import meta_model
from compat_tests.programs.runs import python

MADE = """zeros(2,3) ones(2) empty(2,3) full((2,),3) arange(5) linspace(0,1,5) eye(3) rand(2) randn(2,3) randint(9,(2,))
randperm(4) tensor([1,2]) tensor([[1.5]]) empty_strided((2,3),(1,2)) hann_window(4) tril_indices(3,3)""".split()
DONE = (
    "m + 1, m.sum(), m @ m.T, m.T.stride(), m[0], m[[0]], m[torch.tensor([0, 1])], m.max(), m.to(torch.int64)",
    "m.is_meta, m.device, m.get_device(), m.stride(), m.type(), m.data_ptr(), m.untyped_storage(), m.layout, len(m)",
    "torch.linalg.svd(m), torch.cat([m, m]), torch.stack([m, m]), m.sort(), F.softmax(m, 0), torch.isclose(m, m)",
    "torch.rand_like(m), torch.empty_like(c, device='meta'), m.uniform_(), m.normal_(), m.bernoulli_()",
    "torch.multinomial(m, 2), torch.bernoulli(m), torch.normal(m, m), F.dropout(m)",
    "m.copy_(c), m.add_(1), m.zero_(), c.to('meta'), torch.as_tensor(c, device='meta'), m.clone()",
    "F.linear(m, torch.ones(4, 3, device='meta')), F.conv1d(m[None], m[None]), F.embedding(torch.tensor([1]), m)",
    "torch.nn.Parameter(m)",
    "[p.grad for p in trained()]",
)
REFUSED = (
    "m.sum().item()", "m.tolist()", "m.numpy()", "m.cpu()", "m.to('cpu')", "bool(m.sum())", "float(m.sum())",
    "int(m.sum())", "c.copy_(m)", "m + c", "c + m", "torch.allclose(m, m)", "torch.is_nonzero(m.sum())",
    "F.mse_loss(m, c)", "torch.where(m > 0, c, m)", "torch.Generator(device='meta')", "c + m.sum()",
)  # fmt: skip
NO_DATA = "m.nonzero(); m[m > 0]; m.unique(); torch.bincount(m[0].long())".split("; ")


def names(lib):
    def trained():
        with lib.device("meta"):
            model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.ReLU(), lib.nn.Linear(4, 1))
        model(lib.ones(2, 3, device="meta")).sum().backward()
        return model.parameters()

    return {"torch": lib, "F": lib.nn.functional, "trained": trained, "m": lib.ones(2, 3, device="meta"),
            "c": lib.ones(2, 3)}  # fmt: skip


@pytest.mark.parametrize("call", MADE)
def test_made(call):
    def program(torch):
        with torch.device("meta"):
            inside = eval(f"torch.{call}", {"torch": torch})
        named = eval(f"torch.{call[:-1]}, device='meta')", {"torch": torch})
        return repr(inside), repr(named), inside.stride()

    assert_same(program)


@pytest.mark.parametrize("expressions", DONE)
def test_done(expressions):
    assert_same(lambda torch: repr(eval(expressions, names(torch))))


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression):
    assert_same(lambda torch: eval(expression, names(torch)))


@pytest.mark.parametrize("expression", NO_DATA)
def test_what_depends_on_values(expression):
    with pytest.raises(NotImplementedError):
        eval(expression, names(torch))
    with pytest.raises(NotImplementedError, match=r"^Cannot copy out of meta tensor; no data!$"):
        eval(expression, names(jtorch))


def test_draws_nothing():
    def program(torch):
        torch.manual_seed(0)
        with torch.device("meta"):
            torch.nn.Linear(5, 5)
            torch.rand(3)
        return torch.rand(2).tolist()

    assert_same(program)


def test_files_and_copies():
    def program(torch):
        m, file = torch.ones(2, 3, device="meta").T, io.BytesIO()
        torch.save(m, file)
        file.seek(0)
        return [(repr(t), t.stride()) for t in (torch.load(file), copy.deepcopy(m), copy.copy(m))]

    assert_same(program)


def test_modules():
    def program(torch):
        with torch.device("meta"):
            model = torch.nn.Linear(2, 3)
        real = torch.nn.Linear(2, 3)
        seen = [str(model.weight), str(copy.deepcopy(model).to_empty(device="cpu").weight.shape)]
        for step in (lambda: model.to("cpu"), lambda: real.to("meta").weight.device.type,
                     lambda: model.load_state_dict(torch.nn.Linear(2, 3).state_dict(), assign=True),
                     lambda: model.weight.device):  # fmt: skip
            try:
                seen.append(str(step()))
            except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
                seen.append((type(error).__name__, str(error)))
        return seen

    assert_same(program)


def flat(value):
    if isinstance(value, (torch.Tensor, jtorch.Tensor)):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in flat(item)]
    return [t for item in value.values() for t in flat(item)] if isinstance(value, dict) else []


def on_meta(value):
    if isinstance(value, jtorch.Tensor):
        return value.to("meta")
    if isinstance(value, dict):
        return {key: on_meta(item) for key, item in value.items()}
    return type(value)(map(on_meta, value)) if type(value) in (list, tuple) else value


# They look at values, or make their result on the device they are told.
OTHERS = set(
    """allclose bincount cholesky_inverse equal istft item masked_scatter masked_select nonzero argwhere
    masked.median nn.functional.one_hot repeat_interleave tensor_split to to_sparse unique unique_consecutive
    sparse.sampled_addmm sparse.mm.reduce tril_indices triu_indices""".split()
)


@pytest.mark.parametrize("part", range(3))
def test_database(part):
    """The first sample of every third entry: the shapes that torch computes, without computing."""
    done = 0
    for name, entry in list(entries().items())[part::9]:
        if name in OTHERS:
            continue
        kind = torch.float32 if torch.float32 in entry.dtypes() else sorted(entry.dtypes(), key=str)[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sample = next(iter(entry.samples(kind, False)), None)
            if sample is None:
                continue
            expected = entry.torch_op(*sample.args, **sample.kwargs)
            converted = ToJtorch()
            args, kwargs = on_meta(converted(sample.args)), on_meta(converted(sample.kwargs))
            if "device" in kwargs:
                kwargs["device"] = "meta"
            found = entry.jtorch_op(*args, **kwargs)
        for got, wanted in zip(flat(found), flat(expected), strict=True):
            if wanted.layout is torch.strided:
                assert got.is_meta and tuple(got.shape) == tuple(wanted.shape), name
                assert got.dtype == dtype_to_jtorch(wanted.dtype), name
                done += 1
    assert done > 60


def test_a_model_of_70_billion_parameters():
    printed = python("-m", "compat_tests.programs.meta_model")
    assert printed.startswith("723 tensors")
    assert meta_model.PARAMETERS > 70e9
