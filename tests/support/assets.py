"""What tests need of the fetched files."""

from compiler.assets import imagenet_labels, imagenet_pictures, lite0_path
from golden.pictures import load_picture

__all__ = ["imagenet_labels", "imagenet_pictures", "lite0_path", "load_picture"]
