#!/usr/bin/python3
"""Checks that no file under src/ includes upwards: only from its own folder and from folders before it in the order
of layers, which meson.build names. Prints each offence as FILE:LINE and exits 1."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def layers():
    text = (ROOT / "meson.build").read_text()
    return re.findall(r"'(\w+)'", re.search(r"^layers = \[(.*?)\]", text, re.S | re.M).group(1))


def offences(root=ROOT, order=None):
    order = order or layers()
    rank = {name: i for i, name in enumerate(order)}
    for path in sorted((root / "src").rglob("*.[chd]*")):
        own = path.relative_to(root / "src").parts[0]
        if own not in rank:
            yield f"{path.relative_to(root)}:1: folder {own} is no layer"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
            if found and rank.get(found.group(1), len(rank)) > rank[own]:
                yield f"{path.relative_to(root)}:{number}: {own} includes {found.group(1)}"


if __name__ == "__main__":
    found = list(offences())
    print("\n".join(found) if found else "layers: no file includes upwards")
    sys.exit(1 if found else 0)
