# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The table of jobs on a terminal, or as lines where there is none.

A terminal shows the table below the text and keeps it up to date in
place. A file or a pipe gets one line per change, and the whole table in
the end.
"""

from __future__ import annotations

from collections.abc import Iterable
import shutil
from typing import TextIO

from esi_worker.demo.board import Board, Row, Status

_HEAD = ('job', 'status', 'seconds', 'waits for')
_ROW = '{:<32} {:<8} {:>7}  {}'
#: How much of the screen's height the table may take.
_SHARE = 2 / 3

_UP_AND_CLEAR = '\x1b[{lines}F\x1b[J'


def table(board: Board, limit: int | None = None) -> list[str]:
    """The rows as text.

    :param limit: how many rows at most; those that have ended, the
        earliest first, are only counted then
    """
    rows = board.rows
    hidden = _hidden(rows, limit)
    lines = [_ROW.format(*_HEAD), '-' * 78]
    if hidden:
        lines.append(f'({len(hidden)} more that are done)')
    lines += [line(board, row) for row in rows if id(row) not in hidden]
    return lines


def line(board: Board, row: Row) -> str:
    """One job as a row of the table."""
    seconds = row.seconds(board.now())
    return _ROW.format(
        board.title(row),
        row.status.value,
        '' if seconds is None else f'{seconds:.1f}',
        _others(board, row),
    ).rstrip()


def _others(board: Board, row: Row) -> str:
    names = ', '.join(board.others(row))
    if not names or row.status is Status.WAITING:
        return names
    return f'(waited for {names})'


def _hidden(rows: list[Row], limit: int | None) -> set[int]:
    if limit is None or len(rows) <= limit:
        return set()
    ended = [row for row in rows if row.status.is_end]
    return {id(row) for row in ended[: len(rows) - limit + 1]}


class Screen:
    """Text as it comes, and one table that changes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._drawn = 0

    def say(self, text: str = '') -> None:
        """A line that stays."""
        self._erase()
        self._put([text])

    def changed(self, board: Board, row: Row) -> None:
        """The status of a job has changed."""
        if self._live:
            self.refresh(board)
        elif row.status is not Status.READY:
            self._put([f'    {line(board, row)}'])

    def refresh(self, board: Board) -> None:
        """Draw the table anew, where that is possible."""
        if not self._live or not board.rows:
            return
        size = shutil.get_terminal_size()
        lines = ['', *table(board, max(3, int(size.lines * _SHARE) - 4))]
        self._erase()
        self._put(text[: size.columns - 1] for text in lines)
        self._drawn = len(lines)

    def finish(self, board: Board) -> None:
        """Leave the whole table behind."""
        self._erase()
        self._put(['', *table(board), ''])

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(_UP_AND_CLEAR.format(lines=self._drawn))
            self._drawn = 0

    def _put(self, lines: Iterable[str]) -> None:
        self._stream.writelines(f'{text}\n' for text in lines)
        self._stream.flush()
