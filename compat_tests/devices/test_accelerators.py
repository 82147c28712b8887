"""Which device is meant, streams of random numbers, streams of work, memory."""

import pytest

import jtorch as torch


def test_the_current_device(device, first, second):
    assert str(torch.zeros(1, device=device).device) == first
    assert torch.accelerator.current_device_index() == 0
    with torch.accelerator.device_index(1):
        assert str(torch.zeros(1, device=device).device) == second
    torch.accelerator.set_device_index(1)
    try:
        assert str(torch.zeros(1, device=device).device) == second and torch.accelerator.current_device_index() == 1
    finally:
        torch.accelerator.set_device_index(0)
    assert torch.accelerator.current_accelerator() == torch.device(device)
    assert torch.accelerator.device_count() >= 2
    assert torch.device(1) == torch.device(second)


def test_cuda_says_the_same(device, second):
    if device != "cuda":
        pytest.skip("torch.cuda is about GPUs")
    assert torch.cuda.is_available() and torch.cuda.is_initialized() and torch.cuda.device_count() >= 2
    with torch.cuda.device(1):
        assert torch.cuda.current_device() == 1
        assert str(torch.zeros(1).cuda().device) == second
    with torch.cuda.device_of(torch.zeros(1, device=second)):
        assert torch.cuda.current_device() == 1
    assert torch.cuda.current_device() == 0
    assert torch.cuda.get_device_name(0) == torch.cuda.get_device_properties(0).name
    assert torch.get_device_module() is torch.cuda
    with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
        torch.cuda.synchronize("cpu")


def test_default_device(device, first):
    with torch.device(device):
        assert str(torch.get_default_device()) == first
        assert str(torch.ones(1).device) == first
        model = torch.nn.Linear(2, 2)
    assert str(model.weight.device) == first


# Random numbers


def test_a_stream_for_each_device(device, first):
    torch.manual_seed(5)
    there = torch.rand(3, device=device)
    here = torch.rand(3)
    assert there.tolist() == here.tolist()  # both streams start at the seed, and the algorithm is one
    assert torch.rand(3, device=device).tolist() != there.tolist()
    torch.manual_seed(5)
    torch.rand(9)
    assert torch.randn(3, device=device).device == there.device
    generator = torch.Generator(device).manual_seed(5)
    assert str(generator.device) == first
    assert torch.rand(3, device=device, generator=generator).tolist() == here.tolist()
    assert torch.nn.init.uniform_(there, generator=generator) is there


def test_a_generator_of_another_device(device):
    with pytest.raises(RuntimeError, match=f"^Expected a '{device}' device type for generator but found 'cpu'$"):
        torch.rand(2, device=device, generator=torch.Generator())
    with pytest.raises(RuntimeError, match=f"^Expected a 'cpu' device type for generator but found '{device}'$"):
        torch.rand(2, generator=torch.Generator(device))


def test_states(device):
    if device != "cuda":
        pytest.skip("torch.cuda is about GPUs")
    torch.cuda.manual_seed_all(3)
    states, own = torch.cuda.get_rng_state_all(), torch.cuda.get_rng_state()
    drawn = torch.rand(2, device=device).tolist()
    torch.cuda.set_rng_state(own)
    assert torch.rand(2, device=device).tolist() == drawn
    torch.cuda.set_rng_state_all(states)
    with torch.random.fork_rng(devices=[0]):
        assert torch.rand(2, device=device).tolist() == drawn
    assert torch.rand(2, device=device).tolist() == drawn
    assert torch.cuda.initial_seed() == 3


def test_dropout_draws_there(device):
    torch.manual_seed(1)
    dropped = torch.nn.functional.dropout(torch.ones(50, device=device))
    after = torch.rand(2).tolist()
    torch.manual_seed(1)
    assert torch.rand(2).tolist() == after
    torch.manual_seed(1)
    assert dropped.tolist() == torch.nn.functional.dropout(torch.ones(50)).tolist()


# Work and memory


