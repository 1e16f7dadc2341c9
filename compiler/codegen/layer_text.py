"""Texts on a layer's plan: where its maps lie, its array shape, tiles and weights."""

from __future__ import annotations

from collections.abc import Collection

from compiler.schedule.op_plan import OpPlan

ORDER_TEXT = {
    "keep": ", kept for all tiles",
    "reload": ", loaded again for each tile",
    "outer": ", each kept while all tiles pass",
}
"""Text on the parts of a layer's weights, by the order of its plan."""


def residency_text(plan: OpPlan, inputs: Collection[str]) -> str:
    """Text: the places of the layer's maps; ``inputs`` are those of the network."""
    streams, other = plan.site.streams, plan.site.op.residual
    source = "network input" if plan.site.source.name in inputs else "input"
    parts = [f"{source} {'streamed' if streams.source else 'on chip'}"]
    if other is not None:
        parts.append(f"second operand {'streamed' if streams.other else 'on chip'}")
    parts.append(f"output {'streamed' if streams.output else 'on chip'}")
    return ", ".join(parts)


def shape_text(plan: OpPlan) -> str:
    """Text: the reasons for the layer's array shape, tiles and weights."""
    config = plan.site.config
    rows, cols = config.rows >> plan.shape, config.cols << plan.shape
    first = plan.tiles[0]
    text = f"array {rows} pixels x {cols} channels; {len(plan.tiles)} tiles of {first.height}x"
    text += f"{first.width}; weights in {len(plan.chunks)} parts"
    if len(plan.tiles) > 1 and len(plan.chunks) > 1:
        text += ORDER_TEXT[plan.order]
    if plan.together:
        text += f"; strip by strip together with {plan.together[0]} to {plan.together[-1]}"
    if plan.site.op.groups > 1 and not plan.site.op.depthwise:
        text += f"; {grouped_text(plan)}"
    return text


def grouped_text(plan: OpPlan) -> str:
    """Text: the cost of a tap of a grouped convolution, and its reason."""
    site, cols = plan.site, plan.site.config.cols
    inputs = site.source.channels // site.op.groups
    outputs = site.output.channels // site.op.groups
    ranges = [r for c in plan.chunks for r in c.ranges]
    text = f"{site.op.groups} groups of {inputs} to {outputs} channels: "
    if ranges[0].width < cols:
        return text + f"columns take their own group's, {inputs} and not {cols} channels per tap"
    most = max(r.channels for r in ranges)
    text += f"{most} channels per tap"
    if most > inputs:
        text += ", with zeros between groups"
        if inputs < cols:
            text += ", which only equal widths that are a power of two go without"
    places = len({(r.in_plane, r.in_blocks) for r in ranges})
    return text + f"; output blocks in {places} regular {'run' if places == 1 else 'ranges'}"
