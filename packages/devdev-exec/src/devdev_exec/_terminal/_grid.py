"""The cells of a screen.

A cell is the text that it shows: a character, with those that join it. A wide
character is in the first of its two cells; the second is empty.

INVARIANT: an empty cell follows a wide character, and nothing else does.
"""

BLANK = " "

Row = list[str]


class Grid:
    """Rows of cells; positions count from 0, and ranges end before their ends."""

    def __init__(self, rows: int, columns: int) -> None:
        self.columns = columns
        self.rows: list[Row] = [self._blank_row() for _ in range(rows)]

    def _blank_row(self) -> Row:
        return [BLANK] * self.columns

    def text(self) -> tuple[str, ...]:
        """What the rows show, without blanks at their ends."""
        return tuple("".join(row).rstrip(BLANK) for row in self.rows)

    def put(self, y: int, x: int, cells: list[str]) -> None:
        """Show cells from a position on; they end within the row."""
        row = self.rows[y]
        end = x + len(cells)
        self._split(row, x)
        self._split(row, end)
        row[x:end] = cells

    def erase(self, y: int, start: int, end: int) -> None:
        """Blank part of a row."""
        row = self.rows[y]
        end = min(end, self.columns)
        if start < end:
            self._split(row, start)
            self._split(row, end)
            row[start:end] = [BLANK] * (end - start)

    def erase_rows(self, start: int, end: int) -> None:
        """Blank whole rows."""
        for y in range(start, end):
            self.rows[y] = self._blank_row()

    def fill(self, character: str) -> None:
        """Show one character everywhere."""
        self.rows = [[character] * self.columns for _ in self.rows]

    def insert(self, y: int, x: int, count: int) -> None:
        """Move the rest of a row right; what leaves it is lost."""
        row = self.rows[y]
        count = min(count, self.columns - x)
        self._split(row, x)
        self._split(row, self.columns - count)
        row[x:x] = [BLANK] * count
        del row[self.columns :]

    def delete(self, y: int, x: int, count: int) -> None:
        """Move the rest of a row left."""
        row = self.rows[y]
        count = min(count, self.columns - x)
        self._split(row, x)
        self._split(row, x + count)
        del row[x : x + count]
        row += [BLANK] * count

    def scroll_up(self, top: int, bottom: int, count: int) -> None:
        """Move the rows from `top` to before `bottom` up; blank ones follow."""
        count = min(count, bottom - top)
        self.rows[top:bottom] = [
            *self.rows[top + count : bottom],
            *(self._blank_row() for _ in range(count)),
        ]

    def scroll_down(self, top: int, bottom: int, count: int) -> None:
        """Move the rows from `top` to before `bottom` down; blank ones come first."""
        count = min(count, bottom - top)
        self.rows[top:bottom] = [
            *(self._blank_row() for _ in range(count)),
            *self.rows[top : bottom - count],
        ]

    def join(self, y: int, x: int, character: str) -> None:
        """Add a character to what the cell shows."""
        self.rows[y][x] += character

    def head(self, y: int, x: int) -> int:
        """Where the character begins that the cell is part of."""
        return x - 1 if x and not self.rows[y][x] else x

    def resize(self, rows: int, columns: int, y: int) -> int:
        """Become another size; return by how many rows what is shown moved up.

        Rows below the cursor's go first, then rows at the top.
        """
        excess = max(len(self.rows) - rows, 0)
        below = min(excess, len(self.rows) - 1 - y)
        del self.rows[len(self.rows) - below :]
        moved = excess - below
        del self.rows[:moved]
        for row in self.rows:
            if columns < len(row):
                self._split(row, columns)
                del row[columns:]
            row += [BLANK] * (columns - len(row))
        self.columns = columns
        self.rows += [self._blank_row() for _ in range(rows - len(self.rows))]
        return moved

    def _split(self, row: Row, x: int) -> None:
        """See to it that no wide character lies across the left edge of a cell."""
        if 0 < x < len(row) and not row[x]:
            row[x - 1] = row[x] = BLANK
