#!/usr/bin/env python3
"""Turns root.ds into C strings, one a record."""
import sys

for line in open(sys.argv[1], encoding="ascii"):
    if line.strip():
        print(f'"{line.strip()}",')
