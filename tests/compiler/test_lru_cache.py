"""What ``LruCache`` keeps, and keys of equal values."""

import pytest

from compiler.lru_cache import (
    HashedKey,
    LruCache,
)


def test_values_used_longest_ago_go():
    recent, made = LruCache(2), []
    for key in "abacba":
        assert recent.get(key, lambda key=key: made.append(key) or key.upper()) == key.upper()
    assert made == ["a", "b", "c", "b", "a"]


def test_a_fault_is_not_kept():
    recent, results = LruCache(2), iter([None, 1])
    with pytest.raises(AssertionError):
        recent.get("a", lambda: wanted(next(results)))
    assert recent.get("a", lambda: wanted(next(results))) == 1


def wanted(value):
    assert value is not None
    return value


def test_keys_are_their_values():
    assert HashedKey((1, "a")) == HashedKey((1, "a")) and hash(HashedKey((1, "a"))) == hash(
        HashedKey((1, "a"))
    )
    assert HashedKey((1, "a")) != HashedKey((1, "b")) and HashedKey(1) != 1
