"""How fast is plain eager source on jtorch, against PyTorch, its torch.compile, jtorch's own, and hand-written JAX?

``python -m bench.suite`` measures every workload, prints tables and writes ``bench/results/suite_DEVICE.json``;
``python -m bench.suite gpt lstm`` measures some and writes only with ``--save``. ``python -m bench.suite value NAME``
measures what one promised number needs (``--last``: takes the last results) and ends with ``value: X``. README.md in
this folder says what the columns mean.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

from bench import tables, values
from bench.record import RESULTS, machine, write
from bench.turns import ROOT, Turn, in_turns, ratio
from bench.workloads import WORKLOADS

SIDES = ("torch", "jtorch", "jtorch_compile", "torch_compile", "jax")
DEFAULT_SIDES = tuple(side for side in SIDES if side != "torch_compile")  # it takes a minute to compile each
KINDS = ("step", "backward", "forward")
KEEPS_PROGRAMS = ("jtorch", "jtorch_compile")  # sides with a program cache on disk
CLOSE = {"float32": 1e-3, "bfloat16": 5e-2}  # relative difference of the first losses
ROUGHLY = 0.3  # the same where a side draws random numbers of its own
SIDE_SECONDS = 600  # for one answer; a side that takes longer is left out
ROUND_SECONDS = {"step": 10.0, "backward": 4.0, "forward": 4.0}  # all sides together: fewer rounds of a slow step


class Sides:
    """The processes of one workload."""

    def __init__(self, workload: str, options: argparse.Namespace, folder: Path):
        self.workload, self.options, self.folder = workload, options, folder
        self.turns: dict[str, Turn] = {}
        self.started: dict[str, dict] = {}
        self.words = (workload, options.device, options.dtype, str(folder / f"{workload}.npz"))
        if "jax" in options.sides:
            subprocess.run([sys.executable, "-m", "bench.sides", "state", *self.words], cwd=ROOT, check=True)

    def start(self, side: str) -> None:
        """The first steps with empty caches, and again in a fresh process with what that one left on disk."""
        cache = self.folder / f"{self.workload}-{side}"
        environment = {
            "JTORCH_CACHE_DIR": str(cache),
            "TORCHINDUCTOR_CACHE_DIR": str(cache),
            **device_settings(self.options),
        }
        cache.mkdir(mode=0o700)

        def begin() -> Turn:
            errors = self.folder / f"{self.workload}-{side}.txt"
            words = ("bench.sides", side, *self.words)
            return Turn(*words, limit=SIDE_SECONDS, environment=environment, errors=errors)

        try:
            turn = begin()
            started = {"cold": json.loads(turn.ready)}
            if side in KEEPS_PROGRAMS and self.options.warm:
                turn.close()
                turn = begin()
                started["warm"] = json.loads(turn.ready)
        except RuntimeError as error:
            print(f"{self.workload}: {side} left out, it {error}", flush=True)
            return
        self.turns[side], self.started[side] = turn, started

    def _ask(self, side: str, word: str) -> dict | None:
        """A side's answer; one that dies of the question is left out from then on."""
        try:
            return json.loads(self.turns[side].ask(word))
        except (RuntimeError, BrokenPipeError) as error:
            print(f"{self.workload}: {side} has no {word}, it {error}", flush=True)
            del self.turns[side]
            return None

    def kind(self, kind: str) -> tuple[dict[str, dict], dict[str, dict[str, float]]]:
        """Times one kind of step on all sides in turns; what was found of each side, and ratios of sides."""
        found = {side: ready for side in list(self.turns) if (ready := self._ask(side, kind)) is not None}
        round_seconds = sum(max(each["block"] * each["seconds"], 0.05) for each in found.values())
        rounds = max(3, min(self.options.rounds, int(ROUND_SECONDS[kind] / round_seconds)))
        seconds = in_turns(self.turns, rounds)
        for side, blocks in seconds.items():
            low, _, high = quantiles(blocks, n=4)
            found[side] |= {"median": median(blocks), "spread": (high - low) / median(blocks), "rounds": rounds}
        for side in list(self.turns) if self.options.look and kind == "step" else ():
            found[side] |= self._ask(side, "look") or {}
        return found, ratios(seconds)

    def close(self) -> None:
        for turn in self.turns.values():
            turn.close()


