"""How long the bodies of ops are: ``python -m compat_tests.harness.bodies`` prints the median and the longest.

Counted are the lines between the signature and the end, without docstring, blank lines and comments.
"""

import ast
import inspect
import statistics
import textwrap
from collections.abc import Callable

import jtorch
from jtorch._declare.family import OPS


def lines_of(body: Callable) -> int:
    """Lines of code of a function, its signature apart."""
    source = textwrap.dedent(inspect.getsource(body))
    function = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.Lambda)))
    if isinstance(function, ast.Lambda):
        return 1
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    lines = source.splitlines()
    first, last = statements[0].lineno, statements[-1].end_lineno
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines[first - 1 : last])


def main() -> None:
    bodies = {one.body for one in OPS.values() if hasattr(one, "body")}
    bodies |= {one.body for one in vars(jtorch.Tensor).values() if hasattr(one, "body")}  # views have theirs here
    found = {f"{body.__module__}.{body.__qualname__}": lines_of(body) for body in bodies}
    for name, count in sorted(found.items(), key=lambda pair: -pair[1])[:10]:
        print(f"{count:4} {name}")
    print(f"{len(found)} ops\nvalue: {statistics.median(found.values()):g}")


if __name__ == "__main__":
    main()
