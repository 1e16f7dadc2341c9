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


def pytest_collection_modifyitems(config, items):
    if not config.option.full:
        long = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.fixture(scope="session")
def seed(pytestconfig):
    """The run's seed, an int below 2**31."""
    return pytestconfig.option.seed


@pytest.fixture
def generator(seed):
    """Random numbers of the run's seed, the same for each test."""
    return np.random.default_rng(seed)
