"""Compiled programs do not pile up: each maps memory, and a process may map only so much."""

from __future__ import annotations

import jtorch
from jtorch._engine import flush, program
from jtorch._engine.explain import counters
from jtorch._engine.flush import flusher
from jtorch._engine.tape import settings


def test_per_op_programs_make_room(monkeypatch):
    monkeypatch.setattr(program, "_op_programs", {})
    monkeypatch.setattr(program, "MOST_PROGRAMS", 8)
    monkeypatch.setattr(settings, "tier", "op")
    for n in range(1, 30):
        assert (jtorch.ones(n) * 2).sum().item() == 2 * n
        assert 0 < len(program._op_programs) <= 8


def test_whole_programs_make_room(monkeypatch):
    most = len(flusher.programs) + 4
    monkeypatch.setattr(flush, "MOST_PROGRAMS", most)
    monkeypatch.setattr(settings, "tier", "whole")
    made = counters()["whole_programs"]
    for n in range(1, 30):
        assert (jtorch.ones(n) * 3 + 1).sum().item() == 4 * n
    assert counters()["whole_programs"] >= made + 29
    assert len(flusher.programs) <= most
