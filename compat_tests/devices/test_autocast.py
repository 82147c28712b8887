"""torch.autocast and GradScaler against real torch on the CPU."""

import warnings

import pytest

from compat_tests.harness.same import assert_same

# By torch's lists for the CPU: products in the half type, what needs range in float32, the rest as it comes.
CALLS = """x @ x; torch.mm(x, x); torch.bmm(x[None], x[None]); torch.addmm(x, x, x)
torch.baddbmm(x[None], x[None], x[None]); F.linear(x, x); F.linear(h, x, v); F.linear(x.double(), x.double())
torch.matmul(x, v); torch.einsum('ij,jk->ik', x, x); F.conv1d(x[None], x[:, :, None])
F.conv2d(x[None, None], x[None, None]); F.conv_transpose1d(x[None], x[:, :, None])
F.scaled_dot_product_attention(x[None], x[None], x[None]); F.prelu(x, v[:1]); torch.linalg.vecdot(x, x)
F.mse_loss(h, x); F.l1_loss(h, h); F.cross_entropy(h, i); F.nll_loss(h, i)
F.binary_cross_entropy_with_logits(h, h); F.huber_loss(h, h); F.smooth_l1_loss(h, h); F.kl_div(h, h)
torch.prod(h); torch.cdist(h, h); torch.trace(h); torch.linalg.qr(x)[0]; torch.linalg.svdvals(h)
torch.quantile(x, 0.5); torch.fft.fft(h); F.avg_pool3d(h[None, None, None], 1)
F.pad(h[None], (1, 1), mode='reflect'); torch.cat([x, h]); torch.stack([h, x]); torch.stack([h, h])
torch.polar(x, x); F.softmax(h, 0); F.layer_norm(h, (4,)); h.exp(); h.sum(); h.log(); h + x; h * h; h.pow(2)
F.gelu(h); F.relu(h); h.norm(); F.group_norm(h, 2); F.embedding(i, h); h.mean(); h.cumsum(0); h.tanh()
torch.where(h > 0, h, x); F.batch_norm(h, None, None, training=True); F.dropout(h); F.max_pool1d(h, 2)
F.interpolate(h[None], 8); torch.outer(v, v); torch.dot(v, v); torch.mv(x, v); F.bilinear(x, x, x[None])
torch.nn.Linear(4, 2)(h); torch.nn.GRUCell(4, 3)(x); torch.nn.MultiheadAttention(4, 2)(x, x, x)[0]
torch.nn.TransformerEncoderLayer(4, 2, 8)(x); x.half() @ x.half(); x.bfloat16() @ h""".replace("\n", "; ").split("; ")


def names(torch, half):
    x = torch.linspace(-1, 1, 16).view(4, 4)
    values = {"x": x, "v": x[0], "h": x.to(half), "i": torch.tensor([0, 1, 2, 3])}
    return {"torch": torch, "F": torch.nn.functional, **values}


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
@pytest.mark.parametrize("part", range(4))
def test_types(part, half):
    def program(torch):
        seen = []
        kind = getattr(torch, half)
        for call in CALLS[part::4]:
            try:
                with torch.autocast("cpu", dtype=kind):
                    seen.append((call, str(eval(call, names(torch, kind)).dtype)))
            except (RuntimeError, NotImplementedError) as error:
                seen.append((call, type(error).__name__))
        return seen

    assert_same(program)


RECURRENT = {
    "RNN": lambda torch, x: torch.nn.RNN(3, 4, 2, bidirectional=True)(x),
    "RNN of relu": lambda torch, x: torch.nn.RNN(3, 4, nonlinearity="relu")(x),
    "LSTM": lambda torch, x: torch.nn.LSTM(3, 4, 2, bidirectional=True)(x),
    "LSTM with a state": lambda torch, x: torch.nn.LSTM(3, 4)(x, (torch.ones(1, 2, 4), torch.ones(1, 2, 4))),
    "LSTM of halves": lambda torch, x: torch.nn.LSTM(3, 4, batch_first=True)(x.bfloat16()),
    "LSTM with projections": lambda torch, x: torch.nn.LSTM(3, 4, proj_size=2)(x),
    "LSTM of doubles": lambda torch, x: torch.nn.LSTM(3, 4).double()(x.double()),
    "GRU": lambda torch, x: torch.nn.GRU(3, 4)(x),
    "GRU of halves": lambda torch, x: torch.nn.GRU(3, 4)(x.bfloat16()),
    "RNNCell": lambda torch, x: torch.nn.RNNCell(3, 4)(x[0]),
    "LSTMCell": lambda torch, x: torch.nn.LSTMCell(3, 4)(x[0]),
    "GRUCell": lambda torch, x: torch.nn.GRUCell(3, 4)(x[0], torch.ones(2, 4)),
    "GRUCell of halves": lambda torch, x: torch.nn.GRUCell(3, 4)(x[0].bfloat16(), torch.ones(2, 4)),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_networks(name):
    def program(torch):
        x = torch.randn(5, 2, 3, requires_grad=True)
        with torch.autocast("cpu"), warnings.catch_warnings(action="ignore"):  # torch's of its kernel, once
            found = RECURRENT[name](torch, x)
        first = found[0] if isinstance(found, tuple) else found
        return found, torch.autograd.grad(first.float().sum(), x)

    assert_same(program, rtol=0.05, atol=0.03)  # bfloat16, rounded at other steps


def test_a_step():
    def program(torch):
        model = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.GELU(), torch.nn.Linear(8, 3)
        )
        x, y = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
        optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
        for _ in range(4):
            with torch.autocast("cpu"):
                loss = torch.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses, [p.grad for p in model.parameters()]

    assert_same(program, rtol=0.02, atol=2e-3)  # products in bfloat16, rounded in another order