def test_streams_and_events(device):
    if device != "cuda":
        pytest.skip("torch.cuda is about GPUs")
    stream, start, end = torch.cuda.Stream(), *(torch.cuda.Event(enable_timing=True) for _ in range(2))
    with torch.cuda.stream(stream):
        assert torch.cuda.current_stream() is stream
        start.record()
        x = torch.rand(300, 300, device=device)
        y = x @ x
        end.record()
    stream.wait_stream(torch.cuda.current_stream())
    torch.cuda.synchronize()
    assert start.elapsed_time(end) > 0 and end.query()
    assert y.shape == (300, 300)
    assert torch.cuda.current_stream() == torch.cuda.default_stream()


def test_memory(device):
    if device != "cuda":
        pytest.skip("torch.cuda is about GPUs")
    before = torch.cuda.memory_allocated()
    kept = torch.ones(1 << 20, device=device)
    kept.sum().item()
    grown = torch.cuda.memory_allocated() - before
    assert grown == 0 or grown >= kept.nbytes  # JAX keeps no account of the host's memory
    assert torch.cuda.max_memory_allocated() >= torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    assert torch.cuda.max_memory_allocated() == torch.cuda.memory_allocated()
    free, total = torch.cuda.mem_get_info()
    assert 0 <= free <= total
    assert torch.cuda.memory_stats()["allocated_bytes.all.current"] == torch.cuda.memory_allocated()
    assert torch.accelerator.memory_allocated() == torch.cuda.memory_allocated()
    with pytest.raises(NotImplementedError, match="nvidia-smi"):
        torch.cuda.utilization()


def test_autocast(device, first):
    """By torch's lists for CUDA: products in float16, what needs range in float32, the rest as it comes."""
    if device != "cuda":
        pytest.skip("the types expected are those of CUDA's lists")
    F = torch.nn.functional
    x = torch.ones(4, 4, device=device)
    h, labels = x.half(), torch.arange(4, device=device)
    with torch.autocast("cuda"):
        assert torch.is_autocast_enabled() and torch.get_autocast_dtype("cuda") is torch.float16
        lower = (x @ x, F.linear(x, x), F.conv1d(x[None], x[:, :, None]), x @ x[0], F.linear(h, x), torch.mv(x, x[0]))
        assert {t.dtype for t in lower} == {torch.float16}
        wide = (h.exp(), h.softmax(0), h.sum(), F.layer_norm(h, (4,)), F.cross_entropy(h, labels), h.pow(2), h.log(),
                F.mse_loss(h, h), h.cumsum(0), h + x, torch.cat([h, x]), torch.stack([x, h]))  # fmt: skip
        assert {t.dtype for t in wide} == {torch.float32}
        kept = (h + h, F.relu(h), h.mean(), torch.cat([h, h]), F.dropout(h))
        assert {t.dtype for t in kept} == {torch.float16}
        assert (x.double() @ x.double()).dtype is torch.float64
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32  # the CPU's is off
        with pytest.raises(RuntimeError, match="unsafe to autocast"):
            F.binary_cross_entropy(x.sigmoid(), x)
    with torch.autocast(device, torch.bfloat16):
        assert str((x @ x).device) == first and (x @ x).dtype is torch.bfloat16
    assert (x @ x).dtype is torch.float32


def test_scaled_training(device):
    model = torch.nn.Linear(4, 4).to(device)
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler(device, init_scale=4.0)
    losses = []
    for _ in range(4):
        with torch.autocast(device, torch.float16):
            loss = model(torch.ones(2, 4, device=device)).float().square().mean()
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0] / 2
    assert scaler.get_scale() == 4 and model.weight.grad.dtype is torch.float32


def test_a_compiled_function(device):
    model = torch.nn.Linear(3, 2).to(device)
    compiled, x = torch.compile(model), torch.ones(4, 3, device=device)
    for _ in range(3):
        assert compiled(x).tolist() == model(x).tolist() and compiled(x).device == x.device
    with torch.autocast(device, torch.bfloat16):
        assert compiled(x).dtype is torch.bfloat16
    assert compiled(x).dtype is torch.float32
