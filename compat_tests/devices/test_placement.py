"""Tensors on an accelerator: moves, operands on several devices in torch's words, files, gradients."""

import copy
import io
import pickle

import pytest

import jtorch as torch

F = torch.nn.functional


@pytest.fixture
def there(device):
    return torch.arange(6.0, device=device).view(2, 3)


@pytest.fixture
def here():
    return torch.arange(6.0).view(2, 3)


def raises(sentence):
    return pytest.raises(RuntimeError, match=f"^{sentence}$")


def two(one, other):
    return raises(f"Expected all tensors to be on the same device, but found at least two devices, {one} and {other}!")


def argument(name, found, expected, method):
    return raises(
        f"Expected all tensors to be on the same device, but got {name} is on {found}, different from other tensors on "
        rf"{expected} \(when checking argument in method {method}\)"
    )


# Moves


def test_by_type(device, here):
    if device != "cuda":
        pytest.skip("only CUDA's tensors have types of their own")
    for kind in ("torch.cuda.DoubleTensor", torch.cuda.DoubleTensor):
        moved = here.type(kind)
        assert (moved.device.type, moved.dtype, moved.type()) == ("cuda", torch.float64, "torch.cuda.DoubleTensor")
    back = moved.type("torch.FloatTensor")
    assert (back.device.type, back.tolist()) == ("cpu", here.tolist())
    assert moved.type(torch.float32).device == moved.device
    assert here.to(device).type(torch.LongTensor).device.type == "cpu"


def test_strides_come_along(device, here):
    cube = torch.arange(24.0).view(2, 3, 4)
    image = torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last)
    for x in (here.t(), here.t() * 2, cube.permute(2, 0, 1), image):
        assert (
            x.to(device).stride() == x.to(device, torch.float64).stride() == x.to(device).cpu().stride() == x.stride()
        )
        assert x.to(device, memory_format=torch.contiguous_format).is_contiguous()
    assert cube[:, ::2].to(device).stride() == (8, 4, 1)
    assert torch.ones(1, 3).expand(2, 3).to(device).stride() == (3, 1)


def test_to_in_all_its_forms(there, here, device, first):
    for moved in (
        here.to(device), here.to(torch.device(device)), here.to(device=device), here.to(there), here.to(first),
        here.to(device, torch.float32), here.to(device, non_blocking=True), there.to(0), here.to(other_of(there)),
    ):  # fmt: skip
        assert str(moved.device) == first
        assert moved.tolist() == here.tolist()
    assert there.to(device) is there
    assert there.to(device, copy=True) is not there
    assert there.cpu().device == torch.device("cpu")
    assert here.to(device, torch.int64).dtype is torch.int64
    assert here.t().to(device).stride() == (1, 3)


def other_of(t):
    return t.device


def test_a_move_is_a_copy(there, here, device):
    moved = here.to(device)
    here.zero_()
    assert moved.sum().item() == 15
    back = there.cpu()
    there.zero_()
    assert back.sum().item() == 15


def test_facts(there, device, first):
    assert there.get_device() == 0
    assert there.is_cuda == (device == "cuda") and not there.is_cpu and not there.is_meta
    assert str(there.device) == first
    assert there.data_ptr() > 0
    assert repr(there[0]) == f"tensor([0., 1., 2.], device='{first}')"
    assert there.type() == f"torch.{device}.FloatTensor"
    assert there.new_zeros(1).device == there.device == torch.zeros_like(there).device
    assert torch.tensor([1], device=device).device == there.device
    assert there.nonzero().device == there.unique().device == there[there > 1].device == there.device


def test_no_numpy(there, first):
    sentence = f"can't convert {first} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory"
    with pytest.raises(TypeError, match="^" + sentence.replace("(", r"\(").replace(")", r"\)")):
        there.numpy()
    with pytest.raises(TypeError, match="to numpy"):
        __import__("numpy").asarray(there)
    assert there.cpu().numpy().sum() == 15
    assert there.numpy(force=True).sum() == 15


def test_no_such_device(device):
    count = torch.get_device_module(device).device_count()
    with pytest.raises(RuntimeError, match="invalid device ordinal" if device == "cuda" else "there is no device"):
        torch.zeros(1, device=f"{device}:{count}")


def test_indexed_devices(there, second, first):
    other = there.to(second)
    assert str(other.device) == second and other.get_device() == 1
    assert str(other.to(first).device) == first
    with two(first, second):
        there + other
    with two(second, first):
        other.add_(there)


def test_files(there, device, first):
    file = io.BytesIO()
    torch.save({"a": there, "b": there[0]}, file)

    def loaded(**options):
        file.seek(0)
        found = torch.load(file, **options)
        assert found["a"].tolist() == there.tolist()
        found["b"].zero_()
        assert found["a"][0].sum() == 0
        return str(found["a"].device)

    assert loaded() == first
    assert loaded(map_location="cpu") == "cpu"
    assert loaded(map_location={first: "cpu"}) == "cpu"
    assert loaded(map_location=torch.device(device)) == first
    assert loaded(map_location=lambda storage, location: storage) == "cpu"
    for twin in (copy.deepcopy(there), pickle.loads(pickle.dumps(there))):
        assert twin.device == there.device and twin.tolist() == there.tolist()


# Several devices in one op


def test_elementwise(there, here, first):
    for call in (lambda: here + there, lambda: there * here, lambda: torch.where(there > 0, there, here),
                 lambda: there == here, lambda: torch.addcmul(there, here, here), lambda: there.add_(here),
                 lambda: here.add_(there), lambda: here.add_(there.sum()), lambda: there.lerp(here, 0.5),
                 lambda: torch.equal(there, here), lambda: torch.add(here, here, out=there)):  # fmt: skip
        with two(first, "cpu"):
            call()


