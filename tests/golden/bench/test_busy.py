"""The warning of a machine with other work."""

from golden.bench.command import busy_warning


def test_a_machine_with_other_work_is_named_with_the_cure():
    assert busy_warning(1.0, 2) == ""
    line = busy_warning(9.84, 2)
    assert "load 9.8 on 2 processors" in line and "--processor-time" in line and "\n" not in line
