"""The rules by name, and how an option names one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from compiler.errors import InputError, show
from compiler.rewrite.bsconv import bsconv_s, bsconv_u
from compiler.rewrite.chain import Chain, Moments
from compiler.rewrite.channel import channel_svd
from compiler.rewrite.convfirst import convfirst
from compiler.rewrite.ddc import ddc
from compiler.rewrite.depthwise import (
    depthwise_svd,
    larger_kernel,
    takes_depthwise,
    takes_regular,
)
from compiler.rewrite.factorise import one_by_n, takes_large, takes_square, three_by_three
from compiler.rewrite.layer import Layer
from compiler.rewrite.low_rank import low_rank, takes_pointwise

Argument = int | float
ChainRule = Callable[[Layer, Argument, Moments | None], Chain]

_RANK = "a rank, or a share of the full one above 0 and at most 1"
_WHOLE, _SHARE = re.compile(r"[1-9]\d{0,5}", re.ASCII), re.compile(r"[01]?\.\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Form:
    """A form of a rule: what it makes of a layer, and whether it takes that kind of layer."""

    chain: ChainRule
    takes: Callable[[Layer], bool]


@dataclass(frozen=True)
class Rule:
    """A rule. ``forms`` are by the text before a comma in its arguments, "" is the only one;
    without any the rule replaces whole blocks (``BLOCKS``). ``accepted`` says what its argument may
    be, and ``default`` is the one that may be left out.
    """

    forms: dict[str, Form]
    accepted: str
    default: Argument | None
    source: str


BLOCKS = {"ddc": ddc, "convfirst": convfirst}

RULES = {
    "depthwise_svd": Rule(
        {"": Form(depthwise_svd, takes_regular)}, _RANK, 1, "He et al., arXiv 1910.09455"
    ),
    "channel_svd": Rule(
        {"": Form(channel_svd, takes_regular)}, _RANK, 0.25, "Zhang et al., arXiv 1505.06798"
    ),
    "bsconv_u": Rule(
        {"": Form(bsconv_u, takes_regular)},
        "no argument",
        None,
        "Haase and Amthor, arXiv 2003.13549",
    ),
    "bsconv_s": Rule(
        {"": Form(bsconv_s, takes_regular)},
        "a share above 0 and at most 1",
        0.25,
        "Haase and Amthor, arXiv 2003.13549",
    ),
    "factorise": Rule(
        {"1xn": Form(one_by_n, takes_square), "3x3": Form(three_by_three, takes_large)},
        "1xn or 3x3, and after a comma the channels between or their share of the outputs",
        1.0,
        "Szegedy et al., arXiv 1512.00567",
    ),
    "ddc": Rule({}, "no argument", None, "Chen et al., arXiv 2104.14125"),
    "depthwise_kernel": Rule(
        {"": Form(larger_kernel, takes_depthwise)},
        "an odd kernel size",
        5,
        "Chen et al., arXiv 2104.14125",
    ),
    "convfirst": Rule({}, "no argument", None, "Lavin, arXiv 2404.03617"),
    "low_rank": Rule(
        {"": Form(low_rank, takes_pointwise)}, _RANK, 0.25, "singular value decomposition"
    ),
}


@dataclass(frozen=True)
class Wanted:
    """A rule as an option names it: ``form`` is a key of the rule's ``forms``; ``argument`` is None
    where the option has none. ``layers`` are patterns of names, empty for all layers."""

    name: str
    form: str
    argument: Argument | None
    layers: tuple[str, ...]

    @property
    def text(self) -> str:
        """The option that names it."""
        parts = (self.form, "" if self.argument is None else str(self.argument))
        arguments = ",".join(part for part in parts if part)
        # An option has commas between names, so that one within a name is any character.
        layers = ",".join(pattern.replace(",", "?") for pattern in self.layers)
        return self.name + (f"={arguments}" if arguments else "") + (f"@{layers}" if layers else "")

    @property
    def rule(self) -> Rule:
        """The rule."""
        return RULES[self.name]

    def takes(self, layer: Layer) -> bool:
        """Whether the rule takes that kind of layer."""
        return self.form in self.rule.forms and self.rule.forms[self.form].takes(layer)

    @property
    def value(self) -> Argument:
        """The argument, or the rule's default."""
        return self.argument or self.rule.default or 0

    def chooses(self, name: str) -> bool:
        """Whether the rule may change the layer of this name."""
        return not self.layers or any(fnmatchcase(name, pattern) for pattern in self.layers)


def wanted(text: str) -> Wanted:
    """The rule in ``NAME[=ARGS][@LAYERS]``. Raises InputError."""
    head, at, layers = text.partition("@")
    name, equals, argument = head.partition("=")
    if name not in RULES:
        raise InputError(f"--rule {show(text)}: rule {show(name)}; accepted: {', '.join(RULES)}")
    patterns = tuple(part for part in layers.split(",") if part)
    if at and not patterns:
        raise InputError(f"--rule {show(text)}: no layer after @; names or patterns are accepted")
    rule = RULES[name]
    form, number = "", argument
    if "" not in rule.forms and rule.forms:
        form, comma, number = argument.partition(",")
        equals = comma
        if form not in rule.forms:
            raise InputError(f"--rule {show(text)}: {show(argument)}; {rule.accepted} is accepted")
    value = _argument(rule, name, number) if equals else None
    if equals and value is None:
        raise InputError(f"--rule {show(text)}: {show(number)}; {rule.accepted} is accepted")
    return Wanted(name, form, value, patterns)


def _argument(rule: Rule, name: str, text: str) -> Argument | None:
    """The number that the text writes, if the rule takes it."""
    if rule.default is None:
        return None
    if _WHOLE.fullmatch(text) and name != "bsconv_s":
        value = int(text)
        return None if name == "depthwise_kernel" and value % 2 == 0 else value
    share = float(text) if _SHARE.fullmatch(text) or text in ("1", "1.0") else 0.0
    return share if 0 < share <= 1 and name != "depthwise_kernel" else None
