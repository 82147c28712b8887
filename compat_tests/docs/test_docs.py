"""The examples in torch's docstrings print the same with jtorch: a seeded sample of them, all with `-m full`."""

import random

import pytest

from compat_tests.docs.collect import collect
from compat_tests.docs.compared import compare

SAMPLE = 60
LEAST = 95  # per cent of the docstrings whose examples are deterministic


def share(names: list[str]) -> tuple[float, list[str]]:
    """The per cent of docstrings that print the same, and what the others print."""
    everything = collect()
    found = compare({name: everything[name] for name in names})
    assert found, "no docstring has an example that runs"
    differing = [f"{name}: {said[0]['statement'].strip()}: {said[0]['words']}" for name, said in found.items() if said]
    return 100 * (1 - len(differing) / len(found)), differing


def test_sample():
    names = random.Random(5).sample(sorted(collect()), SAMPLE)
    same, differing = share(names)
    assert same >= LEAST - 5, "\n".join(differing)  # a sample is a sample


@pytest.mark.full
def test_all():
    same, differing = share(sorted(collect()))
    assert same >= LEAST, "\n".join(differing)