def test_numbers_of_the_cpu(there, here, first):
    number = torch.tensor(2.0)
    for found in (there + number, number + there, there.sum() * number, torch.where(there > 0, there, number)):
        assert str(found.device) == first
    assert (there * number).sum().item() == 30
    there += number
    assert there.sum().item() == 27
    number += 1  # the program that adds it may not overwrite what this one reads
    assert (there.sum() + number).item() == 30
    pending = torch.ones(()) + number
    assert (there[0, 0] * pending).item() == 8
    assert pending.item() == 4


def test_products(there, here, first):
    with argument("mat2", "cpu", first, "wrapper_CUDA_mm"):
        torch.mm(there, here.t())
    with argument("mat2", first, "cpu", "wrapper_CUDA_mm"):
        here @ there.t()
    with argument("mat1", first, "cpu", "wrapper_CUDA_addmm"):
        F.linear(there, here, torch.zeros(2))
    with argument("mat2", "cpu", first, "wrapper_CUDA_bmm"):
        there[None] @ here.t()[None]
    with argument("tensors", "cpu", first, "wrapper_CUDA_cat"):
        torch.cat([there, here])


def test_layers(there, here, first):
    with argument("index", "cpu", first, "wrapper_CUDA__index_select"):
        F.embedding(torch.tensor([0]), there)
    with argument("index", "cpu", first, "wrapper_CUDA__index_select"):
        there.index_select(0, torch.tensor([0]))
    with argument("index", "cpu", first, "wrapper_CUDA_gather"):
        there.gather(0, torch.tensor([[0]]))
    with argument("target", "cpu", first, "wrapper_CUDA_nll_loss_forward"):
        F.cross_entropy(there, torch.tensor([0, 1]))
    with argument("weight", "cpu", first, "wrapper_CUDA__native_layer_norm"):
        F.layer_norm(there, (3,), here[0])
    with raises(r"Input type \(torch.FloatTensor\) and weight type \(torch.cuda.FloatTensor\) should be the same or "
                "input should be a MKLDNN tensor and weight is a dense tensor"):  # fmt: skip
        F.conv1d(here[None], there[None])
    with raises(r"Input type \(torch.cuda.FloatTensor\) and weight type \(torch.FloatTensor\) should be the same"):
        F.conv1d(there[None], here[None])


def test_indices(there, here):
    assert there[torch.tensor([1])].sum().item() == 12
    there[torch.tensor([1])] = torch.tensor(0.0)
    assert there.sum().item() == 3
    there[[0], 1:] = 5
    assert there.tolist() == [[0, 5, 5], [0, 0, 0]]
    with raises(r"indices should be either on cpu or on the same device as the indexed tensor \(cpu\)"):
        here[torch.tensor([1], device=there.device)]


def test_copy_crosses(there, here):
    here.copy_(there * 2)
    assert here.sum().item() == 30
    there.copy_(here + 1)
    assert there.sum().item() == 36
    there[0] = here[1]
    assert there[0].tolist() == [6, 8, 10]


# Gradients


def test_gradients_flow_through_moves(device):
    x = torch.ones(3, requires_grad=True)
    there = (x * 2).to(device)
    assert there.grad_fn.name() == "ToCopyBackward0"
    loss = (there * there).sum().cpu() * 3
    loss.backward()
    assert x.grad.device == torch.device("cpu")
    assert x.grad.tolist() == [24, 24, 24]


def test_second_derivatives_through_moves(device, first):
    x = torch.tensor(3.0, requires_grad=True)
    (g,) = torch.autograd.grad((x**3).to(device), x, create_graph=True)
    assert g.item() == 27
    g.to(device).backward()
    assert x.grad.item() == 18


def test_a_number_of_the_cpu_is_trained(device):
    scale = torch.tensor(2.0, requires_grad=True)
    x = torch.ones(3, device=device, requires_grad=True)
    (scale * x * x).sum().backward()
    assert (scale.grad.item(), scale.grad.device.type) == (3, "cpu")
    assert x.grad.tolist() == [4, 4, 4] and x.grad.device == x.device


def test_pipeline_over_two_devices(first, second):
    torch.manual_seed(0)
    model = torch.nn.ModuleList([torch.nn.Linear(4, 8), torch.nn.Linear(8, 1)])
    alone = copy.deepcopy(model)
    model[0].to(first)
    model[1].to(second)
    x, losses = torch.randn(5, 4), {}
    for name, net, places in (("two", model, (first, second)), ("one", alone, ("cpu", "cpu"))):
        optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
        losses[name] = []
        for _ in range(4):
            loss = net[1](torch.relu(net[0](x.to(places[0]))).to(places[1])).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[name].append(loss.item())
    assert optimizer.state[net[0].weight]["exp_avg"].device == torch.device("cpu")
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-5)


def test_work_of_several_devices_side_by_side(there, here):
    count = torch.zeros(())
    for _ in range(5):  # compiled op by op, as a draft and whole
        there, here, count = there * 2, here + 1, count + 1
    assert (there.sum().item(), here.sum().item(), count.item()) == (480, 45, 5)


# Modules


def test_modules(device, first):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    assert model.to(device) is model
    assert {str(t.device) for t in model.state_dict().values()} == {first}
    out = model(torch.ones(4, 2, device=device))
    out.sum().backward()
    assert {str(p.grad.device) for p in model.parameters()} == {first}
    model.cpu().load_state_dict(model.to(device).state_dict())
    assert model[0].weight.to("cpu").grad_fn is not None
