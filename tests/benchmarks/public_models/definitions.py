"""The models of the table: plain data, and how each is had."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: Versions of the packages whose definitions were exported.
VERSIONS = {
    "torchvision": "0.29.1",
    "timm": "1.0.31",
    "segmentation_models_pytorch": "0.6.0",
    "spandrel": "0.4.2",
}


@dataclass(frozen=True)
class Definition:
    """A network that a Python package defines; ``shape`` is that of one input, without batch.

    ``family`` is what the table counts it among.
    """

    family: str
    package: str
    builder: Callable[[Any, str], Any]
    name: str
    shape: tuple[int, ...]

    def build(self) -> Any:
        """The network as a PyTorch module. Raises ImportError without its package."""
        return self.builder(importlib.import_module(self.package), self.name)


def _torchvision(package: Any, name: str) -> Any:
    return package.models.get_model(name, weights=None)


def _segmentation(package: Any, name: str) -> Any:
    """The network without its auxiliary output, its result a tensor and not a dictionary."""
    model = package.models.get_model(name, weights=None, weights_backbone=None)
    return _last(model, lambda result: result["out"])


def _backbone(package: Any, name: str) -> Any:
    """The part of a detector that makes the maps, as a list of them."""
    model = package.models.get_model(name, weights=None, weights_backbone=None)
    return _last(model.backbone, lambda result: list(result.values()))


def _googlenet(package: Any, name: str) -> Any:
    return package.models.get_model(name, weights=None, aux_logits=False, init_weights=False)


def _timm(package: Any, name: str) -> Any:
    return package.create_model(name)


def _unet(package: Any, name: str) -> Any:
    return package.create_model(name, encoder_name="resnet18", encoder_weights=None)


def _spandrel(package: Any, name: str) -> Any:
    """A super-resolution network by the module and class that define it."""
    module, _, rest = name.partition(":")
    kind, _, size = rest.partition(":")
    found = importlib.import_module(f"{package.__name__}.architectures.{module}")
    return getattr(found, kind)(**dict(_pairs(size)))


def _pairs(text: str) -> Any:
    for pair in filter(None, text.split(",")):
        key, _, value = pair.partition("=")
        yield key, int(value)


def _last(model: Any, change: Callable[[Any], Any]) -> Any:
    torch = importlib.import_module("torch")

    # PyTorch is imported by name, as it is in another environment: its classes are no types here.
    class Changed(torch.nn.Module):  # type: ignore[misc, name-defined]
        """A network whose result is changed."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Any) -> Any:
            return change(self.model(x))

    return Changed()


def _of(
    family: str, package: str, builder: Callable[[Any, str], Any], table: str
) -> dict[str, Definition]:
    """Definitions by name: a line each, the name, the input's side if not 224, what it is called
    in the table if it is not its name."""
    found = {}
    for line in table.strip().splitlines():
        name, size, *short = line.split()
        side = int(size)
        found[short[0] if short else name] = Definition(
            family, package, builder, name, (3, side, side)
        )
    return found


