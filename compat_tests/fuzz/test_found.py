"""What random programs found, shrunk: each program does the same with torch and with jtorch."""

import pytest

from compat_tests.fuzz.programs import Line, replay

FOUND = {
    "a bool times nan": "m = torch.tensor([True, False]); t1 = m * torch.tensor([1., float('nan')])",
    "a bool divided by 0": "m = torch.tensor([True, False]); t1 = m / torch.tensor([-1., 0.])",
    "a complex number as a byte": "t0 = torch.full((3,), -1.5, dtype=torch.complex64); t1 = t0.byte()",
    "a view under no_grad": "t0 = torch.ones(3, requires_grad=True)\nwith torch.no_grad():\n    t1 = t0[1:]",
    "its gradient": "t0 = torch.ones(3).requires_grad_()\nwith torch.no_grad():\n    t1 = t0[1:]\nt1.sum().backward()",
    "a write to it": "t0 = torch.ones(3, requires_grad=True)\nwith torch.no_grad():\n    t1 = t0[1:]\nt1.mul_(2)",
    "its view": "t0 = torch.ones(3, requires_grad=True)\nwith torch.no_grad():\n    t1 = t0[1:]\nt1[0] = 1",
    "a row written": "t0 = torch.ones(3, 3, requires_grad=True) * 1; t1 = t0.unbind(0)[1]; t1.mul_(2)",
    "a row written in part": "t0 = torch.ones(3, 3, requires_grad=True) * 1; t1 = t0.unbind(0)[1]; t1[0] = 2",
    "a part of a split": "t0 = torch.ones(4, requires_grad=True) * 1; t1 = t0.split(2)[1]; t1.add_(1)",
    "an unsafe part": "t0 = torch.ones(4, requires_grad=True) * 1; t1 = t0.unsafe_split(2)[1]; t1.add_(1)",
    "a tensor_split": "t0 = torch.ones(4, requires_grad=True) * 1; t1 = t0.tensor_split(2)[1]; t1.add_(1)",
    "writes to .data": "t0 = torch.rand(3); t1 = t0.data; t1.mul_(2); t0.add_(1)",
    "copy.copy": "t0 = torch.ones(3); t1 = copy.copy(t0); t1.log2_()",
    "set_": "t0 = torch.ones(3); t0.set_(torch.ones(2))",
    "set_ of another type": "t0 = torch.ones(3); t0.set_(torch.ones(2, dtype=torch.float64))",
    "conj_physical of reals": "t0 = torch.ones(3, requires_grad=True) * 2; t1 = t0.conj_physical()",
    "all of a result assigned": "t0 = torch.ones(3, requires_grad=True) * 2; t0[...] = 1",
    "a 0-dim result assigned": "t0 = torch.ones(3, requires_grad=True).sum(); t0[...] = 1",
    "a leaf's part assigned": "t0 = torch.ones(3, requires_grad=True); t0[1:] = 1",
    "all of a leaf assigned": "t0 = torch.ones(3, requires_grad=True); t0[:] = 1",
    "a leaf assigned by tensors": "t0 = torch.ones(3, requires_grad=True); t0[[0]] = 1",
    "False as an index": "t0 = torch.ones(3); t0[False] = torch.ones(7)",
    "floats as indices": "t0 = torch.ones(3); t1 = t0[[0, 1.5]]",
    "a slice of a number": "t0 = torch.ones(()); t1 = t0[0:1]",
    "the second dimension": "t0 = torch.ones(3, 4); t1 = t0[0, 5]",
    "itself by a list": "t0 = torch.ones(3); t0[[1]] = t0",
    "a byte mask": "t0 = torch.ones(3); t0[torch.ones(3, dtype=torch.uint8)] = 2",
    "too large a number": "t0 = torch.ones(3); t0[0] = 10 ** 40",
    "a comparison in place": "t0 = torch.ones(3, requires_grad=True) * 2; t0.eq_(2); t0.sum().backward()",
    "a draw in place": "t0 = torch.ones(3, requires_grad=True) * 2; t0.uniform_()",
    "a wider operand in place": "t0 = torch.ones(3).requires_grad_() * 2; t0.fmod_(torch.ones(3).double())",
    "a copy across types": "t0 = torch.zeros(3, dtype=torch.float64); t0.copy_(torch.ones(3, requires_grad=True))",
    "a squeeze in place": "t0 = torch.ones(1, 3, requires_grad=True) * 2; t0.squeeze_(0)",
    "floor division": "t0 = torch.ones(3, requires_grad=True); t1 = t0 // 2; t1.sum().backward()",
    "a number less a tensor": "t0 = torch.ones(3, requires_grad=True); t1 = 1 - t0",
    "a number where a tensor belongs": "t0 = torch.ones(3); t1 = t0.arctan2_(2)",
    "a number as an index": "t0 = torch.ones(3); t1 = t0.gather(0, 1)",
    "bits of floats": "t0 = torch.ones(3, requires_grad=True); t0 ^= 1",
    "a clamp to a float": "t0 = torch.ones(3, dtype=torch.int64); t0.clamp_max_(-1.5)",
    "a logical op in place": "t0 = torch.ones(3, requires_grad=True) * 2; t0.logical_not_()",
    "a complex sum backward": "t0 = torch.ones(3, dtype=torch.complex64, requires_grad=True); t0.sum().backward()",
    "a gradient with a graph": "t0 = torch.ones(3).requires_grad_(); t0.pow(2).sum().backward(create_graph=True)",
    "a row divided by a number": "t0 = torch.tensor([-0.3, 0.7, 1.3]); t1 = t0 / 3; t2 = t0 // t1",
    "an overtaken part": "t0 = torch.ones(3, requires_grad=True) * 1; t1 = t0.split(1)[0]; t0.mul_(2); t2 = t1 * 2",
    "an overtaken row": "t0 = torch.ones(3, requires_grad=True) * 1; t1 = t0.unbind(0)[0]; t0.mul_(2); t2 = t1.sum()",
    "parts of what had no gradient": "t0 = torch.ones(4); t1 = t0.chunk(2)[0]; t1.mul_(torch.ones(2).requires_grad_())",
    "a part of what got one": "t0 = torch.ones(2); t1 = t0.chunk(2)[0]; t0.mul_(torch.ones(2).requires_grad_())",
    "slices beyond the end": "t0 = torch.ones(2, requires_grad=True) * 1; t0[0:5] = 1",
    "a norm of nothing": "t0 = torch.ones(0); t1 = t0.norm(-1)",
    "a part that is a leaf": "t0 = torch.ones(4).split(2)[0]; t0.requires_grad_(); (t0 * 2).sum().backward()",
    "a row of a constant": "t0 = torch.ones(2, 2); t1 = t0.unbind(0)[0]; t1.mul_(2); t2 = t1 + 1",
    "a leaf no more": "t0 = torch.ones(2).requires_grad_(); t1 = t0 * 2; t0.requires_grad_(False); t1.sum().backward()",
    "a leaf of another size": "t0 = torch.ones(3, requires_grad=True); t0.copy_(torch.ones(2))",
    "too many for a number": "t0 = torch.ones(()); t1 = t0.index_select(0, torch.tensor([0, 0]))",
    "a draw refused": "t0 = torch.zeros(4).expand(2, 4); t0.uniform_(); t1 = torch.rand(2)",
    "nothing but the last": "t0 = torch.ones(0, requires_grad=True); t0[:-1] = 1",
    "a function that is 1 at 0": "t0 = torch.zeros(1); t1 = torch.i0(t0).ceil()",
    "other data in a graph": "t0 = torch.ones(3, requires_grad=True) * 2; t0.data = torch.ones(()); t0.backward()",
    "a square in place": "for t in [torch.rand(3).requires_grad_() * 1]:\n    t *= t\n    t.sum().backward()",
    "a power of itself in place": "for t in [torch.rand(3).requires_grad_() * 1]:\n    t.pow_(t).sum().backward()",
    "a rest written since": "t0 = torch.ones(3, requires_grad=True) * 1; t1 = t0 % 3; t0.mul_(2); t1.sum().backward()",
    "an expanded part": "t0 = torch.arange(3); t1 = t0[:, None].expand(3, 3); t1[[True, True, False], -1] = 7",
    "a number less a turned tensor": "t0 = torch.eye(2).T; t1 = 0.5 - t0; t2 = -1.5 + t0",
    "nothing is contiguous": "t0 = torch.rand(2, 3)[2:1, ::2]; t1 = t0.contiguous()",
    "a loss of what is expanded": "t0 = torch.ones(1).expand(2, 1); t1 = torch.nn.functional.mse_loss(t0, t0 + 1)",
    "acosh in place": "t0 = torch.rand(3, requires_grad=True) * 1; t0.acosh_(); t0.sum().backward()",
    "set_ in the graph": "t0 = torch.rand(3, requires_grad=True) * 1; t0.set_(); t0.sum().backward()",
    "a negative length": "t0 = -torch.ones(2).requires_grad_(); t1 = torch.polar(t0, t0); t1.real.sum().backward()",
    "a turn of .data": "t0 = torch.eye(3); t1 = t0.data; t1.swapaxes_(0, 1)",
    "a power that is one": "t0 = torch.ones(1, requires_grad=True); t1 = torch.vander(t0)",
    "itself with a dimension more": "t0 = torch.ones(2, 3); t1 = t0[None]; t1.mul_(t0)",
    "a part of itself": "t0 = torch.ones(2, 3); t0.mul_(t0[0, :2])",
    "shapes before kernels": "t0 = torch.ones(3, 2); t1 = t0.gcd(torch.ones(2, 3))",
    "a 0-dim part replaced": "t0 = torch.tensor(1.0); t1 = t0.slice_scatter(t0)",
    "the number next to itself": "t0 = torch.ones(3).requires_grad_(); torch.nextafter(t0, t0 * 1).sum().backward()",
    "bytes of a type": "t0 = torch.ones(2).requires_grad_(); t1 = t0.view(torch.float32); t2 = t0.view(torch.int32)",
    "a leaf turned": "t0 = torch.ones(3).requires_grad_(); t1 = t0 * 1; t0.logical_not_(); t1[1:].logical_not_()",
    "differences of nothing": "t0 = torch.ones(0); t1 = t0.diff(); t1.add_(1)",
    "a deep copy's writes": "t0 = torch.ones(2); t0.set_(torch.ones(3)); t1 = copy.deepcopy(t0); t1.add_(1)",
    "a roll of nothing": "t0 = torch.ones(0, 3); t1 = t0.roll(1, 5)",
    "an empty part of a list": "t0 = torch.ones(2, 2); t1 = torch.cat([t0[0, :0], t0, torch.ones(3, 3)])",
    "kron with a number": "t0 = torch.ones(3, dtype=torch.bfloat16); t1 = torch.kron(t0, torch.ones(()))",
    "a place twice": "t0 = torch.eye(3); t1 = torch.rand(3).requires_grad_(); t0[[0, 0]] = t1; t0.sum().backward()",
    "a leaf that is a part": "t0 = torch.rand(6)[:4].requires_grad_(); t0.as_strided((2,), (1,), 1).sum().backward()",
    "a view of a part that is a leaf": "t0 = torch.rand(2, 3)[1].requires_grad_(); t1 = t0[:2]; t1.mul_(2)",
    "a number written where elements share memory": "t0 = torch.rand(3, 1).expand(3, 4); t0[1] = 3",
    "unique in the graph": "t0 = torch.ones(3).requires_grad_(); t1 = t0.unique(); t1.sum().backward()",
    "the median of nothing": "t0 = torch.ones(0, dtype=torch.int8).median(); t1 = torch.ones(0).bool().median()",
    "a reshape of what is turned": "t0 = torch.rand(2, 3, requires_grad=True).t(); t1 = t0.reshape(3, 1, 2)",
    "data, and a view": "t0 = torch.ones(2); t1 = t0[:1]; t0.data = t0 * 2; t0 += 1; t1 += 1; t0.data = t1 * 2;",
    "too many dimensions for t_": "t0 = torch.rand(2, 3, 4); t0.t_()",
}  # fmt: skip


def statements(text: str) -> list[str]:
    """A program's statements, a `with` or `for` together with what stands below it."""
    found: list[str] = []
    for line in text.split("\n"):
        if line.startswith(" "):
            found[-1] += f"\n{line}"
        else:
            found += [line] if line.startswith(("with", "for")) else line.split("; ")
    return found


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND)
def test_does_the_same(text: str):
    found = replay([Line("found", "found", one) for one in statements(text)], lazy=False)
    assert [one.words for one in found] == []
