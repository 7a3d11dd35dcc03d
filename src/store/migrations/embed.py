"""Writes the migrations as one C file: embed.py OUT FILE… (each FILE is NNNN.sql; they run in the order of their numbers)."""
import os
import sys

out, files = sys.argv[1], sorted(sys.argv[2:], key=os.path.basename)
with open(out, 'w', encoding='ascii') as c:
    c.write('#include "store/migrate.h"\n\n')
    for number, path in enumerate(files, 1):
        name = os.path.basename(path)
        if name != '%04d.sql' % number:
            sys.exit('%s: expected %04d.sql; migrations are numbered without gaps' % (path, number))
        with open(path, 'rb') as sql:
            data = sql.read() + b'\0'
        c.write('static const char sql_%04d[] = {\n' % number)
        for at in range(0, len(data), 24):
            c.write('  ' + ','.join(str(b) for b in data[at:at + 24]) + ',\n')
        c.write('};\n\n')
    c.write('const char *const migrations[] = {%s};\n' % ', '.join('sql_%04d' % (n + 1) for n in range(len(files))))
    c.write('const int migrations_n = %d;\n' % len(files))
