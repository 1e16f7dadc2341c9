import sys
import time

import pytest

from hw.spec.regs import CYCLE_COUNTERS
from sim.lost import LOST_DOC, lost_cycles
from sim.progress import Reporter
from sim.report import NAME_WIDTH, print_summary, short_names


def test_every_mac_cycle_has_a_cause():
    counts = dict.fromkeys((c.name.lower() for c in CYCLE_COUNTERS), 0)
    counts |= {"busy_network": 50, "busy_other": 10, "stall_drain": 5}
    counts |= {"wait_load": 20, "wait_command": 15}
    found = lost_cycles(counts, macs=590, done=600, occupied=700, mac_units=16)
    assert list(found) == list(LOST_DOC)
    assert 590 / 16 + sum(found.values()) == 100
    assert found["unneeded"] == 10 / 16 and found["grouped_zeros"] == 100 / 16
    assert found["array_edge"] == (800 - 700) / 16
    assert found["wait_command"] == 15


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["net/a/x", "net/b/y"], ["a/x", "b/y"]),
        (["net/ab", "net/ac"], ["ab", "ac"]),
        (["net/a"], ["net/a"]),
        (["a" * 25 + "b" * 25], ["a" * 13 + "…" + "b" * 14]),
        ([], []),
    ],
)
def test_names_are_shortened(names, short):
    assert short_names(names) == short
    assert all(len(name) <= NAME_WIDTH for name in short)


def test_names_are_no_markup(capsys):
    layer = {"name": "y[/b]:smile:", "kind": "conv", "macs": 1}
    cycles = {"start_cycle": 0, "end_cycle": 1, "busy_cycles": 1, "cycles": 2, "utilization": 0.5}
    figures = dict.fromkeys(("cycles", "macs", "model_macs", "mac_units", "utilization"), 1)
    figures["host_macs"] = 0
    moved = {"dram_read_bytes": 0, "dram_write_bytes": 0}
    names = {"network": "[bold]net", "preset": "tiny"}
    print_summary({**names, **figures, **moved, "lost": {}, "layers": [layer | cycles]})
    text = capsys.readouterr().out
    assert "y[/b]:smile:" in text and "[bold]net" in text


def test_a_bar_has_a_label_that_is_no_markup(capsys, monkeypatch):
    monkeypatch.setattr("sim.progress.SHOW_AFTER", 0.01)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    reporter = Reporter("mapping y[/b]")
    time.sleep(0.3)
    reporter.close()
    assert "mapping y[/b]" in capsys.readouterr().err


def test_short_work_reports_nothing(capsys):
    reporter = Reporter("work")
    for done in range(3):
        reporter(done, 3)
    reporter.close()
    assert capsys.readouterr() == ("", "")


def test_long_work_reports_lines_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sim.progress.SHOW_AFTER", 0.01)
    reporter = Reporter("work")
    reporter(1, 4)
    time.sleep(0.1)
    reporter.close()
    assert capsys.readouterr() == ("", "work: 25%\n")


def test_a_share_that_has_not_changed_is_reported_once(capsys, monkeypatch):
    monkeypatch.setattr("sim.progress.SHOW_AFTER", 0.01)
    monkeypatch.setattr("sim.progress.LINE_EVERY", 0.01)
    reporter, text = Reporter("work"), ""
    for done in (1, 2):
        reporter(done, 4)
        while f"{done / 4:.0%}" not in text:
            time.sleep(0.03)
            text += capsys.readouterr().err
    reporter.close()
    assert text + capsys.readouterr().err == "work: 25%\nwork: 50%\n"
