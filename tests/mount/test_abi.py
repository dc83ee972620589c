"""The numbers and layouts of `_abi` are those of linux/fuse.h."""

import re
import shutil
import subprocess
from pathlib import Path
from struct import Struct, calcsize

import pytest
from devdev_mount._fuse import _abi

HEADER = Path("/usr/include/linux/fuse.h")
PREFIXES = ("FUSE_", "FATTR_", "FOPEN_")

if not HEADER.exists():
    pytest.skip(f"no {HEADER}: install linux-libc-dev", allow_module_level=True)

TEXT = HEADER.read_text()
NUMBERS = {
    **{
        name: value
        for name, value in vars(_abi).items()
        if name.startswith(PREFIXES) and isinstance(value, int)
    },
    **{f"FUSE_{opcode.name}": opcode for opcode in _abi.Opcode},
    **{f"FUSE_NOTIFY_{code.name}": code for code in _abi.NotifyCode},
}
LAYOUTS = {
    name: value for name, value in vars(_abi).items() if isinstance(value, Struct)
}
PREFIXED = {"INIT_IN_EXT": "INIT_IN", "SETXATTR_IN_COMPAT": "SETXATTR_IN"}
"""Layouts of the beginning of a structure, and its name."""
NEWER = {
    "FUSE_STATX": 39,
    "STATX_OUT": 39,
    "FUSE_REQUEST_TIMEOUT": 42,
    "FUSE_COPY_FILE_RANGE_64": 45,
    "COPY_FILE_RANGE_OUT": 45,
}
"""What the header may lack, and the minor version that it came with."""
VERSION = "FUSE_KERNEL_MINOR_VERSION"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a compiler makes of the header: numbers, sizes, offsets by name."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler: install gcc")
    expressions = [name for name in NUMBERS if is_in_header(name)]
    for name in filter(is_struct_in_header, LAYOUTS):
        struct = struct_of(name)
        expressions.append(f"sizeof({struct})")
        for field in fields(name):
            expressions.append(f"offsetof({struct}, {field})")
            expressions.append(f"sizeof((({struct} *)0)->{field})")
    directory = tmp_path_factory.mktemp("abi")
    source = directory / "abi.c"
    lines = [f'printf("%lld\\n", (long long)({each}));' for each in expressions]
    source.write_text(
        "#include <stddef.h>\n#include <stdio.h>\n#include <linux/fuse.h>\n"
        "int main(void) {\n" + "\n".join(lines) + "\n}\n"
    )
    program = directory / "abi"
    subprocess.run(["cc", "-o", program, source], check=True, timeout=15)
    printed = subprocess.run([program], check=True, capture_output=True, timeout=5)
    values = map(int, printed.stdout.split())
    return dict(zip(expressions, values, strict=True))


def is_in_header(name: str) -> bool:
    return re.search(rf"\b{name}\b", TEXT) is not None


def struct_of(layout: str) -> str:
    return f"struct fuse_{PREFIXED.get(layout, layout).lower()}"


def is_struct_in_header(layout: str) -> bool:
    return f"{struct_of(layout)} {{" in TEXT


def fields(layout: str) -> list[str]:
    """The field names of the struct behind a layout, in order."""
    pattern = rf"{struct_of(layout)} {{(.*?)}};"
    body = re.search(pattern, TEXT, re.DOTALL)
    assert body, layout
    code = re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL)
    names = re.findall(r"(\w+)(?:\[\w*\])?;", code)
    return [name for name in names if f"{name}[]" not in code]


def items(layout: Struct) -> list[tuple[int, int]]:
    """Offset and size of each item of a layout that is no padding."""
    found, offset = [], 0
    for count, kind in re.findall(r"(\d*)([a-zA-Z])", layout.format):
        if kind == "x":
            offset += int(count or 1)
            continue
        for _ in range(int(count or 1)):
            size = calcsize(f"={kind}")
            found.append((offset, size))
            offset += size
    return found


def test_the_numbers_are_the_kernels(compiled: dict[str, int]) -> None:
    checked = {name: compiled[name] for name in NUMBERS if name in compiled}
    # The header may be of another version than the one these numbers are from.
    del checked[VERSION]
    assert {name: int(NUMBERS[name]) for name in checked} == checked


def test_what_the_header_lacks_is_newer_than_it() -> None:
    missing = {name for name in NUMBERS if not is_in_header(name)}
    missing |= {name for name in LAYOUTS if not is_struct_in_header(name)}
    installed = re.search(rf"#define {VERSION} (\d+)", TEXT)
    assert installed
    assert missing == {name for name in NEWER if NEWER[name] > int(installed[1])}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_the_kernels(name: str, compiled: dict[str, int]) -> None:
    if not is_struct_in_header(name):
        pytest.skip(f"{HEADER} is older than 7.{NEWER[name]}")
    layout = LAYOUTS[name]
    struct = struct_of(name)
    spans = [
        (
            compiled[f"offsetof({struct}, {field})"],
            compiled[f"sizeof((({struct} *)0)->{field})"],
        )
        for field in fields(name)
    ]
    whole = compiled[f"sizeof({struct})"]
    if name in PREFIXED or name == "INIT_IN":
        assert layout.size <= whole
    else:
        assert layout.size == whole
    for offset, size in items(layout):
        begin, length = next(each for each in spans if sum(each) > offset)
        is_within = begin <= offset and offset + size <= begin + length
        assert is_within if length > 8 else (offset, size) == (begin, length)


@pytest.mark.parametrize("name", ["ATTR_OUT", "ENTRY_OUT"])
def test_a_layout_that_ends_with_attributes_has_theirs(name: str) -> None:
    inner = items(_abi.ATTR)
    begin = LAYOUTS[name].size - _abi.ATTR.size
    tail = [each for each in items(LAYOUTS[name]) if each[0] >= begin]
    assert tail == [(begin + offset, size) for offset, size in inner]
