"""The files that `devdev demo` writes into its workspace, and the scripts it runs."""

GITCONFIG = """\
[user]
\tname = devdev demo
\temail = demo@example.invalid
[init]
\tdefaultBranch = main
[gc]
\tauto = 0
"""

GITIGNORE = """\
__pycache__/
"""

WHERE_PYTHON_IS = """\
import json, sys
assert json.__file__.startswith(sys.argv[1]), json.__file__
print(json.__file__)
"""
"""Fails unless the library that runs is the one in the directory it is given."""

RUN_DOCTESTS = """\
import doctest, sys, unittest
suite = unittest.TestSuite(map(doctest.DocTestSuite, sys.argv[1:]))
result = unittest.TextTestRunner().run(suite)
sys.exit(not result.wasSuccessful())
"""

USE_SQLITE = """\
import sqlite3, sys
path, mode, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
db = sqlite3.connect(path)
assert db.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)
db.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, name TEXT, data BLOB)")
db.execute("CREATE UNIQUE INDEX entry_name ON entry (name)")
for start in range(0, rows, 1000):
    with db:  # a transaction
        db.executemany(
            "INSERT INTO entry VALUES (?, ?, randomblob(? % 2000))",
            ((i, f"entry {i}", i) for i in range(start, start + 1000)),
        )
with db:
    db.execute("UPDATE entry SET data = zeroblob(3000) WHERE id % 3 = 0")
    db.execute("DELETE FROM entry WHERE id % 7 = 0")
try:
    with db:
        db.execute("DELETE FROM entry")
        raise KeyError("roll it back")
except KeyError:
    pass
db.close()
db = sqlite3.connect(path)
print(*(row[0] for row in db.execute("PRAGMA integrity_check")), sep="\\n")
print(f'{db.execute("SELECT count(*) FROM entry").fetchone()[0]:,} rows')
"""

SQL = """\
PRAGMA journal_mode = {mode};
CREATE TABLE entry (id INTEGER PRIMARY KEY, name TEXT, data BLOB);
CREATE UNIQUE INDEX entry_name ON entry (name);
BEGIN;
WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number LIMIT {rows})
INSERT INTO entry SELECT i, 'entry ' || i, randomblob(i % 2000) FROM number;
COMMIT;
UPDATE entry SET data = zeroblob(3000) WHERE id % 3 = 0;
DELETE FROM entry WHERE id % 7 = 0;
BEGIN;
DELETE FROM entry;
ROLLBACK;
PRAGMA integrity_check;
SELECT printf('%,d rows', count(*)) FROM entry;
"""
"""The same for the program sqlite3, where Python has no module for it."""

TALLY = {
    "Makefile": """\
CFLAGS = -O2 -Wall -Werror
OBJECTS = build/count.o build/total.o

all: build/tally

build/tally: build/main.o build/libtally.a
\t$(CC) $(CFLAGS) -o $@ $^

build/libtally.a: $(OBJECTS)
\trm -f $@
\tar rcs $@ $(OBJECTS)

build/%.o: src/%.c src/tally.h
\t@mkdir -p build
\t$(CC) $(CFLAGS) -c -o $@ $<

check: build/tally
\tfind $(TREE) -name '*.py' -type f -print0 | sort -z > build/files
\txargs -0 cat < build/files | wc -lc | tr -s ' ' | sed 's/^ //' > build/expected
\txargs -0 -n 500 build/tally < build/files | build/tally -s > build/found
\tcmp build/expected build/found
\t@cat build/found

.PHONY: all check
""",
    "src/tally.h": """\
#ifndef TALLY_H
#define TALLY_H

#include <stdio.h>

struct tally {
    unsigned long lines;
    unsigned long bytes;
};

/* Counts what a file holds, through a mapping of it; 0, or -1 with errno set. */
int tally_file(const char *path, struct tally *tally);

void tally_add(struct tally *sum, const struct tally *part);

/* Adds up the tallies that another run has printed. */
void tally_read(FILE *file, struct tally *sum);

#endif
""",
    "src/count.c": """\
#include "tally.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void count(const char *data, size_t size, struct tally *tally)
{
    const char *end = data + size;

    tally->bytes = size;
    for (const char *at = data; (at = memchr(at, '\\n', end - at)); at++)
        tally->lines++;
}

int tally_file(const char *path, struct tally *tally)
{
    struct stat info;
    int fd = open(path, O_RDONLY);

    memset(tally, 0, sizeof *tally);
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) == 0 && info.st_size > 0) {
        void *data = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

        if (data == MAP_FAILED) {
            close(fd);
            return -1;
        }
        count(data, info.st_size, tally);
        munmap(data, info.st_size);
    }
    return close(fd);
}
""",
    "src/total.c": """\
#include "tally.h"

void tally_add(struct tally *sum, const struct tally *part)
{
    sum->lines += part->lines;
    sum->bytes += part->bytes;
}

void tally_read(FILE *file, struct tally *sum)
{
    struct tally part;

    while (fscanf(file, "%lu %lu", &part.lines, &part.bytes) == 2)
        tally_add(sum, &part);
}
""",
    "src/main.c": """\
#include "tally.h"

#include <string.h>

int main(int argc, char **argv)
{
    struct tally sum = {0, 0};

    if (argc == 2 && strcmp(argv[1], "-s") == 0) {
        tally_read(stdin, &sum);
    } else {
        for (int i = 1; i < argc; i++) {
            struct tally part;

            if (tally_file(argv[i], &part) != 0) {
                perror(argv[i]);
                return 1;
            }
            tally_add(&sum, &part);
        }
    }
    printf("%lu %lu\\n", sum.lines, sum.bytes);
    return 0;
}
""",
}
"""A program in C, by path: it counts lines and bytes, and `make check` asks wc(1)."""
