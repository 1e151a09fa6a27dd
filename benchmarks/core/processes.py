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

"""What the kernel says about running processes (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf('SC_CLK_TCK')
_PROC = Path('/proc')


def children(pid: int) -> dict[int, str]:
    """The children of a process and their titles."""
    lists = (_PROC / str(pid) / 'task').glob('*/children')
    found = [int(each) for path in lists for each in path.read_text().split()]
    return {each: _title(each) for each in found}


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    text = (_PROC / str(pid) / 'stat').read_text()
    fields = text.rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int) -> float:
    """The memory that a process alone has in use, in MiB."""
    for line in (_PROC / str(pid) / 'smaps_rollup').read_text().splitlines():
        if line.startswith('Private_Dirty:'):
            return int(line.split()[1]) / 1024
    raise ValueError(f'the kernel does not tell the memory of {pid}')


def resident_mib(pid: int) -> float:
    """The memory that a process has resident, in MiB."""
    for line in (_PROC / str(pid) / 'status').read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) / 1024
    raise ValueError(f'the kernel does not tell the memory of {pid}')


def _title(pid: int) -> str:
    return (_PROC / str(pid) / 'cmdline').read_text().replace('\0', ' ')
