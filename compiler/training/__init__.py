"""Float ONNX models as PyTorch modules that train, and back. In: a file. Out: a module, a file.

What ``compiler rewrite`` writes trains further here: the parameters are the file's own constants,
and ``save`` puts them back, so that names and structure stay.
"""

from compiler.extras import missing_package

try:
    # Not used here: the message about the extra comes before the modules that need it are imported.
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(missing_package(error), name=error.name) from None

from compiler.training.module import OnnxModule, load, save
from compiler.training.regulariser import orthonormality

__all__ = ["OnnxModule", "load", "orthonormality", "save"]
