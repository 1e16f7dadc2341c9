"""``compiler zoo`` and ``compiler import``: models in this project's format."""

from __future__ import annotations

import argparse
from pathlib import Path

from compiler.errors import InputError
from compiler.load import add_model_options, load_given


def add_zoo_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler zoo``."""
    command.add_argument(
        "name", metavar="NAME", nargs="?", help="the network to write (default: list all)"
    )
    command.add_argument(
        "-o", dest="file", metavar="MODEL.json", type=Path, help="default: NAME.json"
    )
    command.add_argument(
        "--aux", action="store_true", help="with the auxiliary classifiers of its training"
    )
    command.set_defaults(command=_zoo)


def add_import_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler import``."""
    command.add_argument("model", metavar="MODEL", type=Path, help=".onnx or .tflite model")
    command.add_argument("-o", dest="file", metavar="MODEL.json", type=Path, required=True)
    add_model_options(command)
    command.set_defaults(command=_import)


def _zoo(arguments: argparse.Namespace) -> None:
    from compiler import zoo
    from compiler.frontend import write_model
    from compiler.ir.counts import macs, parameters

    if arguments.name is None:
        if arguments.file is not None:
            raise InputError("-o needs the NAME of a network; `zoo` without both lists them")
        if arguments.aux:
            raise InputError("--aux needs the NAME of a network")
        for name in zoo.names():
            graph = zoo.build(name)
            shape = "x".join(map(str, graph.tensors["input"].shape[1:]))
            figures = sum(macs(graph).values()), parameters(graph)
            print("{:28} {:>10} {:>15,} MACs {:>12,} parameters".format(name, shape, *figures))
        return
    graph = zoo.build(arguments.name, auxiliary=arguments.aux)
    write_model(graph, arguments.file or Path(f"{arguments.name}.json"))


def _import(arguments: argparse.Namespace) -> None:
    from compiler.frontend import write_model

    write_model(load_given(arguments), arguments.file)
