"""Four threads training separate models give what one after the other gives, bit for bit, and finish.

    python -m compat_tests.threads_equal

The value is the number of parameters that differ; a deadlock fails after a minute.
"""

from __future__ import annotations

import faulthandler
import threading

import numpy as np

import jtorch

THREADS, STEPS = 4, 200


def train(lib, data: tuple[np.ndarray, np.ndarray], state: dict, found: list, k: int) -> None:
    """200 Adam steps of a small model from a given start."""
    model = lib.nn.Sequential(lib.nn.Linear(6, 16), lib.nn.Tanh(), lib.nn.Linear(16, 3))
    model.load_state_dict(state)
    opt = lib.optim.Adam(model.parameters(), lr=1e-2)
    x, y = (lib.tensor(a) for a in data)
    for step in range(STEPS):
        opt.zero_grad()
        loss = lib.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        if step % 17 == k:
            loss.item()
    found[k] = [p.detach().numpy().copy() for p in model.parameters()]


def main() -> None:
    """Runs serially, then in threads, and compares."""
    faulthandler.dump_traceback_later(60, exit=True)
    rng = np.random.default_rng(0)
    data = [(rng.normal(size=(20, 6)).astype(np.float32), rng.integers(0, 3, 20)) for _ in range(THREADS)]
    states = []
    for k in range(THREADS):
        jtorch.manual_seed(k)
        model = jtorch.nn.Sequential(jtorch.nn.Linear(6, 16), jtorch.nn.Tanh(), jtorch.nn.Linear(16, 3))
        states.append({n: t.clone() for n, t in model.state_dict().items()})
    serial: list = [None] * THREADS
    for k in range(THREADS):
        train(jtorch, data[k], states[k], serial, k)
    threaded: list = [None] * THREADS
    workers = [threading.Thread(target=train, args=(jtorch, data[k], states[k], threaded, k)) for k in range(THREADS)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    pairs = [pair for s, t in zip(serial, threaded, strict=True) for pair in zip(s, t, strict=True)]
    differ = sum(not np.array_equal(a, b) for a, b in pairs)
    print(f"{len(pairs)} parameters of {THREADS} threads x {STEPS} steps compared with serial training")
    print(f"value: {differ}")
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
