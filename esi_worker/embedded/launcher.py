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

"""Becomes a service's process, tied to the life of the one that started it.

Runs as a script (``python -I -S launcher.py ...``), so it uses nothing but
the standard library. It gives up root when asked to, asks the kernel to
signal this process when the starter dies (Linux only), and then *becomes*
the service with exec: no process of ours stays in between, and the pid is
the service's own.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument('--parent', type=int, required=True)
    parser.add_argument('--death-signal', type=int, required=True)
    parser.add_argument('--uid', type=int)
    parser.add_argument('--gid', type=int)
    parser.add_argument('command', nargs=argparse.REMAINDER)
    return parser.parse_args()


def _give_up_root(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with(parent: int, death_signal: int) -> None:
    """Only after the change of user, which clears the kernel's note."""
    if not sys.platform.startswith('linux'):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl(PR_SET_PDEATHSIG)')
    if os.getppid() != parent:
        sys.exit('the starting process is already gone')


def main() -> None:
    arguments = _arguments()
    if arguments.uid is not None:
        _give_up_root(arguments.uid, arguments.gid)
    _die_with(arguments.parent, arguments.death_signal)
    command = arguments.command
    if command and command[0] == '--':
        command = command[1:]
    os.execvp(command[0], command)  # noqa: S606


if __name__ == '__main__':
    main()
