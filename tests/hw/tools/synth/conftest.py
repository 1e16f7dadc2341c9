"""What the tests of lint and synthesis share."""

import pytest

from hw.spec.config import preset
from hw.tools.verilog_cache import verilog


@pytest.fixture(scope="session")
def tiny_verilog():
    """The Verilog of preset ``tiny``."""
    return verilog(preset("tiny"))
