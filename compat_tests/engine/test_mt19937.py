"""The Mersenne Twister as an XLA program against torch's stream, and its conversions against torch's numbers."""

from functools import cache, partial

import jax
import numpy as np
import pytest
import torch

from jtorch._engine import mt19937
from jtorch._engine.random import Generator

# Words of the first block used before the draw: how much of a block is left decides where the draw ends.
STARTS = (0, 1, 311, 623, 624)
COUNTS = (0, 1, 2, 623, 624, 625, 1248, 5000)


def started(start):
    """A torch generator and one of ours, ``start`` words after the seed."""
    oracle, generator = torch.Generator().manual_seed(9), Generator().manual_seed(9)
    torch.empty(start).random_(generator=oracle)
    generator.words32(start)
    return oracle, generator


@cache
def drawing(count, stored):
    return jax.jit(partial(mt19937.draw_words, count=count, stored=stored))


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("count", COUNTS)
def test_words_and_state(count, start, stored):
    _, generator = started(start)
    words, state, position = drawing(count, stored)(*generator.words_state())
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(words, generator.words32(count))
    expected_state, expected_position = generator.words_state()
    np.testing.assert_array_equal(state, expected_state)
    assert int(position) == expected_position


CONVERSIONS = {
    "rand": (mt19937.uniform_f32, 1, lambda n, g: torch.rand(n, generator=g)),
    "uniform": (
        lambda words: mt19937.scaled_f32(mt19937.uniform_f32(words), -1.3, 2.9),
        1,
        lambda n, g: torch.empty(n).uniform_(-1.3, 2.9, generator=g),
    ),
    "uniform up to a rounded bound": (
        lambda words: mt19937.scaled_f32(mt19937.uniform_f32(words), 1000.0, 1000.001),
        1,
        lambda n, g: torch.empty(n).uniform_(1000, 1000.001, generator=g),
    ),
    "rand of doubles": (mt19937.uniform_f64, 2, lambda n, g: torch.rand(n, dtype=torch.float64, generator=g)),
    "mask": (
        lambda words: mt19937.bernoulli(words, 0.3),
        2,
        lambda n, g: torch.empty(n, dtype=torch.bool).bernoulli_(0.3, generator=g),
    ),
}


@pytest.mark.parametrize("count", [1, 100, 3001])
@pytest.mark.parametrize("name", CONVERSIONS)
def test_uniforms_and_masks(name, count):
    convert, words_each, draw = CONVERSIONS[name]

    @jax.jit
    def program(state, position):
        words, state, position = mt19937.draw_words(state, position, words_each * count)
        return convert(words), state, position

    for start in STARTS:
        oracle, generator = started(start)
        with jax.enable_x64():
            numbers, state, position = program(*generator.words_state())
        wanted = draw(count, oracle).numpy()
        assert numbers.dtype == wanted.dtype
        np.testing.assert_array_equal(numbers, wanted)
        generator.set_words_state(np.asarray(state), int(position))
        assert generator.get_state().tobytes() == oracle.get_state().numpy().tobytes()


@pytest.mark.parametrize("p", [0.0, 1.0, 2.0**-53, 1 - 2.0**-53])
def test_certain_masks(p):
    _, generator = started(5)
    with jax.enable_x64():
        mask = jax.jit(lambda words, p: mt19937.bernoulli(words, p))(generator.words32(2000), p)
    np.testing.assert_array_equal(mask, np.full(1000, p > 0.5))


@pytest.mark.parametrize("count", [16, 17, 31, 100, 100_003])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.3, 1.7)])
def test_normals(count, mean, std):
    oracle, generator = started(5)
    expected = torch.empty(count).normal_(mean, std, generator=oracle).numpy()

    def draw(state, position, mean, std):
        words, state, position = mt19937.draw_words(state, position, mt19937.normal_words(count), stored=True)
        return mt19937.normal_f32(words, count, mean, std), state, position

    with jax.enable_x64():
        numbers, state, position = jax.jit(draw)(*generator.words_state(), mean, std)
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers, expected)
    generator.set_words_state(np.asarray(state), int(position))
    assert generator.get_state().tobytes() == oracle.get_state().numpy().tobytes()
