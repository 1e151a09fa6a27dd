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

"""A shell in which a test types what a page tells its reader to type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import os
from pathlib import Path
import re
import select
import signal
import subprocess
import time
import uuid

import fixtures

#: A question at the end of a line, and what the reader answers.
_ANSWERED = re.compile(r'^(.*\[y/N\]) (\w+)$', re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class Typed:
    """A command of a console block, and what is shown below it."""

    command: str
    shown: str

    @property
    def answers(self) -> str:
        """What the reader types while the command runs."""
        found = _ANSWERED.findall(self.shown)
        return ''.join(f'{answer}\n' for _, answer in found)

    @property
    def output(self) -> str:
        """What the command prints by itself."""
        return _ANSWERED.sub(r'\1', self.shown)


def typed(console: str) -> Iterator[Typed]:
    """The commands of a block; a line may end with a backslash."""
    joined = console.replace('\\\n', '')
    for part in re.split(r'^\$ ', joined, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition('\n')
        yield Typed(command, shown)


class Shell(fixtures.Fixture):
    """One bash, for as long as the test lasts.

    What it runs in the background ends with it.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._folder = folder
        self._environment = environment

    def _setUp(self) -> None:
        self._bash = subprocess.Popen(
            ['bash', '--norc', '--noprofile'],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.addCleanup(self._end)

    def run(self, each: Typed, limit: float) -> tuple[int, str]:
        """The exit code and the output on both streams.

        :param limit: seconds that it may take
        """
        assert self._bash.stdin is not None
        mark = uuid.uuid4().hex
        answers = self._folder / '.answers'
        answers.write_text(each.answers)
        text = (
            f'{{ {each.command}\n}} < {answers}\n'
            f'code=$?; echo {mark} $code; (exit $code)\n'
        )
        self._bash.stdin.write(text.encode())
        self._bash.stdin.flush()
        output, code = self._read(mark, limit, each.command)
        return code, output

    def _read(self, mark: str, limit: float, what: str) -> tuple[str, int]:
        assert self._bash.stdout is not None
        stream, read = self._bash.stdout.fileno(), b''
        end = time.monotonic() + limit
        form = re.compile(rf'(.*){mark} (\d+)\n'.encode(), re.DOTALL)
        while not (found := form.fullmatch(read)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise AssertionError(f'{what}: no end; so far:\n{read!r}')
            new = os.read(stream, 65536)
            if not new:
                raise AssertionError(f'{what}: the shell has gone:\n{read!r}')
            read += new
        return found[1].decode(), int(found[2])

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()