def device_settings(options: argparse.Namespace) -> dict[str, str]:
    """What XLA must know before it starts: on a GPU that others use it too, and how float32 products are computed."""
    if options.device == "cpu":
        return {"JAX_PLATFORMS": "cpu"}
    precision = "tensorfloat32" if options.tf32 else "highest"
    return {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_DEFAULT_MATMUL_PRECISION": precision}


def ratios(seconds: dict[str, list[float]]) -> dict[str, float]:
    """The other sides' time over jtorch's: above 1, jtorch is faster."""
    if "jtorch" not in seconds:
        return {}
    return {
        f"{side}/jtorch": 1 / ratio(seconds["jtorch"], theirs) for side, theirs in seconds.items() if side != "jtorch"
    }


def disagreement(workload: str, started: dict[str, dict], dtype: str) -> float:
    """The largest relative difference of the first losses between sides; a loud line where it is too large."""
    losses = {side: each["cold"]["losses"] for side, each in started.items()}
    if not losses:
        return float("nan")
    first = losses.get("torch", next(iter(losses.values())))
    worst = 0.0
    for side, found in losses.items():
        gap = max(abs(a - b) / max(abs(b), 1e-6) for a, b in zip(found, first, strict=True))
        roughly = started[side]["cold"]["draws"]
        if not gap <= (ROUGHLY if roughly else CLOSE[dtype]):
            print(
                f"!!! {workload}: first losses of {side} DIFFER from the others': {found} against {first}", flush=True
            )
        worst = worst if roughly else max(worst, gap)
    return worst


def measure(workload: str, options: argparse.Namespace) -> dict:
    """Everything about one workload."""
    with tempfile.TemporaryDirectory() as folder:
        sides = Sides(workload, options, Path(folder))
        try:
            for side in options.sides:
                sides.start(side)
            result = {
                "date": datetime.now().isoformat(timespec="seconds"),
                **machine(),
                "start": sides.started,
                "disagreement": disagreement(workload, sides.started, options.dtype),
                "kinds": {},
                "ratios": {},
            }
            for kind in options.kinds:
                if kind == "step" or all(each["cold"]["trains"] for each in sides.started.values()):
                    result["kinds"][kind], result["ratios"][kind] = sides.kind(kind)
        finally:
            sides.close()
    return result


def results_name(options: argparse.Namespace) -> str:
    return f"suite_{options.device}" + ("" if options.dtype == "float32" else f"_{options.dtype}")


def last(options: argparse.Namespace) -> dict[str, dict]:
    """The workloads' results on disk."""
    file = RESULTS / f"{results_name(options)}.json"
    return json.loads(file.read_text())["workloads"] if file.exists() else {}


def merged(old: dict, new: dict) -> dict:
    """`old` with what `new` measured again."""
    both = {**old, **new}
    for key in old.keys() & new.keys():
        if isinstance(old[key], dict) and isinstance(new[key], dict):
            both[key] = merged(old[key], new[key])
    return both


def save(found: dict[str, dict], options: argparse.Namespace) -> None:
    results = last(options)
    whole = set(DEFAULT_SIDES) <= set(options.sides) and options.kinds == list(KINDS)
    for workload, result in found.items():
        results[workload] = result if whole else merged(results.get(workload, {}), result)
    write(results_name(options), {"workloads": {name: results[name] for name in WORKLOADS if name in results}})


def run(names: list[str], options: argparse.Namespace) -> dict[str, dict]:
    """Measures workloads one after the other and prints each as it is known."""
    found = {}
    for name in names:
        try:
            found[name] = measure(name, options)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"{name} left out: {error}", flush=True)
            continue
        tables.print_times({name: found[name]}, options.kinds, head=len(found) == 1)
        if options.save:
            save({name: found[name]}, options)
    tables.print_starts(found)
    return found


def value(name: str, options: argparse.Namespace) -> float:
    """One promised number, measured now or taken from the last results."""
    wanted = values.VALUES[name]
    if options.last:
        found = last(options)
    else:
        options.sides, options.kinds, options.warm = list(wanted.sides), ["step"], wanted.warm
        found = run([n for n in WORKLOADS if wanted.workloads is None or n in wanted.workloads], options)
    return wanted.of(found)


def arguments() -> argparse.Namespace:
    def listed(known: tuple[str, ...]):
        def parse(text: str) -> list[str]:
            names = list(known) if text == "all" else text.split(",")
            if set(names) - set(known):
                raise argparse.ArgumentTypeError(f"known are {', '.join(known)}")
            return [name for name in known if name in names]

        return parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", help=f"workloads ({', '.join(WORKLOADS)}), or: value {'|'.join(values.VALUES)}"
    )
    parser.add_argument(
        "--sides", type=listed(SIDES), default=list(DEFAULT_SIDES), help="all, or some of " + ",".join(SIDES)
    )
    parser.add_argument("--kinds", type=listed(KINDS), default=list(KINDS), help="some of " + ",".join(KINDS))
    parser.add_argument("--rounds", type=int, default=11, help="blocks of each side at most")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=tuple(CLOSE), default="float32")
    parser.add_argument("--tf32", action="store_true", help="allow TF32 on a GPU, on all sides")
    parser.add_argument("--last", action="store_true", help="with value: from the last results, without measuring")
    parser.add_argument("--save", action="store_true", help="write the results of a part of the suite too")
    parser.add_argument("--no-warm", dest="warm", action="store_false", help="skip the start with a warm disk cache")
    parser.add_argument("--no-look", dest="look", action="store_false", help="skip memory and host time")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # through `finally`, which ends the sides
    if options.names[:1] == ["value"]:
        (name,) = options.names[1:]
        print(f"value: {value(name, options):.4f}")
        return
    unknown = set(options.names) - set(WORKLOADS)
    if unknown:
        sys.exit(f"no such workload: {', '.join(sorted(unknown))}")
    options.save |= not options.names
    run(options.names or list(WORKLOADS), options)
    if not options.names:
        values.print_all(last(options))


if __name__ == "__main__":
    main()
