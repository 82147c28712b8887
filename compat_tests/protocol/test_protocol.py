"""Every line of `lines/` shows the same with torch and jtorch, but those of known.toml, which differ for a reason."""

import tomllib
from pathlib import Path

import pytest

from compat_tests.protocol.run import difference, lines, themes

KNOWN = {
    line
    for row in tomllib.loads((Path(__file__).parent / "known.toml").read_text())["difference"]
    for line in row["lines"]
}


@pytest.mark.parametrize("theme", themes())
def test_lines(theme: str):
    found = {line: said for line in lines(theme) if (said := difference(line)) is not None}
    unknown = [said for line, said in found.items() if line not in KNOWN]
    assert not unknown, "\n".join(unknown)
    stale = KNOWN.intersection(lines(theme)) - found.keys()
    assert not stale, f"known.toml lists lines that do not differ: remove {sorted(stale)}"


def test_known_lines_are_lines():
    every = {line for theme in themes() for line in lines(theme)}
    assert every >= KNOWN, f"known.toml lists what is no line: {sorted(KNOWN - every)}"
