"""Values of earlier cycles."""

from amaranth.hdl import Module, Signal, ValueLike


def delay_line(
    m: Module, value: ValueLike, cycles: int, name: str = "delayed", reset_less: bool = False
) -> list[ValueLike]:
    """The values of this cycle and of the ``cycles`` before it, the newest first.

    The registers are called ``name`` and their age. They begin with the initial value of a signal.
    """
    stages = [value]
    for age in range(1, cycles + 1):
        stage = Signal.like(value, name=f"{name}{age}", reset_less=reset_less)
        m.d.sync += stage.eq(stages[-1])
        stages.append(stage)
    return stages


def delay(
    m: Module, value: ValueLike, cycles: int, name: str = "delayed", reset_less: bool = False
) -> ValueLike:
    """The value of ``cycles`` cycles ago; see ``delay_line``."""
    return delay_line(m, value, cycles, name, reset_less)[-1]
