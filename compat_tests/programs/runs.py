"""Runs scripts in processes of their own: as they are on PyTorch, and on jtorch."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SIDES = ("torch", "jtorch")
SECONDS = 900


def python(*words: str | Path, **environment: str) -> str:
    """What ``python WORDS`` prints, run from the repository's root; raises with its errors when it fails."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout


def example(name: str, side: str, *words: str | Path) -> str:
    """What an example prints on one side."""
    return python(EXAMPLES / name, *(["--torch"] if side == "torch" else []), *words)


def digits(side: str, seed: int = 0, epochs: int = 20) -> dict:
    """The log of one run of examples/digits.py: initial parameters, losses, accuracy, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.json")
        example("digits.py", side, "--seed", str(seed), "--epochs", str(epochs), "--out", folder, "--log", log)
        return json.loads(log.read_text())


@contextlib.contextmanager
def empty_caches() -> Iterator[dict[str, str]]:
    """An environment in which nothing compiled before is found."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"JTORCH_CACHE_DIR": str(Path(folder, "jtorch")), "XDG_CACHE_HOME": folder}
