"""Rules on a network, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compiler.errors import InputError, show
from compiler.rewrite.chain import Moments, RefusedError, error_of
from compiler.rewrite.change import KEPT, WITHOUT, Change, at_random, change
from compiler.rewrite.layer import Layer
from compiler.rewrite.network import Network, Step
from compiler.rewrite.rules import BLOCKS, Argument, Wanted


@dataclass
class Applied:
    """Changes by rules, and the layers that they were to change and do not fit, with reasons."""

    changes: list[Change] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def apply(network: Network, rules: Sequence[Wanted], data: Moments | None = None) -> Applied:
    """Change the network by the rules in their order; data are moments of its own activations.

    Layers are fitted to what they made before, of what the layers changed so far give them.
    Raises InputError for a pattern that matches no layer, and for a rule that changes nothing.
    """
    done = Applied()
    moments = None if data is None else data.on(network)
    for each in rules:
        chosen, own = chosen_layers(network, each), Applied()
        if each.name in BLOCKS:
            own.changes += BLOCKS[each.name](network, chosen)
        else:
            for name in chosen:
                apply_to(network, name, each, each.value, moments, own)
        if not own.changes:
            raise InputError(f"rule {each.name} changes no layer: {_reason(own)}")
        done.changes += own.changes
        done.refused |= own.refused
    network.prune()
    for name in {name for each in done.changes for name in each.layers}:
        done.refused.pop(name, None)
    return done


def chosen_layers(network: Network, rule: Wanted) -> list[str]:
    """The layers that a rule may change. Raises InputError for a pattern that matches none."""
    known = [layer.name for layer in network.layers()]
    for pattern in rule.layers:
        if not any(replace(rule, layers=(pattern,)).chooses(name) for name in known):
            raise InputError(
                f"rule {rule.name}: no layer is named {show(pattern)}; the layers are "
                f"{_some(known)}"
            )
    return [name for name in known if rule.chooses(name)]


def _some(names: Sequence[str]) -> str:
    rest = len(names) - 8
    return ", ".join(names[:8]) + (f" and {rest} more" if rest > 0 else "")


def _reason(done: Applied) -> str:
    if done.refused:
        name, reason = next(iter(done.refused.items()))
        return f"{name}: {reason}"
    return "none of those chosen is of the kind that it takes (docs/rewrite.md)"


def apply_to(
    network: Network,
    name: str,
    rule: Wanted,
    argument: Argument,
    data: Moments | None,
    done: Applied,
) -> None:
    """Change one layer by a rule that takes it, and note in ``done`` what came of it."""
    step = next((s for s in network.steps if s.name == name and s.layer is not None), None)
    if step is None:
        return
    site = _site(network, step, rule)
    if site is None:
        if rule.layers and step.layer is not None and not rule.takes(step.layer):
            done.refused[name] = f"rule {rule.name} takes no layer of this kind"
        return
    old, layer, linear = site
    try:
        chain = rule.rule.forms[rule.form].chain(layer, argument, data)
    except RefusedError as reason:
        done.refused[name] = str(reason)
        return
    layers, state = list(chain.layers), KEPT if network.trained else WITHOUT
    if not linear or any(each.values is None for each in layers):
        layers, state = at_random(network, layers)
    network.replace(step.name, layers, old[0].inputs[0])
    error, variance = error_of(layer, chain.values), chain.variance
    kept = (error, variance) if state == KEPT else (None, None)
    olds = [s.layer for s in old if s.layer is not None]
    done.changes.append(change(rule.name, olds, layers, state, *kept))


def _site(
    network: Network, step: Step, rule: Wanted
) -> tuple[tuple[Step, ...], Layer, bool] | None:
    """The steps to replace, the layer that they amount to, and whether they really do."""
    assert step.layer is not None
    if rule.takes(step.layer):
        return (step,), step.layer, True
    if not rule.name.startswith("bsconv") or not step.layer.pointwise or step.layer.dense:
        return None
    return _separable(network, step, rule)


def _separable(
    network: Network, step: Step, rule: Wanted
) -> tuple[tuple[Step, ...], Layer, bool] | None:
    """The depthwise layer before a pointwise one, and the regular layer that both amount to."""
    for first in network.steps:
        if first.layer is None or not first.layer.depthwise or not rule.chooses(first.name):
            continue
        end, reader = network.after(first.outputs[0])
        if reader is None or reader.name != step.name or first.layer.outputs != first.layer.groups:
            continue
        assert step.layer is not None
        if step.layer.stride != (1, 1):
            return None
        linear = end == first.outputs[0]
        return (first, step), _product(first.layer, step.layer, linear), linear
    return None


def _product(depthwise: Layer, pointwise: Layer, linear: bool) -> Layer:
    """The regular layer that a depthwise and a pointwise one are."""
    shape = (pointwise.outputs, depthwise.outputs, *depthwise.kernel)
    values, bias, matrix = None, None, pointwise.matrix()
    if linear and depthwise.values is not None and matrix is not None:
        values = matrix[:, :, None, None] * depthwise.values[None, :, 0]
        inner = np.zeros(depthwise.outputs) if depthwise.bias is None else depthwise.bias
        bias = matrix @ inner + (0 if pointwise.bias is None else pointwise.bias)
    return replace(
        depthwise,
        name=pointwise.name,
        shape=shape,
        groups=1,
        biased=depthwise.biased or pointwise.biased,
        values=values,
        bias=bias,
    )
