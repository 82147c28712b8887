"""`vmap` of tensors on an accelerator, beside numbers and results on the CPU."""

import pytest

import jtorch as torch


@pytest.fixture
def there(device):
    return torch.arange(6.0, device=device).view(3, 2).requires_grad_()


def test_beside_a_number_on_the_cpu(there, first):
    two = torch.tensor(2.0)
    sums = torch.vmap(lambda row: (row * two).sum())(there)
    sums.sum().backward()
    assert str(sums.device) == str(there.grad.device) == first
    assert sums.tolist() == [2.0, 10.0, 18.0]
    assert there.grad.tolist() == [[2.0, 2.0]] * 3


def test_gradients_in_batches(there, device):
    y = (there * torch.tensor(2.0)) ** 2
    (g,) = torch.autograd.grad(y.sum(0), there, torch.eye(2, device=device), is_grads_batched=True)
    assert g.shape == (2, 3, 2)
    assert g[0, 1].tolist() == [16.0, 0.0]


def test_results_on_two_devices(there, first):
    two = torch.tensor(2.0)
    scaled, number = torch.vmap(lambda row: (row * two, two + 1))(there)
    assert (str(scaled.device), str(number.device)) == (first, "cpu")
    assert number.tolist() == [3.0, 3.0, 3.0]


def test_moves_inside(there):
    assert torch.vmap(lambda row: row.cpu() * 2)(there.detach()).tolist() == [[0.0, 2.0], [4.0, 6.0], [8.0, 10.0]]


def test_operands_on_two_devices(there, first):
    with pytest.raises(RuntimeError, match=f"found at least two devices, {first} and cpu!"):
        torch.vmap(lambda row: row + torch.ones(2))(there.detach())
