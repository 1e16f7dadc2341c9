"""What the tests of lint and synthesis share."""

import pytest

from hw.generate import verilog
from hw.spec.config import preset


@pytest.fixture(scope="session")
def tiny_verilog():
    """The Verilog of preset ``tiny``."""
    return verilog(preset("tiny"))
