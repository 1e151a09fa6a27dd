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

"""Every error that esi-worker raises on purpose.

The tree has two branches. A ``TransientError`` says "not now": the same
call may succeed later, so the caller waits and tries again, and nothing
of it reaches ``/state``. A ``TerminalError`` says "not like this": the
same call will fail for ever, so somebody has to be told. The first line
of a class's docstring is its message when none is given.
"""

from __future__ import annotations

from collections.abc import Sequence


class EsiWorkerError(Exception):
    """Something went wrong in esi-worker."""

    def __init__(self, message: str | None = None) -> None:
        if message is None:
            message = (type(self).__doc__ or '').strip().splitlines()[0]
        super().__init__(message)


class TransientError(EsiWorkerError):
    """Not now; the same call may succeed later.

    ``after`` says in how many seconds, when somebody knows that.
    """

    after: float | None = None


class TerminalError(EsiWorkerError):
    """The same call would fail again."""


# --- store ---------------------------------------------------------------


class StoreError(EsiWorkerError):
    """The store answered with an error."""


class StoreUnavailable(StoreError, TransientError):
    """No etcd endpoint answered."""


class StoreTimeout(StoreUnavailable):
    """etcd did not answer in time; a write may or may not be applied."""


class StoreAuthError(StoreError, TransientError):
    """etcd refused the user name, the password or the token."""


class StoreNoSpace(StoreError, TransientError):
    """etcd's space quota is exceeded and it accepts no writes."""


class RequestRefused(StoreError, TerminalError):
    """The store refuses the request as it is."""


class TooManyOperations(RequestRefused):
    """A transaction holds more operations or compares than allowed."""


class DuplicateKey(RequestRefused):
    """A transaction changes one key twice."""


class RequestTooLarge(RequestRefused):
    """A request is larger than the store accepts."""


class CommitInterrupted(StoreTimeout):
    """A list of transitions was applied only in part.

    ``results`` says what became of the first transitions for certain;
    of the ``unknown`` transitions that follow nobody knows whether they
    were applied; all later ones were never sent.
    """

    def __init__(
        self, reason: str, results: Sequence[object], unknown: int
    ) -> None:
        super().__init__(
            f'{reason} ({len(results)} transitions are done, '
            f'{unknown} may or may not be)'
        )
        self.results = tuple(results)
        self.unknown = unknown


class FenceLost(StoreError, TerminalError):
    """The election or claim that fences a write is not ours any more."""


class RevisionCompacted(StoreError, TransientError):
    """The revision asked for has been compacted."""


class LeaseLost(StoreError, TerminalError):
    """The lease has expired or was revoked."""


class WatchError(StoreError, TransientError):
    """A watch has ended."""


class WatchCompacted(WatchError):
    """The watch's start revision has been compacted; list again.

    ``compact_revision`` is the oldest revision that can still be read.
    """

    def __init__(self, compact_revision: int) -> None:
        super().__init__(
            f'the watch started before revision {compact_revision}, '
            'which etcd has compacted'
        )
        self.compact_revision = compact_revision


class WatchCanceled(WatchError):
    """The server has cancelled the watch."""


class WatchDisconnected(WatchError):
    """The connection of the watch broke."""


class WatchSilent(WatchError):
    """The watch showed no sign of life within its deadline."""


# --- model ---------------------------------------------------------------


class DecodeError(TerminalError):
    """A stored value cannot be decoded.

    The message names the key, the field and what was expected there.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f'{key}: {reason}')
        self.key = key
        self.reason = reason


# --- mapping, templates, drivers -----------------------------------------


class MappingError(TerminalError):
    """A parameter mapping cannot be parsed or evaluated."""


class InvalidResource(MappingError):
    """A field of a resource holds what its driver cannot work with."""


class MissingReference(MappingError):
    """A mapping needs a resource that is not there (yet).

    ``resource_type`` and ``resource_id`` name it; the id is empty when
    the field that should hold it is empty.
    """

    def __init__(
        self, message: str, resource_type: str, resource_id: str
    ) -> None:
        super().__init__(message)
        self.resource_type = resource_type
        self.resource_id = resource_id


class TemplateError(TerminalError):
    """A template cannot be found, parsed or rendered."""


class TemplateNotFound(TemplateError):
    """No template has this id."""

    def __init__(self, template_id: str, message: str | None = None) -> None:
        super().__init__(
            message
            or f'template "{template_id}" is neither in the template folders '
            'nor under the heat_templates of etcd'
        )
        self.template_id = template_id


# --- configuration and plugins -------------------------------------------


class ConfigurationError(TerminalError):
    """The configuration cannot be used."""


class PluginError(ConfigurationError):
    """A plugin cannot be loaded.

    The message names the entry point, its group and the reason.
    """


# --- handlers ------------------------------------------------------------


class ClaimLost(TerminalError):
    """The job's claim is not ours any more; nothing may be changed."""


class NoPreview(TerminalError):
    """A handler cannot tell what a job would change."""
