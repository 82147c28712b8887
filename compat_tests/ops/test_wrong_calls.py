"""Calls that torch refuses: type and text of the error are torch's.

Of each name a right call is written down; wrong ones follow from it. What torch takes, or refuses for another reason
than its arguments' number, names and types, is left out.
"""

from __future__ import annotations

import collections
import sys
import warnings

import pytest
import torch

import jtorch

# Names and the arguments of a right call: x, y are (2, 2) of floats, i of ints, b of booleans, v (2,) of floats.
FUNCTIONS = """
abs: x | sin: x | exp: x | log: x | sqrt: x | rsqrt: x | neg: x | sigmoid: x | tanh: x | relu: x | floor: x | ceil: x
round: x | sign: x | reciprocal: x | square: x | erf: x | isnan: x | isinf: x | isfinite: x | logical_not: b
add: x, y | sub: x, y | mul: x, y | div: x, y | pow: x, 2 | remainder: x, y | fmod: x, y | floor_divide: x, y
atan2: x, y | maximum: x, y | minimum: x, y | eq: x, y | ne: x, y | lt: x, y | le: x, y | gt: x, y | ge: x, y
logical_and: b, b | logical_or: b, b | bitwise_and: i, i | bitwise_or: i, i | bitwise_xor: i, i | bitwise_not: i
clamp: x, 0, 1 | clip: x, 0, 1 | lerp: x, y, 0.5 | where: b, x, y | addcmul: x, x, y | addcdiv: x, x, y
isclose: x, y | allclose: x, y | equal: x, y | nan_to_num: x | xlogy: x, y | copysign: x, y | hypot: x, y
sum: x, 0 | mean: x, 0 | prod: x, 0 | std: x, 0 | var: x, 0 | max: x, 0 | min: x, 0 | amax: x, 0 | amin: x, 0
argmax: x, 0 | argmin: x, 0 | all: b, 0 | any: b, 0 | median: x, 0 | mode: x, 0 | norm: x | logsumexp: x, 0
cumsum: x, 0 | cumprod: x, 0 | cummax: x, 0 | count_nonzero: x, 0 | nansum: x, 0 | var_mean: x, 0 | std_mean: x, 0
quantile: x, 0.5 | unique: x | sort: x, 0 | argsort: x, 0 | topk: x, 1 | kthvalue: x, 1 | softmax: x, 0
log_softmax: x, 0
cat: [x, y], 0 | stack: [x, y], 0 | hstack: [x, y] | vstack: [x, y] | split: x, 1 | chunk: x, 2 | unbind: x, 0
reshape: x, (4,) | flatten: x, 0 | squeeze: x, 0 | unsqueeze: x, 0 | transpose: x, 0, 1 | permute: x, (1, 0) | t: x
movedim: x, 0, 1 | flip: x, (0,) | roll: x, 1, 0 | rot90: x, 1 | tile: x, (2,) | repeat_interleave: x, 2
broadcast_to: x, (2, 2) | narrow: x, 0, 0, 1 | select: x, 0, 0 | index_select: x, 0, j | gather: x, 0, i
scatter: x, 0, i, y | scatter_add: x, 0, i, y | masked_fill: x, b, 0 | masked_select: x, b | take: x, i | nonzero: x
index_add: x, 0, j, y | tril: x | triu: x | diag: x | diagonal: x | trace: x | diff: x | cross: q, q | outer: v, v
matmul: x, y | mm: x, y | bmm: z, z | mv: x, v | dot: v, v | addmm: x, x, y | baddbmm: z, z, z | einsum: 'ij', x
tensordot: x, y | kron: x, y | zeros: 2, 2 | ones: 2, 2 | full: (2,), 1 | empty: 2 | arange: 3
linspace: 0, 1, 3 | eye: 2
zeros_like: x | ones_like: x | full_like: x, 1 | rand: 2 | randn: 2 | randint: 3, (2,) | randperm: 3 | rand_like: x
bernoulli: p | multinomial: v, 1 | normal: x, y | histc: x | bincount: j | searchsorted: v, x | bucketize: x, v
cdist: x, y
meshgrid: v, v | numel: x | is_tensor: x | isin: x, y | clone: x | detach: x | vander: v | cov: x | corrcoef: x
dist: x, y
conv2d: m, m | linalg.norm: x | linalg.det: x | linalg.inv: x | linalg.solve: x, y | linalg.svd: x | linalg.qr: x
fft.fft: x | fft.ifft: x | special.expm1: x | special.xlog1py: x, y | relu_: x | sigmoid_: x | clamp_: x, 0, 1
"""
METHODS = """
abs: | sin: | exp: | sqrt: | neg: | relu: | sigmoid: | round: | add: y | sub: y | mul: y | div: y | pow: 2
eq: y | lt: y
remainder: y | clamp: 0, 1 | clamp_min: 0 | lerp: y, 0.5 | sum: 0 | mean: 0 | prod: 0 | std: 0 | var: 0 | max: 0
min: 0
amax: 0 | argmax: 0 | all: 0 | any: 0 | median: 0 | norm: | logsumexp: 0 | cumsum: 0 | sort: 0 | argsort: 0 | topk: 1
softmax: 0 | log_softmax: 0 | split: 1 | chunk: 2 | unbind: 0 | view: 4 | reshape: 4 | flatten: 0 | squeeze: 0
unsqueeze: 0
transpose: 0, 1 | permute: 1, 0 | t: | expand: 2, 2 | repeat: 1, 2 | flip: 0 | roll: 1, 0 | tile: 2 | narrow: 0, 0, 1
select: 0, 0 | index_select: 0, j | gather: 0, i | scatter: 0, i, y | scatter_: 0, i, y | scatter_add_: 0, i, y
masked_fill: b, 0 | masked_fill_: b, 0 | masked_select: b | index_add_: 0, j, y | index_fill_: 0, j, 0 | tril: | triu:
diag: | diagonal: | matmul: y | mm: y | mv: v | addmm: x, y | add_: y | sub_: y | mul_: y | div_: y
clamp_: 0, 1 | sqrt_:
zero_: | fill_: 0 | copy_: y | normal_: 0, 1 | uniform_: 0, 1 | bernoulli_: 0.5 | relu_: | type_as: y
to: torch.float64
float: | double: | long: | bool: | clone: | detach: | contiguous: | item: | tolist: | numel: | dim: | size: 0
stride: 0
numpy: | nonzero: | unique: | view_as: y | expand_as: y | unfold: 0, 1, 1 | requires_grad_: | is_contiguous: | data_ptr:
new_zeros: 2 | new_full: (2,), 1 | repeat_interleave: 2 | where: b, y | isclose: y | allclose: y | equal: y | dot: v
"""
FUNCTIONAL = """
relu: x | gelu: x | silu: x | elu: x | leaky_relu: x | softmax: x, 0 | log_softmax: x, 0 | softplus: x | hardtanh: x
linear: x, y | conv1d: z, z | conv2d: m, m | conv_transpose2d: m, m | max_pool2d: m, 1 | avg_pool2d: m, 1
adaptive_avg_pool2d: m, 1 | interpolate: m, 2 | pad: x, (1, 1) | dropout: x | layer_norm: x, (2,) | batch_norm: x, v, v
group_norm: x, 1 | normalize: x | embedding: i, x | one_hot: i | cross_entropy: x, y | nll_loss: x, j | mse_loss: x, y
l1_loss: x, y | smooth_l1_loss: x, y | binary_cross_entropy: p, p | binary_cross_entropy_with_logits: x, p
kl_div: x, y
cosine_similarity: x, y | scaled_dot_product_attention: x, x, x | unfold: m, 1 | pixel_shuffle: m, 1 | glu: x
"""
WRONG = ["'a'", "None", "2.5", "True", "1", "[1]", "['a']", "(2.5,)", "x", "[x]", "object()"]
ADDED = ["foo=1", "input=x", "other=x", "dim=0", "dim='a'", "dtype='f'", "out=3", "keepdim='a'", "dim=0, foo=1"]


