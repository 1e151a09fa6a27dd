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

"""What the collector refuses; the HTTP API turns these into answers."""

from __future__ import annotations

from collections.abc import Sequence

from esi_worker import exceptions


def reason_of(error: Exception) -> str:
    """Why, without what a stranger's text may hold: properties, secrets."""
    if isinstance(error, exceptions.EsiWorkerError):
        return str(error)
    return type(error).__name__


class InvalidTarget(exceptions.TerminalError):
    """The target cannot be monitored as it is described.

    ``problems`` name one field and its fix each, without values that
    could be secret.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__('; '.join(problems))
        self.problems = tuple(problems)


class TargetNotFound(exceptions.TerminalError):
    """No target has this id."""

    def __init__(self, target_id: str) -> None:
        super().__init__(f'no target has the id "{target_id}"')
        self.target_id = target_id


class TargetConflict(exceptions.TerminalError):
    """The description would take the place of something that stays."""


class StillContended(exceptions.TransientError):
    """A key changed under every attempt to change it."""

    def __init__(self, key: str, attempts: int) -> None:
        super().__init__(
            f'{key} was not changed: in each of {attempts} attempts '
            'somebody else changed it first, or etcd did not answer'
        )
