#!/usr/bin/env python3
"""Writes a C file with one function that returns a file's bytes: embed.py FUNCTION HEADER INPUT OUTPUT (INPUT - for none)."""
import sys

function, header, source, target = sys.argv[1:]
data = b"" if source == "-" else open(source, "rb").read()
rows = [", ".join(str(b) for b in data[i:i + 24]) for i in range(0, len(data), 24)] or ["0"]
with open(target, "w") as out:
    out.write(f'#include "{header}"\n\nstatic const uint8_t bytes[] = {{\n  ' + ",\n  ".join(rows) + "};\n\n")
    out.write(f"struct slice {function}(void) {{\n  return slice_of(bytes, {len(data)});\n}}\n")