def named(text: str) -> dict[str, list[str]]:
    """Names and their arguments; commas inside brackets separate none."""
    found = {}
    for one in text.replace("\n", "|").split("|"):
        name, colon, rest = one.strip().partition(":")
        if colon:
            parts = rest.replace("(", "[(").replace(")", ")]")
            found[name] = _arguments(parts.replace("[(", "(").replace(")]", ")").strip())
    return found


def _arguments(text: str) -> list[str]:
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def wrong_calls(callee: str, right: list[str]) -> list[str]:
    """Sources of calls: arguments are missing, too many, of other types, unknown, given twice."""
    lists = [[], right[:-1], [*right, *["1"] * 9], [*right, "'a'"]]
    lists += [[*right[:at], other, *right[at + 1 :]] for at in range(len(right)) for other in WRONG]
    lists += [[*right, other] for other in ADDED] + [["foo=1"], ["'a'", "foo=1"]]
    return list(dict.fromkeys(f"{callee}({', '.join(one)})" for one in lists))


CALLS = {
    prefix + name: wrong_calls(prefix + name, right)
    for prefix, text in (("torch.", FUNCTIONS), ("x.", METHODS), ("F.", FUNCTIONAL))
    for name, right in named(text).items()
}


def tensors(lib) -> dict:
    x = lib.arange(4.0).reshape(2, 2) / 4
    return {
        "torch": lib, "F": lib.nn.functional, "x": x, "y": lib.ones(2, 2), "p": x.clone(), "v": lib.ones(2),
        "q": lib.ones(2, 3),
        "z": lib.ones(2, 2, 2), "m": lib.ones(1, 1, 2, 2), "i": lib.zeros(2, 2, dtype=lib.int64),
        "j": lib.zeros(2, dtype=lib.int64), "b": lib.ones(2, 2, dtype=lib.bool),
    }  # fmt: skip


