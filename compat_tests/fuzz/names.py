"""The operations that programs are made of, by kind of line."""

CREATION = (
    "tensor", "tensor", "tensor", "randn", "randn", "rand", "zeros", "ones", "arange", "eye", "full", "linspace",
    "randint", "randperm", "from_numpy", "Parameter",
)  # fmt: skip
LIKE = ("zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "new_full", "new_zeros", "new_ones",
        "new_tensor")  # fmt: skip
UNARY = tuple(
    """abs absolute acos acosh angle arccos arcsin arctan asin asinh atan atanh bitwise_not ceil clone cos cosh
    conj conj_physical deg2rad digamma erf erfc erfinv exp exp2 expm1 fix floor frac i0 isfinite isinf isnan isneginf
    isposinf isreal lgamma log log10 log1p log2 logical_not logit nan_to_num neg negative positive rad2deg reciprocal
    relu round rsqrt selu sgn sigmoid sign signbit sin sinc sinh sqrt square tan tanh trunc""".split()
)
BINARY = tuple(
    """add sub mul div true_divide floor_divide remainder fmod pow maximum minimum fmax fmin atan2 arctan2 hypot
    copysign nextafter ldexp logaddexp logaddexp2 heaviside xlogy float_power eq ne lt le gt ge greater greater_equal
    less less_equal not_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
    bitwise_left_shift bitwise_right_shift gcd lcm multiply subtract divide rsub isclose""".split()
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>")
AUGMENTED = ("+=", "-=", "*=", "/=", "//=", "%=", "**=", "&=", "|=", "^=")
VIEWS = tuple(
    """view view reshape transpose swapaxes swapdims movedim moveaxis permute squeeze unsqueeze expand expand_as
    broadcast_to view_as reshape_as narrow select diagonal unfold flatten unflatten ravel as_strided chunk split
    split_with_sizes unsafe_split tensor_split unbind hsplit vsplit dsplit T mT H mH t adjoint real imag detach alias
    data view_as_real view_as_complex conj resolve_conj narrow_copy contiguous repeat flip roll tile repeat_interleave
    rot90 fliplr view_dtype swap positive diagonal_scatter select_scatter slice_scatter take_diagonal""".split()
)
SEVERAL = frozenset("chunk split tensor_split unbind hsplit vsplit dsplit split_with_sizes unsafe_split".split())
IN_PLACE = (
    ("zero_", ""), ("fill_", "{n}"), ("copy_", "{o}"), ("clamp_", "-1, 1"), ("clamp_min_", "0"), ("clamp_max_", "{n}"),
    ("masked_fill_", "{x} > 0, {n}"), ("masked_scatter_", "{x} > 0, {o}"), ("add_", "{o}, alpha=2"),
    ("addcmul_", "{o}, {o}"), ("addcdiv_", "{o}, {x}"), ("lerp_", "{o}, 0.5"), ("t_", ""), ("squeeze_", ""),
    ("unsqueeze_", "{d}"), ("transpose_", "{d}, 0"), ("tril_", ""), ("triu_", "1"), ("cumsum_", "{d}"),
    ("cumprod_", "{d}"), ("index_fill_", "{d}, torch.tensor([0]), {n}"), ("fill_diagonal_", "{n}"),
    ("index_add_", "{d}, torch.tensor([0, 0]), {o}"), ("index_copy_", "{d}, torch.tensor([0]), {o}"),
    ("scatter_", "{d}, torch.zeros_like({x}, dtype=torch.int64), {n}"), ("put_", "torch.tensor([0]), {o}"),
    ("scatter_add_", "{d}, torch.zeros_like({x}, dtype=torch.int64), {x}"), ("renorm_", "2, 0, 1"),
    ("uniform_", ""), ("normal_", ""), ("random_", "5"), ("bernoulli_", "0.5"), ("exponential_", ""),
    ("clip_", "0"), ("swapaxes_", "{d}, 0"), ("detach_", ""), ("nan_to_num_", ""), ("eq_", "{n}"),
    ("sub_", "1, alpha=3"),
)  # fmt: skip
REDUCTIONS = tuple(
    """sum mean prod amax amin max min std var argmax argmin any all norm logsumexp cumsum cumprod median nansum
    nanmean count_nonzero mode sort topk argsort cummax cummin aminmax kthvalue nanmedian msort unique diff
    logcumsumexp""".split()
)
WITH_DIM = {"amax_", "logsumexp", "cumsum", "cumprod", "topk", "cummax", "cummin", "kthvalue", "logcumsumexp", "mode"}
OF_ALL = {"msort"}
WITH_INDICES = {"max", "min", "median", "mode", "sort", "cummax", "cummin", "nanmedian", "topk", "kthvalue"}
KEEPING = {"sum", "mean", "amax", "amin", "std", "var", "any", "all", "logsumexp", "argmax"}
JOINING = (
    ("cat", "torch.cat([{x}, {o}], {d})"), ("stack", "torch.stack([{x}, {o}], {d})"),
    ("where", "torch.where({x} > 0, {x}, {o})"), ("hstack", "torch.hstack([{x}, {o}])"),
    ("vstack", "torch.vstack([{x}, {o}])"), ("dstack", "torch.dstack([{x}, {o}])"),
    ("column_stack", "torch.column_stack([{x}, {o}])"), ("lerp", "torch.lerp({x}, {o}, 0.25)"),
    ("addcmul", "torch.addcmul({x}, {o}, {o}, value=0.5)"), ("dist", "torch.dist({x}, {o})"),
    ("allclose", "torch.allclose({x}, {o})"), ("equal", "torch.equal({x}, {o})"),
    ("broadcast_tensors", "torch.broadcast_tensors({x}, {o})[0]"), ("meshgrid", "torch.meshgrid({x}, {o})[0]"),
    ("cartesian_prod", "torch.cartesian_prod({x}, {o})"), ("isin", "torch.isin({x}, {o})"),
    ("tensordot", "torch.tensordot({x}, {o}, 0)"), ("kron", "torch.kron({x}, {o})"), ("cross", "torch.cross({x}, {o})"),
)  # fmt: skip
FUNCTIONS = tuple(
    (name, f"torch.nn.functional.{name}({{x}})")
    for name in """relu elu selu gelu silu mish softplus softsign tanhshrink hardtanh hardswish hardsigmoid leaky_relu
    logsigmoid relu6 softshrink hardshrink celu normalize dropout""".split()
) + (
    ("softmax", "torch.softmax({x}, {d})"), ("log_softmax", "torch.log_softmax({x}, {d})"),
    ("softmin", "torch.nn.functional.softmin({x}, {d})"), ("glu", "torch.nn.functional.glu({x}, {d})"),
    ("layer_norm", "torch.nn.functional.layer_norm({x}, {x}.shape[-1:])"),
    ("mse_loss", "torch.nn.functional.mse_loss({x}, {x}.detach() + 1)"),
    ("l1_loss", "torch.nn.functional.l1_loss({x}, {x}.detach() * 2)"),
    ("smooth_l1_loss", "torch.nn.functional.smooth_l1_loss({x}, {x}.detach() * 2)"),
    ("clamp", "torch.clamp({x}, -0.5, 1)"), ("pad", "torch.nn.functional.pad({x}, (1, 1))"),
    ("one_hot", "torch.nn.functional.one_hot({x}.argmax(-1))"),
    ("threshold", "torch.nn.functional.threshold({x}, 0, 2)"),
    ("masked_select", "torch.masked_select({x}, {x} > 0)"), ("take", "torch.take({x}, torch.tensor([0]))"),
    ("gather", "torch.gather({x}, {d}, torch.zeros_like({x}, dtype=torch.int64))"),
    ("index_select", "torch.index_select({x}, {d}, torch.tensor([0, 0]))"), ("nonzero", "torch.nonzero({x})"),
    ("take_along_dim", "torch.take_along_dim({x}, torch.zeros_like({x}, dtype=torch.int64), {d})"),
    ("cosine_similarity", "torch.cosine_similarity({x}, {x} + 1, {d})"), ("renorm", "torch.renorm({x}, 2, 0, 1)"),
    ("interpolate", "torch.nn.functional.interpolate({x}, scale_factor=2)"),
    ("avg_pool1d", "torch.nn.functional.avg_pool1d({x}, 2)"), ("max_pool1d", "torch.nn.functional.max_pool1d({x}, 2)"),
    ("linear", "torch.nn.functional.linear({x}, torch.ones(2, {x}.shape[-1]))"),
    ("bernoulli", "torch.bernoulli({x}.sigmoid())"), ("bincount", "torch.bincount({x}.long().abs().flatten())"),
)  # fmt: skip
PRODUCTS = (
    ("mm", "torch.mm({x}, {o})"), ("matmul", "{x} @ {o}"), ("addmm", "torch.addmm({x} @ {o}, {x}, {o}, alpha=2)"),
    ("einsum", "torch.einsum('ij,jk->ik', {x}, {o})"), ("linalg.multi_dot", "torch.linalg.multi_dot([{x}, {o}])"),
)  # fmt: skip
MATRIX = (
    ("trace", "torch.trace({x})"), ("tril", "torch.tril({x})"), ("triu", "torch.triu({x}, 1)"),
    ("diag", "torch.diag({x})"), ("diag_embed", "torch.diag_embed({x})"), ("det", "torch.det({x})"),
    ("mv", "torch.mv({x}, {x}[0])"), ("outer", "torch.outer({x}[0], {x}[0])"), ("dot", "torch.dot({x}[0], {x}[0])"),
    ("cov", "torch.cov({x})"), ("corrcoef", "torch.corrcoef({x})"), ("cdist", "torch.cdist({x}, {x})"),
    ("linalg.norm", "torch.linalg.norm({x})"), ("linalg.vector_norm", "torch.linalg.vector_norm({x}, 1)"),
    ("matrix_power", "torch.matrix_power({x}, 2)"), ("nn.Linear", "torch.nn.Linear({x}.shape[1], 2)({x})"),
    ("inner", "torch.inner({x}, {x})"), ("chain_matmul", "torch.chain_matmul({x}, {x}.t())"),
    ("vander", "torch.vander({x}[0])"), ("block_diag", "torch.block_diag({x}, {x})"),
)  # fmt: skip
CONVERSIONS = (
    ("to", "{x}.to(torch.{dtype})"), ("to", "{x}.to({o})"), ("type", "{x}.type(torch.{dtype})"),
    ("float", "{x}.float()"),
    ("double", "{x}.double()"), ("long", "{x}.long()"), ("int", "{x}.int()"), ("bool", "{x}.bool()"),
    ("half", "{x}.half()"), ("bfloat16", "{x}.bfloat16()"), ("short", "{x}.short()"), ("type_as", "{x}.type_as({o})"),
    ("to copy", "{x}.to({x}.dtype, copy=True)"), ("cpu", "{x}.cpu()"), ("cfloat", "{x}.cfloat()"),
    ("tolist", "torch.tensor({x}.tolist())"), ("as_tensor", "torch.as_tensor({x})"), ("is_nonzero", "{x}.sum().item()"),
    ("byte", "{x}.byte()"), ("char", "{x}.char()"), ("result_type", "torch.result_type({x}, {o})"),
    ("view_as_real", "torch.view_as_real({x})"), ("view_as_complex", "torch.view_as_complex({x})"),
    ("complex", "torch.complex({x}, {x})"), ("polar", "torch.polar({x}, {x})"),
)  # fmt: skip
CONTROL = (
    ("if sum", "if {x}.sum() > 0:\n    {new} = {x} * 2\nelse:\n    {new} = {x} - 1"),
    ("if any", "if ({x} != 0).any():\n    {x} = {x} + 1"),
    ("for row", "{new} = 0\nfor row in {x}:\n    {new} = {new} + row"),
    ("while", "{new}, k = {x}, 0\nwhile {new}.abs().sum() > 1 and k < 3:\n    {new}, k = {new} / 2, k + 1"),
    ("float", "{new} = {x} * float({x}.sum())"), ("item", "{new} = {x} + {x}.max().item()"),
    ("len", "{new} = {x} * len({x})"), ("in", "{new} = {x} + (1 in {x})"),
    ("try", "try:\n    {new} = {x}.view(5, 7)\nexcept RuntimeError:\n    {new} = {x}.clone()"),
    ("repr", "{new} = repr({x})\nassert '{{}}' not in {new}"),
)  # fmt: skip
BACKWARD = (
    ("backward", "{x}.sum().backward()"), ("backward", "{x}.sum().backward()"),
    ("backward of a mean", "({x} * {x}).mean().backward()"), ("backward without a sum", "{x}.backward()"),
    ("backward with a gradient", "{x}.backward(torch.ones_like({x}))"),
    ("backward retaining", "{x}.sum().backward(retain_graph=True)"),
    ("backward creating a graph", "{x}.pow(2).sum().backward(create_graph=True)"),
    ("grad", "{new} = torch.autograd.grad({x}.sum(), [{leaf}], allow_unused=True)[0]"),
    ("grad of a grad",
     "{new} = torch.autograd.grad(({x} ** 3).sum(), {leaf}, create_graph=True, allow_unused=True)[0]"),
    ("backward with inputs", "{x}.sum().backward(inputs=[{leaf}])"),
    ("zero_grad", "{leaf}.grad = None"), ("grad.zero_", "{leaf}.grad is not None and {leaf}.grad.zero_()"),
    ("step", "with torch.no_grad():\n    {leaf} -= 0.1 * ({leaf}.grad if {leaf}.grad is not None else 1)"),
)  # fmt: skip
HOOKS = (
    ("register_hook", "{x}.register_hook(lambda g: g * 2)"),
    ("register_hook that looks", "{x}.register_hook(lambda g: None)"),
    ("hook removed", "{x}.register_hook(lambda g: g * 3).remove()"), ("retain_grad", "{x}.retain_grad()"),
    ("post_accumulate", "{x}.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2))"),
)  # fmt: skip
MODES = (
    ("no_grad", "with torch.no_grad():\n    {new} = {x} * 2"),
    ("no_grad in place", "with torch.no_grad():\n    {x}.mul_(2)"),
    ("enable_grad", "with torch.enable_grad():\n    {new} = {x} + 1"),
    ("set_grad_enabled", "with torch.set_grad_enabled(False):\n    {new} = {x} + {o}"),
    ("inference_mode", "with torch.inference_mode():\n    {new} = ({x} * 2).tolist()"),
    ("no_grad view", "with torch.no_grad():\n    {new} = {x}.view(-1)"),
    ("decorator", "{new} = torch.no_grad()(lambda a: a * 3)({x})"),
)  # fmt: skip
COPIES = (
    ("deepcopy", "{new} = copy.deepcopy({x})"), ("copy", "{new} = copy.copy({x})"), ("clone", "{new} = {x}.clone()"),
    ("detach clone", "{new} = {x}.detach().clone()"),
    ("clone().requires_grad_", "{new} = {x}.detach().clone().requires_grad_()"),
)  # fmt: skip
NUMPY = (
    ("numpy", "{new} = torch.from_numpy({x}.detach().numpy())"),
    ("write through numpy", "{x}.detach().numpy()[...] = 1"),
    ("numpy with grad", "a = {x}.numpy()"), ("asarray", "{new} = torch.tensor(np.asarray({x}.detach()) * 2)"),
    ("numpy sum", "{new} = torch.tensor(float(np.sum({x}.detach().numpy().real)))"),
    ("from shared", "a = np.ones(3)\n{new} = torch.from_numpy(a)\na[0] = 5"),
)  # fmt: skip
FLAGS = (
    ("requires_grad_", "{x}.requires_grad_()"), ("requires_grad_(False)", "{x}.requires_grad_(False)"),
    ("requires_grad =", "{x}.requires_grad = True"), ("detach", "{new} = {x}.detach()"),
    ("data =", "{x}.data = {o}.detach()"),
    ("data.mul_", "{x}.data.mul_(2)"), ("del", "del {x}"), ("resize_", "{x}.resize_(2, 2)"),
    ("set_", "{x}.set_({o}.detach())"),
)  # fmt: skip
