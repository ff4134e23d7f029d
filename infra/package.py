"""Checks which C library a program needs, and packs it; infra/package.sh calls it."""

import argparse
import gzip
import io
import os
import struct
import sys
import tarfile
import time
import zipfile
from pathlib import Path

MACHINES = {"x86_64": 62, "arm64": 183}
SHT_GNU_VERNEED = 0x6FFFFFFE
BESIDE = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"]


class Elf:
    """As much of a 64-bit little-endian ELF file as names what it needs at run time."""

    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no 64-bit little-endian ELF file")
        self.data = data
        (self.machine,) = struct.unpack_from("<H", data, 18)
        (offset,) = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        # name, type, flags, address, offset, size, link, info, alignment, entry size
        self.sections = [struct.unpack_from("<IIQQQQIIQQ", data, offset + size * i) for i in range(count)]

    def versions(self):
        """The versions of libraries' symbols that it needs, such as ("libc.so.6", "GLIBC_2.17")."""
        found = set()
        for section in self.sections:
            _, kind, _, _, offset, _, link, info, _, _ = section
            if kind != SHT_GNU_VERNEED:
                continue
            strings = self.sections[link][4]
            for _ in range(info):
                _, count, file, first, following = struct.unpack_from("<HHIII", self.data, offset)
                entry = offset + first
                for _ in range(count):
                    _, _, _, name, after = struct.unpack_from("<IHHII", self.data, entry)
                    found.add((self.text(strings + file), self.text(strings + name)))
                    entry += after
                offset += following
        return found

    def has_symbols(self):
        """Whether it was not stripped."""
        return any(section[1] == 2 for section in self.sections)

    def text(self, at):
        return self.data[at : self.data.index(b"\0", at)].decode()


def number(version):
    return tuple(int(part) for part in version.split("."))


def check(path, machine, most):
    """The glibc that a program needs; an error unless it is stripped, for this machine, and content with `most`."""
    elf = Elf(path.read_bytes())
    if elf.machine != MACHINES[machine]:
        raise ValueError(f"{path} is for another machine than {machine}")
    if elf.has_symbols():
        raise ValueError(f"{path} is not stripped")
    needs = [version.removeprefix("GLIBC_") for _, version in elf.versions() if version.startswith("GLIBC_")]
    needs = sorted((version for version in needs if version[0].isdigit()), key=number)
    if not needs:
        raise ValueError(f"{path} names no version of glibc: is it linked statically?")
    if number(needs[-1]) > number(most):
        raise ValueError(f"{path} needs glibc {needs[-1]}; the Lambda runtime has {most}")
    return needs[-1]


def pack_zip(path, program, when):
    name = zipfile.ZipInfo("bootstrap", time.gmtime(max(when, 315532800))[:6])
    name.create_system = 3  # Unix: else the permissions do not count.
    name.external_attr = (0o100755) << 16
    name.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", compresslevel=9) as archive:
        archive.writestr(name, program)


def pack_tar(path, program, when):
    folder = path.name.removesuffix(".tar.gz")
    files = [("lemming", program, 0o755), *((name, Path(name).read_bytes(), 0o644) for name in BESIDE)]
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, when) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data, mode in files:
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mode, entry.mtime = len(data), mode, when
                archive.addfile(entry, io.BytesIO(data))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--machine", choices=MACHINES, required=True)
    parser.add_argument("--glibc", required=True)
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--archive", type=Path, required=True)
    args = parser.parse_args()
    try:
        needs = check(args.program, args.machine, args.glibc)
    except (OSError, ValueError) as error:
        sys.exit(f"package: {error}")
    when = int(os.environ["SOURCE_DATE_EPOCH"])
    program = args.program.read_bytes()
    pack_zip(args.zip, program, when)
    pack_tar(args.archive, program, when)
    print(f"package: {args.machine} needs glibc {needs} and has {len(program) / 1e6:.1f} MB")
    for path in (args.zip, args.archive):
        print(f"package: {path} ({path.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