def outcome(names: dict, source: str) -> tuple | None:
    """Type and text of the error of a call."""
    code = compile(source, "<call>", "eval")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            eval(code, names)
        except Exception as error:  # noqa: BLE001 - whatever it raises is compared
            return type(error), str(error)
    return None


def differences(name: str) -> tuple[int, list[tuple[str, tuple, tuple | None]]]:
    """How many calls torch refuses, and those whose error is another."""
    count, found = 0, []
    theirs, ours = tensors(torch), tensors(jtorch)
    for source in CALLS[name]:
        expected = outcome(theirs, source)
        if expected is None or expected[0] is not TypeError:
            continue
        got = outcome(ours, source)
        count += 1
        if got != expected:
            found.append((source, expected, got))
    return count, found


# Python refuses a keyword that is unknown, or given twice, before a function runs; torch tells its lists, or that
# something else is missing.
BEFORE = ("got an unexpected keyword argument", "got multiple values for argument")
# How many errors of a name are others: most are those of F's functions in Python, which hand their arguments on in
# another order, and of bools and numbers that pass for ints.
KNOWN = dict(
    one.split(":")
    for one in """
torch.clamp:2 torch.clip:2 torch.addcmul:6 torch.addcdiv:3 torch.prod:1 torch.std:1 torch.var:1 torch.norm:4
torch.var_mean:1 torch.std_mean:1 torch.unique:13 torch.topk:3 torch.kthvalue:3 torch.split:9 torch.chunk:2
torch.unbind:1 torch.reshape:2 torch.flatten:1 torch.squeeze:2 torch.permute:1 torch.movedim:2 torch.flip:1
torch.roll:2 torch.rot90:2 torch.tile:2 torch.repeat_interleave:1 torch.broadcast_to:1 torch.select:1
torch.index_select:1 torch.gather:1 torch.scatter_add:1 torch.nonzero:12 torch.index_add:1 torch.einsum:19
torch.zeros:2 torch.ones:2 torch.linspace:1 torch.eye:1 torch.randint:1 torch.randperm:1 torch.multinomial:3
torch.normal:16 torch.bincount:1 torch.cdist:21 torch.meshgrid:22 torch.dist:2 torch.linalg.norm:1 torch.clamp_:2
x.clamp:2 x.prod:1 x.std:1 x.var:1 x.norm:3 x.topk:4 x.split:8 x.chunk:2 x.unbind:1 x.reshape:2 x.flatten:1
x.squeeze:3 x.permute:2 x.expand:1 x.repeat:3 x.roll:2 x.tile:2 x.select:1 x.index_select:1 x.gather:1
x.scatter_add_:1 x.index_add_:1 x.clamp_:2 x.copy_:1 x.to:1 x.float:1 x.double:1 x.long:1 x.bool:1 x.contiguous:1
x.dim:2 x.size:3 x.stride:3 x.unique:1 x.unfold:3 x.requires_grad_:1 x.is_contiguous:1 x.repeat_interleave:1
F.silu:10 F.elu:11 F.leaky_relu:11 F.softmax:10 F.log_softmax:10 F.hardtanh:10 F.max_pool2d:13 F.avg_pool2d:2
F.adaptive_avg_pool2d:9 F.interpolate:5 F.pad:13 F.dropout:10 F.layer_norm:1 F.batch_norm:19 F.group_norm:8
F.normalize:1 F.embedding:21 F.one_hot:13 F.cross_entropy:21 F.nll_loss:21 F.scaled_dot_product_attention:41
F.unfold:20 F.pixel_shuffle:3
""".split()
)


@pytest.mark.parametrize("name", CALLS)
def test_errors_are_torchs(name: str):
    count, found = differences(name)
    others = [one for one in found if one[2] is None or not any(words in one[2][1] for words in BEFORE)]
    assert count > 0
    assert len(others) <= int(KNOWN.get(name, 0)), others


def main() -> None:
    """Prints what differs, and the share of what is equal: `python -m compat_tests.ops.test_wrong_calls [NAME...]`."""
    total, equal, by_name = 0, 0, collections.Counter()
    for name in sys.argv[1:] or CALLS:
        count, found = differences(name)
        total, equal = total + count, equal + count - len(found)
        by_name[name] = len(found)
        for source, expected, got in found:
            print(f"{source}\n    torch  {expected[1]}\n    jtorch {got and f'{got[0].__name__}: {got[1]}'}")
    print(by_name.most_common(60))
    print(f"{equal} of {total} errors are equal: {100 * equal / total:.1f} %")


if __name__ == "__main__":
    main()
