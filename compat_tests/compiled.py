"""Counts how often the Python of a compiled function runs, with something a guard does not look into."""

import threading


def counted(fn):
    """``fn`` and a function that tells how often its Python ran."""
    runs = threading.local()
    runs.count = 0

    def noted(*args, **kwargs):
        runs.count += 1
        return fn(*args, **kwargs)

    return noted, lambda: runs.count
