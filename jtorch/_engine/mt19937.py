"""The Mersenne Twister inside an XLA program: the words of `random.Generator`, bit for bit, for large draws.

Source: Matsumoto and Nishimura, "Mersenne Twister" (1998), MT19937. A new block of 624 words depends on the one before
it; within the block each word depends on words 1 and 397 places on, so it can be made in three vector steps, the
longest run that does not read what it writes being 227 words. A scan over blocks then gives the stream.

The conversions are those of `random` and are traced inside ``jax.enable_x64()``.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jtorch._engine import vecmath

WORDS = 624
_AHEAD = 397
_RUN = WORDS - _AHEAD


def _mixed(high: jax.Array, low: jax.Array) -> jax.Array:
    """What the top bit of one word and the other bits of the next give to a new word."""
    joined = (high & np.uint32(0x80000000)) | (low & np.uint32(0x7FFFFFFF))
    return (joined >> 1) ^ (-(joined & 1) & np.uint32(0x9908B0DF))


def _next_block(old: jax.Array) -> jax.Array:
    first = old[_AHEAD:] ^ _mixed(old[:_RUN], old[1 : _RUN + 1])
    second = first ^ _mixed(old[_RUN : 2 * _RUN], old[_RUN + 1 : 2 * _RUN + 1])
    third = second[: WORDS - 1 - 2 * _RUN] ^ _mixed(old[2 * _RUN : -1], old[2 * _RUN + 1 :])
    last = second[WORDS - 1 - 2 * _RUN : WORDS - 2 * _RUN] ^ _mixed(old[-1:], first[:1])
    return jnp.concatenate([first, second, third, last])


def _tempered(words: jax.Array) -> jax.Array:
    words = words ^ (words >> 11)
    words = words ^ ((words << 7) & np.uint32(0x9D2C5680))
    words = words ^ ((words << 15) & np.uint32(0xEFC60000))
    return words ^ (words >> 18)


def draw_words(
    state: jax.Array, position: jax.Array, count: int, *, stored: bool = False
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The next ``count`` words, the state and the position after them.

    ``state`` holds 624 uint32 and ``position``, from 0 to 624, says how many of them are used up: what
    `Generator.words_state` gives and `Generator.set_words_state` takes. ``count`` is static. ``stored`` has the words
    written out before they are read, for a reader that does not take them one after the other, as `normal_f32`.

    >>> from jtorch._engine.random import Generator
    >>> generator = Generator().manual_seed(0)
    >>> words, state, position = draw_words(*generator.words_state(), 5)
    >>> bool((words == generator.words32(5)).all()), int(position)
    (True, 5)
    """
    state, position = jnp.asarray(state, jnp.uint32), jnp.asarray(position, jnp.int32)
    blocks = -(-count // WORDS)
    if not blocks:
        return jnp.zeros(0, jnp.uint32), state, position

    def step(states: tuple[jax.Array, jax.Array], _: Any) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        new = _next_block(states[1])
        return (states[1], new), new

    (before, last), made = jax.lax.scan(step, (state, state), length=blocks)
    stream = jnp.concatenate([state, made.reshape(-1)])

    def cut() -> jax.Array:
        return _tempered(jax.lax.dynamic_slice(stream, (position,), (count,)))

    # Fused into a reader that goes by stride, the cut at a runtime offset is not vectorised (11 ms for 1M normals, not
    # 3.5). On CPU a branch that XLA cannot decide is the only barrier to that; it costs more than it gives elsewhere.
    words = jax.lax.cond(position >= 0, cut, lambda: jnp.zeros(count, jnp.uint32)) if stored else cut()
    end = position + count
    # Which block `end` lies in depends on where the draw began: the last one made, or the one before it.
    used = jnp.maximum(end - 1, 0) // WORDS
    return words, jnp.where(used == blocks, last, before), end - used * WORDS


def uniform_f32(words: jax.Array) -> jax.Array:
    """float32 numbers in [0, 1), one from each word."""
    return (words & np.uint32(2**24 - 1)).astype(jnp.int32).astype(jnp.float32) * np.float32(2**-24)


def scaled_f32(uniforms: jax.Array, low: Any, high: Any) -> jax.Array:
    """float32 numbers in [0, 1) taken to [low, high), as ``uniform_`` does; ``low`` and ``high`` are numbers."""
    low, high = jnp.asarray(low, jnp.float32), jnp.asarray(high, jnp.float32)
    width, start = (high - low).astype(jnp.float64), low.astype(jnp.float64)
    numbers = vecmath.fma_f32(uniforms.astype(jnp.float64), width, start, jnp)
    return jnp.where(numbers == high, low, numbers)


def _significands(words: jax.Array) -> jax.Array:
    """53 bits, uint64, of each two words, the earlier one the high one."""
    # One bitcast: taking the two words of a pair by stride is five times slower on CPU.
    pairs = jax.lax.bitcast_convert_type(words.reshape(-1, 2), jnp.uint64)
    return ((pairs >> 32) | (pairs << 32)) & np.uint64(2**53 - 1)


def uniform_f64(words: jax.Array) -> jax.Array:
    """float64 numbers in [0, 1), one from each two words."""
    return _significands(words).astype(jnp.int64).astype(jnp.float64) * 2.0**-53


def bernoulli(words: jax.Array, p: Any) -> jax.Array:
    """True with probability ``p``, a float64 number: one from each two words, as dropout draws them."""
    # m * 2**-53 < p for an integer m is m < ceil(p * 2**53).
    return _significands(words) < jnp.ceil(jnp.asarray(p, jnp.float64) * 2.0**53).astype(jnp.uint64)


def normal_words(count: int) -> int:
    """Words that `normal_f32` takes for ``count`` numbers, 16 or more."""
    return count + (16 if count % 16 else 0)


def normal_f32(words: jax.Array, count: int, mean: Any = 0.0, std: Any = 1.0) -> jax.Array:
    """``count`` float32 normals, 16 or more, from `normal_words` words; ``mean`` and ``std`` are numbers."""
    mean, std = (jnp.asarray(number, jnp.float32).astype(jnp.float64) for number in (mean, std))
    whole, uniforms = count - count % 16, uniform_f32(words)
    if count % 16:
        uniforms = jnp.concatenate([uniforms[:whole], uniforms[count:]])
    pairs = uniforms.reshape(-1, 2, 8)
    first, second = vecmath.normals_f32(pairs[:, 0], pairs[:, 1], mean, std, jnp)
    numbers = jnp.stack([first, second], axis=1).reshape(-1)
    return jnp.concatenate([numbers[: count - 16], numbers[whole:]]) if count % 16 else numbers
