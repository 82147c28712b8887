"""The suite's results as tables."""

from __future__ import annotations

from bench.values import memory_ratio, per_op

MILLI, MICRO, MB = 1e3, 1e6, 1e-6
SIDES = ("torch", "torch_compile", "jax", "jtorch", "jtorch_compile")
PAIRS = ("torch/jtorch", "jax/jtorch", "torch_compile/jtorch")


def _cell(x: float | None, width: int, digits: int, scale: float = 1.0) -> str:
    """A number, or a blank where none was measured."""
    return " " * width if x is None or x != x else f"{x * scale:{width}.{digits}f}"


def print_times(results: dict[str, dict], kinds: list[str], head: bool = True) -> None:
    """Milliseconds a step with its spread, ratios, and what is inside a step, one line a workload and kind."""
    if head:
        print(
            f"{'':15} {'':8} {'torch ms':>15} {'t.compile ms':>15} {'jax ms':>15} {'jtorch ms':>15}"
            f" {'jt.compile ms':>15} {'torch/jt':>9} {'jax/jt':>7} {'t.c/jt':>7}"
            f" {'ops':>5} {'us/op':>6} {'host us':>8} {'compiled':>8}"
        )
    for name, result in results.items():
        for kind in kinds:
            if kind not in result["kinds"]:
                continue
            sides, pairs = result["kinds"][kind], result["ratios"][kind]
            line = f"{name:15} {kind:8}"
            for side in SIDES:
                found = sides.get(side, {})
                spread = f" ±{_cell(found['spread'], 3, 0, 100)}%" if found else " " * 6
                line += f" {_cell(found.get('median'), 9, 3, MILLI)}{spread}"
            for pair, width in zip(PAIRS, (9, 7, 7), strict=True):
                line += " " + _cell(pairs.get(pair), width, 2)
            ours, compiled = sides.get("jtorch", {}), sides.get("jtorch_compile", {})
            line += f" {_cell(ours.get('ops'), 5, 0)} {_cell(per_op(results, name) if kind == 'step' else None, 6, 2)}"
            line += f" {_cell(ours.get('host'), 8, 0, MICRO)} {_cell(compiled.get('host'), 8, 0, MICRO)}"
            print(line, flush=True)


def print_starts(results: dict[str, dict]) -> None:
    """Seconds to the first and the third step, programs, and memory of a step."""
    print(
        f"\n{'s to step 1 | 3':15} {'torch':>13} {'t.compile':>13} {'jax':>13} {'jtorch cold':>13} {'warm':>13}"
        f" {'jt.compile':>13} {'warm':>13} {'whole':>6} {'op':>4}"
        f" {'torch MB':>9} {'jax MB':>8} {'jt MB':>8} {'jt/torch':>8} {'losses':>8}"
    )
    columns = [(side, "cold") for side in SIDES[:3]] + [
        (side, cache) for side in SIDES[3:] for cache in ("cold", "warm")
    ]
    for name, result in results.items():
        line = f"{name:15}"
        for side, cache in columns:
            found = result["start"].get(side, {}).get(cache, {})
            line += f" {_cell(found.get('first'), 6, 2)}{_cell(found.get('third'), 7, 2)}"
        step = result["kinds"].get("step", {})
        programs = step.get("jtorch", {}).get("programs", {})
        line += f" {_cell(programs.get('whole'), 6, 0)} {_cell(programs.get('op'), 4, 0)}"
        for side, width in (("torch", 9), ("jax", 8), ("jtorch", 8)):
            line += " " + _cell(step.get(side, {}).get("memory"), width, 2, MB)
        print(f"{line} {_cell(memory_ratio(results, name), 8, 2)} {result['disagreement']:8.0e}", flush=True)
