"""Where new tensors go, seeds and states, streams and events, settings of backends: against real torch on the CPU."""

import pytest

import jtorch
from compat_tests.harness.same import assert_same

PLACES = (
    "torch.ones(2)", "torch.tensor(c)", "torch.as_tensor(c)", "torch.asarray(c)", "torch.Tensor(2, 3)", "torch.rand(2)",
    "torch.from_numpy(c.numpy())", "torch.zeros_like(c)", "c.new_zeros(2)", "torch.arange(3)", "torch.tensor([1])",
    "torch.eye(2)", "torch.ones(2, device='cpu')", "torch.nn.Linear(2, 3).weight", "torch.get_default_device()",
    "torch.full((2,), 1)", "torch.randperm(3)", "torch.linspace(0, 1, 3)", "torch.scalar_tensor(1)",
)  # fmt: skip


def place(text, torch):
    found = eval(text, {"torch": torch, "c": torch.ones(2)})
    return str(getattr(found, "device", found))


@pytest.mark.parametrize("text", PLACES)
def test_default_device(text):
    def program(torch):
        seen = [place(text, torch)]
        with torch.device("meta") as given:
            seen += [place(text, torch), str(given)]
            with torch.device("cpu"):
                seen.append(place(text, torch))
            seen.append(place(text, torch))
        torch.set_default_device("meta")
        try:
            seen.append(place(text, torch))
            with torch.device("cpu"):
                seen.append(place(text, torch))
        finally:
            torch.set_default_device(None)
        return [*seen, place(text, torch)]

    assert_same(program)


def test_default_dtype_there():
    def program(torch):
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"):
            return str(torch.ones(1).dtype), str(torch.tensor([1.0]).dtype), str(torch.nn.Linear(1, 1).weight.dtype)

    assert_same(program)


def test_fork_rng():
    def program(torch):
        torch.manual_seed(1)
        with torch.random.fork_rng():
            torch.manual_seed(7)
            inside = torch.rand(2).tolist()
        with torch.random.fork_rng(devices=[]):
            torch.rand(5)
        with torch.random.fork_rng(enabled=False):
            torch.rand(5)
        return inside, torch.rand(2).tolist(), torch.random.initial_seed()

    assert_same(program)


def test_states_of_the_stream():
    def program(torch):
        torch.random.manual_seed(3)
        state = torch.random.get_rng_state()
        first = torch.rand(3).tolist()
        torch.random.set_rng_state(state)
        return first == torch.rand(3).tolist(), str(state.dtype), tuple(state.shape)

    assert_same(program)


@pytest.mark.parametrize(
    "text",
    [
        "torch.Stream()",
        "torch.Stream('cpu').device_index",
        "torch.Event().query()",
        "torch.accelerator.is_available()",
        "torch.accelerator.device_count()",
        "torch.accelerator.current_accelerator()",
        "torch.accelerator.synchronize()",
        "torch.accelerator.current_device_index()",
        "torch.accelerator.memory_allocated()",
        "torch.cuda.is_available()",
        "torch.cuda.device_count()",
        "torch.cuda.current_device()",
        "torch.cuda.Stream()",
        "torch.cuda.Event()",
        "torch.cuda.synchronize()",
        "torch.cuda.memory_allocated()",
        "torch.cuda.memory_stats()",
        "torch.cuda.manual_seed(0)",
        "torch.cuda.manual_seed_all(0)",
        "torch.cuda.get_device_name()",
        "len(torch.cuda.default_generators)",
        "torch.cuda.get_arch_list()",
        "torch.cuda.is_bf16_supported()",
        "torch.cuda.empty_cache()",
        "torch.cuda.is_initialized()",
        "torch.cuda.init()",
        "torch.cuda.mem_get_info()",
        "torch.cpu.is_available()",
        "torch.cpu.device_count()",
        "torch.cpu.current_device()",
        "torch.cpu.synchronize()",
        "torch.backends.cudnn.is_available()",
        "torch.backends.cudnn.version()",
        "torch.backends.cudnn.benchmark",
        "torch.backends.cuda.is_built()",
        "torch.backends.mps.is_available()",
        "torch.backends.cuda.flash_sdp_enabled()",
        "torch.backends.cuda.matmul.allow_tf32",
        "torch.backends.opt_einsum.strategy",
        "torch.device(0)",
        "torch.zeros(1).cuda()",
        "torch.zeros(1).to(0)",
        "torch.zeros(1, device='cuda')",
    ],
)
def test_without_an_accelerator(text):
    if jtorch.accelerator.is_available():
        pytest.skip("there is an accelerator")
    assert_same(lambda torch: eval(text, {"torch": torch}))


def test_settings_of_backends():
    def program(torch):
        cudnn = torch.backends.cudnn
        before = cudnn.benchmark, cudnn.deterministic
        cudnn.benchmark = True
        with cudnn.flags(enabled=False, benchmark=False, deterministic=True):
            inside = cudnn.enabled, cudnn.benchmark, cudnn.deterministic
        after = cudnn.enabled, cudnn.benchmark, cudnn.deterministic
        cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32 = True
        kept = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = False
        return before, inside, after, kept

    # Not against torch: its own test suite, where imported, freezes these settings.
    assert program(jtorch) == ((False, False), (False, False, True), (True, True, False), True)


def test_times_of_events():
    start, middle, end = (jtorch.Event("cpu", enable_timing=t) for t in (True, False, True))
    start.record()
    stream = jtorch.Stream()
    with stream:
        jtorch.rand(200, 200) @ jtorch.rand(200, 200)
    stream.record_event(end)
    assert 0 < start.elapsed_time(end) < 60_000
    assert stream.query() and end.query() and stream == jtorch.Stream("cpu")
    with pytest.raises(RuntimeError, match=r"^Both events must be created with argument 'enable_timing=True'\.$"):
        start.elapsed_time(middle)
