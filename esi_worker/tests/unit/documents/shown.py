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

"""Compares what a command prints with what a page shows of it."""

from __future__ import annotations

from collections.abc import Iterator
import re


def differs(shown: str, printed: str) -> str | None:
    """What is wrong with a text that shall be as it is shown.

    Lines may be broken elsewhere, and ``...`` stands for anything.
    """
    parts = ' '.join(shown.split()).split('...')
    pattern = '.*'.join(map(re.escape, parts))
    if re.fullmatch(pattern, ' '.join(printed.split()), re.DOTALL):
        return None
    return f'this was shown:\n{shown}\nand this was printed:\n{printed}'


def rows(table: str) -> Iterator[list[str]]:
    """The cells of each line of a table, the titles first."""
    for line in table.splitlines():
        if line.startswith('|'):
            yield [cell.strip() for cell in line.split('|')[1:-1]]