def test_switches():
    def program(torch):
        x, seen = torch.ones(2, 2), []

        def look():
            on = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"), torch.is_autocast_cache_enabled()
            seen.append([str(f) for f in (*on, (x @ x).dtype)])

        look()
        with torch.autocast("cpu", dtype=torch.float16, cache_enabled=False):
            look()
            with torch.autocast("cpu", enabled=False):
                look()
                with torch.amp.autocast("cpu"):
                    look()
            look()
        look()

        @torch.autocast("cpu")
        def inside():
            look()

        inside()
        torch.set_autocast_enabled("cpu", True)
        look()
        torch.set_autocast_enabled("cpu", False)
        look()
        return seen, torch.amp.is_autocast_available("cpu"), torch.amp.is_autocast_available("meta")

    assert_same(program)


@pytest.mark.parametrize(
    "text",
    ["torch.autocast('cpu', dtype=torch.float32)", "torch.autocast(3)", "torch.autocast('meta')",
     "torch.amp.GradScaler('cpu', growth_factor=0.5)", "torch.amp.GradScaler('cpu').update()",
     "torch.get_autocast_dtype('cuda')", "torch.get_autocast_dtype('meta')", "torch.is_autocast_enabled()"],
)  # fmt: skip
def test_refusals_and_facts(text):
    def program(torch):
        found = eval(text, {"torch": torch})
        return found._enabled if isinstance(found, torch.autocast) else found

    assert_same(program)


def test_scaler():
    def program(torch):
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        scaler, seen = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2), []
        for factor in (1.0, float("inf"), 1.0, 1.0, 1.0):
            optimizer.zero_grad()
            scaler.scale((w * factor).sum()).backward()
            scaler.unscale_(optimizer)
            seen.append(w.grad.tolist())
            scaler.step(optimizer)
            scaler.update()
            seen.append((w.tolist(), scaler.get_scale(), scaler.state_dict()))
        other = torch.amp.GradScaler("cpu")
        other.load_state_dict(scaler.state_dict())
        return seen, other.get_scale(), scaler.is_enabled(), torch.amp.GradScaler("cpu", enabled=False).state_dict()

    assert_same(program)


def test_scaler_out_of_order():
    def program(torch):
        w = torch.tensor([1.0], requires_grad=True)
        optimizer, scaler, seen = torch.optim.SGD([w], lr=0.1), torch.amp.GradScaler("cpu"), []

        def tried(step):
            try:
                step()
            except (RuntimeError, AssertionError) as error:
                seen.append((type(error).__name__, str(error)))

        tried(lambda: scaler.unscale_(optimizer))
        scaler.scale(w.sum())
        tried(lambda: scaler.step(optimizer))
        scaler = torch.amp.GradScaler("cpu")
        scaler.scale(w.sum()).backward()
        scaler.unscale_(optimizer)
        tried(lambda: scaler.unscale_(optimizer))
        scaler.step(optimizer)
        tried(lambda: scaler.step(optimizer))
        tried(lambda: scaler.unscale_(optimizer))
        return seen

    assert_same(program)


def test_custom_functions():
    def program(torch):
        seen = []

        class Product(torch.autograd.Function):
            @staticmethod
            @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
            def forward(ctx, a, b):
                seen.append((str(a.dtype), str((a @ b).dtype), torch.is_autocast_enabled("cpu")))
                ctx.save_for_backward(a, b)
                return a @ b

            @staticmethod
            @torch.amp.custom_bwd(device_type="cpu")
            def backward(ctx, g):
                a, b = ctx.saved_tensors
                seen.append((str((a @ b).dtype), torch.is_autocast_enabled("cpu")))
                return g @ b.T, a.T @ g

        x = torch.ones(2, 2, requires_grad=True)
        with torch.autocast("cpu"):
            Product.apply(x, (x @ x)).sum().backward()
        return seen, x.grad

    assert_same(program, rtol=1e-2)
