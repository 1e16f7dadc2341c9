"""The cyclic garbage collector around long work: what it frees, and what it passes over."""

import gc
import weakref

import pytest

from compiler import uncollected
from compiler.uncollected import settled


class Thing:
    """An object that may hold itself."""


def held():
    """A thing in a cycle."""
    thing = Thing()
    thing.itself = thing
    return thing


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_cycles_that_a_run_leaves_are_freed_and_what_stays_is_passed_over():
    kept = []
    with settled():
        assert not gc.isenabled()
        gone = weakref.ref(held())
        kept.append(held())
    assert gc.isenabled() and gone() is None
    assert not any(each is kept[0] for each in gc.get_objects())


def test_now_and_then_everything_is_looked_through(monkeypatch):
    kept = []
    monkeypatch.setattr(uncollected, "EVERY", 0.0)
    with settled():
        kept.append(held())
    gone = weakref.ref(kept.pop())
    assert gone() is not None
    with settled():
        pass
    assert gone() is None


def test_a_fault_in_a_run_leaves_the_collector_on():
    with pytest.raises(ValueError), settled():
        raise ValueError
    assert gc.isenabled()