#: By name. Where the input is smaller than the definition's usual one, the shape says so.
DEFINITIONS: Mapping[str, Definition] = {
    **_of(
        "torchvision classification",
        "torchvision",
        _torchvision,
        """
        alexnet 224
        squeezenet1_0 224
        squeezenet1_1 224
        vgg11_bn 64
        resnet18 224
        resnet34 224
        resnet50 224
        resnext50_32x4d 224
        wide_resnet50_2 64
        densenet121 224
        inception_v3 299
        mobilenet_v2 224
        mobilenet_v3_small 224
        mobilenet_v3_large 224
        shufflenet_v2_x0_5 224
        shufflenet_v2_x1_0 224
        mnasnet0_5 224
        mnasnet1_0 224
        efficientnet_b0 224
        efficientnet_v2_s 128
        regnet_x_400mf 224
        regnet_y_400mf 224
        convnext_tiny 224
        """,
    ),
    **_of("torchvision classification", "torchvision", _googlenet, "googlenet 224"),
    **_of(
        "torchvision classification, with attention",
        "torchvision",
        _torchvision,
        """
        vit_b_16 224
        swin_t 224
        swin_v2_t 256
        maxvit_t 224
        """,
    ),
    **_of(
        "torchvision segmentation",
        "torchvision",
        _segmentation,
        """
        lraspp_mobilenet_v3_large 224
        deeplabv3_mobilenet_v3_large 224
        fcn_resnet50 64
        deeplabv3_resnet50 64
        """,
    ),
    **_of(
        "torchvision detection backbones",
        "torchvision",
        _backbone,
        """
        fasterrcnn_mobilenet_v3_large_320_fpn 320 fasterrcnn_mobilenet_v3_backbone
        ssdlite320_mobilenet_v3_large 320 ssdlite_mobilenet_v3_backbone
        retinanet_resnet50_fpn 128 retinanet_resnet50_backbone
        ssd300_vgg16 300 ssd_vgg16_backbone
        """,
    ),
    **_of(
        "timm",
        "timm",
        _timm,
        """
        mobileone_s1 224
        convmixer_768_32 64
        convnext_atto 224
        cspnext_tiny 224
        cs3darknet_focus_s 256
        densenetblur121d 64
        dla46x_c 224
        dpn48b 224
        efficientnet_lite0 224
        tf_efficientnet_lite0 224
        fastvit_t8 256
        ghostnet_050 224
        hardcorenas_a 224
        hgnetv2_b0 224
        hrnet_w18_small 224
        inception_next_atto 224
        inception_resnet_v2 139
        inception_v4 139
        lcnet_050 224
        lcnetv2_base 224
        mambaout_femto 224
        mobilenetv1_100 224
        mobilenetv3_small_050 224
        mobilenetv4_conv_small 224
        nf_regnet_b0 224
        nasnetalarge 96
        pnasnet5large 96
        rdnet_tiny 64
        regnetx_002 224
        repghostnet_050 224
        repvit_m0_9 224
        repvgg_a0 224
        res2net50_14w_8s 64
        resnest14d 224
        resnet10t 176
        ecaresnet26t 64
        resnetv2_18 224
        rexnet_100 224
        selecsls42 224
        legacy_seresnet18 224
        skresnet18 224
        starnet_s1 224
        ese_vovnet19b_slim_dw 224
        tresnet_m 64
        xception41 75
        fasternet_t0 224
        focalnet_tiny_srf 224
        poolformer_s12 224
        test_convnext 160
        test_efficientnet_gn 160
        resmlp_12_224 224
        """,
    ),
    **_of(
        "timm, with attention or recurrence",
        "timm",
        _timm,
        """
        shvit_s1 224
        deit_tiny_patch16_224 224
        cait_xxs24_224 224
        coat_lite_tiny 224
        convit_tiny 224
        crossvit_tiny_240 240
        edgenext_xx_small 256
        efficientformer_l1 224
        efficientformerv2_s0 224
        efficientvit_b0 224
        efficientvit_m0 224
        eva02_tiny_patch14_224 224
        halonet_h1 256
        levit_128s 224
        mobilevit_xxs 256
        mobilevitv2_050 256
        mvitv2_tiny 224
        pit_ti_224 224
        pvt_v2_b0 224
        sequencer2d_s 224
        swiftformer_xs 224
        tiny_vit_5m_224 224
        visformer_tiny 224
        xcit_nano_12_p16_224 224
        test_vit 160
        """,
    ),
    **_of(
        "segmentation_models_pytorch",
        "segmentation_models_pytorch",
        _unet,
        "unet 128 unet_resnet18\nfpn 128 fpn_resnet18",
    ),
    **_of(
        "spandrel, super-resolution",
        "spandrel",
        _spandrel,
        """
        Compact:Compact:num_conv=8,num_feat=32 64 realesrgan_compact
        SwiftSRGAN:SwiftSRGAN: 64 swift_srgan
        ESRGAN:ESRGAN:num_filters=32,num_blocks=2 64 esrgan_small
        DnCNN:DnCNN:in_nc=3,out_nc=3 64 dncnn
        SAFMN:SAFMN:dim=36,n_blocks=8,ffn_scale=2,upscaling_factor=4 64 safmn
        """,
    ),
}
