"""Rules of the house that no linter holds. A failure names the file and the cure. Needs no real torch."""

import ast
import collections
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 600
FILES = sorted(path for top in ("jtorch", "compat_tests", "examples", "bench") for path in (ROOT / top).rglob("*.py"))
JTORCH_FILES = [path for path in FILES if path.is_relative_to(ROOT / "jtorch")]
WARNING_FILE = ROOT / "jtorch/_types/user_frame.py"
# One public namespace each: an op is defined once in it.
OP_NAMESPACES = ("_ops", "linalg", "fft.py", "special.py", "nn/functional")
# Written apart so that this file holds none of them.
MARKS = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "breakpoint" + r"\(\)")))
SILENCED = re.compile(
    r"#\s*(noqa|type:\s*ignore|pyright:\s*ignore)(:?\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*|\[[\w, -]+\])?(.*)"
)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def each_file(files: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", files, ids=name_of)


def imported(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Every import statement below a node, with each module it names; relative ones start with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


@each_file(FILES)
def test_file_is_short(path: Path):
    lines = len(path.read_text().splitlines())
    assert lines <= MOST_LINES, f"{lines} lines: split it by theme"


@each_file(FILES)
def test_no_marks_of_unfinished_work(path: Path):
    found = [number for number, line in enumerate(path.read_text().splitlines(), 1) if MARKS.search(line)]
    assert not found, f"lines {found}: finish it, or write an issue"


@each_file(FILES)
def test_silenced_checks_say_why(path: Path):
    bare = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = SILENCED.search(line)
        if found and len(found.group(4).strip(" -:#()").split()) < 2:
            bare.append(number)
    assert not bare, f"lines {bare}: the reason goes beside the code it silences"


@each_file([*JTORCH_FILES, *(ROOT / "jtorch").rglob("*.pyi")])
def test_torch_is_not_imported(path: Path):
    found = [node.lineno for node, name in imported(ast.parse(path.read_text())) if name.split(".")[0] == "torch"]
    assert not found, f"lines {found}: jtorch stands on jax alone"


@each_file(JTORCH_FILES)
def test_no_import_dodges_a_cycle(path: Path):
    """An import of jtorch inside a function hides that a layer uses one above it."""
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = (node.lineno for node, name in imported(function) if name.startswith(("jtorch", ".")))
            found += inner
    assert not found, f"lines {sorted(set(found))}: import at the top, or move the code to the layer it belongs to"


@each_file([path for path in JTORCH_FILES if path != WARNING_FILE])
def test_no_frames_are_counted_for_a_warning(path: Path):
    """How many frames of jtorch stand below the user's line is not the same in each call."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            counted = any(keyword.arg == "stacklevel" for keyword in node.keywords)
            if counted or ast.unparse(node.func) in ("warnings.warn", "warnings.warn_explicit"):
                found.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "warnings":
            found.append(node.lineno)
    assert not found, f"lines {found}: `warn` of {name_of(WARNING_FILE)} finds the user's line"


@pytest.mark.parametrize("namespace", OP_NAMESPACES)
def test_an_op_is_defined_in_one_place(namespace: str):
    top = ROOT / "jtorch" / namespace
    places = collections.defaultdict(list)
    for path in [top] if top.suffix else sorted(top.rglob("*.py")):
        if not path.exists():
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list and not node.name.startswith("_"):
                places[node.name].append(f"{name_of(path)}:{node.lineno}")
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert not twice


IMPORT_CHECK = """
import os, sys, threading
import jax, numpy, optax
before = dict(jax.config.values)
tasks = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
environment = dict(os.environ)
import jtorch
changed = {name for name, value in jax.config.values.items() if before.get(name) != value}
assert not changed, f"jax configuration changed: {changed}"
assert "torch" not in sys.modules, "real torch, or something of its name, is imported"
assert threading.active_count() == 1, threading.enumerate()
if tasks:
    assert len(os.listdir("/proc/self/task")) == tasks, "a thread was started: an XLA backend woke up?"
assert dict(os.environ) == environment, "environment variables changed"
"""


def test_import_changes_nothing():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_CHECK], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
