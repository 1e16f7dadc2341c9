"""The options of ``compiler evaluate``, and what it prints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.config_options import add_config_options, config_of
from compiler.load import add_model_options, load_given
from compiler.workers import add_jobs_option, jobs_of
from golden.pictures import add_picture_options, preprocessing


def add_evaluate_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler evaluate``."""
    command.add_argument(
        "model", metavar="MODEL", type=Path, help="a classifier; a float one has its float answers"
    )
    command.add_argument(
        "--images",
        metavar="DIR",
        type=Path,
        required=True,
        help="pictures, or folders of classes",
    )
    command.add_argument(
        "--labels",
        metavar="FILE",
        type=Path,
        help="lines of a picture's path in DIR and the number of its class",
    )
    add_model_options(command)
    add_picture_options(command)
    add_config_options(command)
    add_jobs_option(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=_evaluate)


def _evaluate(arguments: argparse.Namespace) -> None:
    from compiler.evaluate.accuracy import Classifier, evaluate
    from compiler.evaluate.folder import pictures_in
    from compiler.ir.randomize import completed
    from sim.progress import reporting

    config = config_of(arguments)
    pictures = pictures_in(arguments.images, arguments.labels)
    jobs = jobs_of(arguments)
    graph = completed(load_given(arguments))
    model = Classifier(graph, arguments.model, tuple(arguments.shape), preprocessing(arguments))
    with reporting(f"evaluating {graph.name}") as progress:
        found = evaluate(model, config, pictures, jobs, progress)
    data = {
        "network": graph.name,
        "random_weights": graph.random_weights,
        "random_calibration": graph.random_calibration,
        **found.as_data(),
    }
    if arguments.json:
        print(json.dumps(data, allow_nan=False))
    else:
        _print(data)


def _print(data: Mapping[str, Any]) -> None:
    count, labelled = data["pictures"], data["labelled"]
    speed = f"evaluated at {data['evaluated_per_second']:.1f} a second on this computer"
    print(f"{data['network']}: {count} pictures, {speed}")
    if data["random_weights"]:
        print("The model has no weights: these are seeded random ones.")
    if data["random_calibration"]:
        print("Calibrated with seeded random inputs: --calibrate takes real ones.")
    if labelled:
        print(
            f"int8:  top-1 {data['top1']:.2%}, top-5 {data['top5']:.2%} of {labelled} with a class"
        )
    else:
        print("no picture has a class: --labels, or a sub-folder for each class")
    if data["agreement"] is None:
        print("the model is quantised: there is no float one to compare with")
        return
    if labelled:
        print(f"float: top-1 {data['float_top1']:.2%}, top-5 {data['float_top5']:.2%}")
    print(f"int8 and float give the same class for {data['agreement']:.2%} of the pictures")
