"""Options and fixtures for all tests."""

import os
import random

import numpy as np
import pytest

os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")


def pytest_addoption(parser):
    parser.addoption(
        "--seed",
        type=int,
        default=None,
        help="seed of all random tests (default: TEST_SEED, or else a new one)",
    )
    parser.addoption("--full", action="store_true", help="also run the tests marked full")


def pytest_configure(config):
    # Workers of pytest-xdist get the options but would each draw a seed of their own.
    if config.option.seed is None:
        drawn = random.SystemRandom().getrandbits(31)
        config.option.seed = int(os.environ.get("TEST_SEED") or drawn)
    os.environ["TEST_SEED"] = str(config.option.seed)


def pytest_report_header(config):
    return f"seed: {config.option.seed} (repeat with --seed {config.option.seed})"


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    if not config.option.full:
        long = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=long)
    items.sort(key=_turn)
    for item in items:
        if not (item.get_closest_marker("xdist_group") or item.get_closest_marker("full")):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
    yield
    if getattr(config.option, "loadgroup", False):
        grouped = [item for item in items if item.get_closest_marker("xdist_group")]
        assert all("@" in item.nodeid for item in grouped), "pytest-xdist formed no groups"


def _turn(item) -> int:
    """The place of a test in a run of several workers: a group that is long begins early.

    Each worker takes one group after the other, and a file without a mark is one: so what a file
    shares is made once. Tests of the long run without a mark are apart.
    """
    mark = item.get_closest_marker("xdist_group")
    if mark is None:
        return 2
    return 0 if mark.args[0].startswith("accelerator") else 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """Compile once, for Numba's cache, what the workers would all compile at their start."""
    from tests.support.warm_up import compile_kernels

    compile_kernels()


@pytest.fixture(scope="session")
def seed(pytestconfig):
    """The run's seed, an int below 2**31."""
    return pytestconfig.option.seed


@pytest.fixture
def generator(seed):
    """Random numbers of the run's seed, the same for each test."""
    return np.random.default_rng(seed)
