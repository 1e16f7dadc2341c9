"""The CMSIS-SVD file: the rules of its schema, and the registers that it describes."""

import re
from xml.etree import ElementTree

import pytest

from hw.spec.config import preset
from hw.spec.docgen import c_header
from hw.spec.fingerprint import fingerprint
from hw.spec.svd import svd

ORDER = {
    "device": "name version description addressUnitBits width size peripherals",
    "peripheral": "name description baseAddress addressBlock registers",
    "addressBlock": "offset size usage",
    "register": "name description addressOffset size resetValue resetMask fields",
    "field": "name description bitOffset bitWidth access modifiedWriteValues enumeratedValues",
    "enumeratedValue": "name description value",
}
"""Children of each element in the order of CMSIS-SVD 1.3, of which it has some."""
OPTIONAL = {"modifiedWriteValues", "enumeratedValues"}
CHOICES = {
    "access": {"read-only", "write-only", "read-write"},
    "modifiedWriteValues": {"oneToClear"},
    "usage": {"registers"},
}
NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")
NUMBERS = ("addressUnitBits", "width", "size", "baseAddress", "offset", "addressOffset")
NUMBERS += ("resetValue", "resetMask", "bitOffset", "bitWidth", "value")


@pytest.fixture(scope="module")
def device():
    return ElementTree.fromstring(svd(preset("tiny"), "left_"))


def test_elements_are_those_of_the_schema_in_its_order(device):
    assert device.attrib == {"schemaVersion": "1.3"}
    for element in device.iter():
        if element.tag not in ORDER:
            continue
        names, known = [child.tag for child in element], ORDER[element.tag].split()
        assert names == [name for name in known if name in names], element.tag
        assert set(known) - set(names) <= OPTIONAL


def test_values_are_of_the_schemas_types(device):
    for element in device.iter():
        if element.tag in NUMBERS:
            assert NUMBER.fullmatch(element.text), element.tag
        if element.tag == "name":
            assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", element.text)
        assert element.text in CHOICES.get(element.tag, {element.text})


def test_registers_are_those_of_the_c_header(device):
    header = dict(re.findall(r"#define ACCEL_(\w+)\s+(0x[0-9a-f]+|\d+)u", c_header(None)))
    registers = device.findall(".//register")
    size = int(device.findtext(".//addressBlock/size"), 0)
    for register in registers:
        offset = int(register.findtext("addressOffset"), 0)
        assert int(header[register.findtext("name")], 0) == offset and offset + 4 <= size
        bits = []
        for field in register.findall(".//field"):
            low, width = (int(field.findtext(tag)) for tag in ("bitOffset", "bitWidth"))
            bits += range(low, low + width)
        assert bits and len(bits) == len(set(bits)) and max(bits) < 32
    offsets = [int(register.findtext("addressOffset"), 0) for register in registers]
    assert len(set(offsets)) == len(offsets)


def test_the_fingerprint_is_the_machines(device):
    (own,) = (r for r in device.findall(".//register") if r.findtext("name") == "FINGERPRINT")
    assert int(own.findtext("resetValue"), 0) == fingerprint(preset("tiny"))
    assert device.findtext("name") == "left_accel"
