"""Renders the registers as a CMSIS-SVD file, which debuggers and Renode read."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from hw.spec.config import AccelConfig
from hw.spec.fingerprint import fingerprint
from hw.spec.regs import ADDR_WIDTH, FAULT_DOC, BitField, Register, registers

SCHEMA_VERSION = "1.3"
REVISION = "1.0"
"""Version of the file's content, which the format asks for."""
_ACCESS = {"ro": "read-only", "wo": "write-only", "rw": "read-write", "rw1c": "read-write"}
_ALL = "0xffffffff"


def svd(config: AccelConfig, prefix: str = "") -> str:
    """The file for a machine whose modules have the ``prefix``.

    Elements have the order that the schema asks for. The base address is 0: that of the registers
    is the system's to choose.
    """
    device = Element("device", {"schemaVersion": SCHEMA_VERSION})
    name = f"{prefix}accel"
    _texts(device, name=name, version=REVISION, description="CNN accelerator on AXI.")
    _texts(device, addressUnitBits="8", width="32", size="32")
    peripheral = SubElement(SubElement(device, "peripherals"), "peripheral")
    _texts(peripheral, name=name, description="Registers of the accelerator, on AXI4-Lite.")
    _texts(peripheral, baseAddress="0x0")
    block = SubElement(peripheral, "addressBlock")
    _texts(block, offset="0x0", size=f"{1 << ADDR_WIDTH:#x}", usage="registers")
    entries = SubElement(peripheral, "registers")
    for register in registers():
        own = register.name == "fingerprint"
        _register(entries, register, fingerprint(config) if own else register.reset)
    ElementTree.indent(device)
    text = ElementTree.tostring(device, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _register(parent: Element, register: Register, reset: int) -> None:
    entry = SubElement(parent, "register")
    _texts(entry, name=register.name.upper(), description=register.doc)
    _texts(entry, addressOffset=f"{register.offset:#x}", size="32")
    _texts(entry, resetValue=f"{reset:#010x}", resetMask=_ALL)
    fields = SubElement(entry, "fields")
    for field in register.fields:
        _field(fields, field)


def _field(parent: Element, field: BitField) -> None:
    entry = SubElement(parent, "field")
    _texts(entry, name=field.name.upper(), description=field.doc)
    _texts(entry, bitOffset=str(field.lsb), bitWidth=str(field.width))
    _texts(entry, access=_ACCESS[field.access])
    if field.access == "rw1c":
        _texts(entry, modifiedWriteValues="oneToClear")
    if field.name == "fault_code":
        values = SubElement(entry, "enumeratedValues")
        for fault, text in FAULT_DOC.items():
            value = SubElement(values, "enumeratedValue")
            _texts(value, name=fault.name, description=text, value=str(int(fault)))


def _texts(parent: Element, **texts: str) -> None:
    """Add elements that hold text, in this order."""
    for name, text in texts.items():
        SubElement(parent, name).text = text
