#!/usr/bin/env python3
"""Turns IANA's special-purpose address registries (CSV) into rows of a C table: SPECIAL(bytes, prefix, name, address...)."""
import csv
import ipaddress
import sys


def blocks(path):
    """Every address block of one registry with its name; a cell may hold several blocks and foot-note marks."""
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for block in row["Address Block"].split(","):
                yield ipaddress.ip_network(block.split("[")[0].strip()), row["Name"].replace('"', "")


def main(paths):
    found = [entry for path in paths for entry in blocks(path)]
    if len(found) < 20 * len(paths):
        sys.exit("a registry is shorter than it can be")
    print("/* Made from data/special-addresses by table.py: IANA's special-purpose address registries. */")
    # The longest prefix first, so that the first match has the most telling name.
    for network, name in sorted(found, key=lambda entry: -entry[0].prefixlen):
        octets = ", ".join(f"0x{b:02x}" for b in network.network_address.packed)
        print(f'SPECIAL({len(network.network_address.packed)}, {network.prefixlen}, "{name}", {octets})')


if __name__ == "__main__":
    main(sys.argv[1:])
