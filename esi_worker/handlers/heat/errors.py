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

"""What can go wrong between a job and Heat.

Transient ones make the job wait, terminal ones are published. Their
texts are short and come without server tracebacks; secrets are masked
where an outcome is made.
"""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.handlers.heat import backend


class HeatUnavailable(exceptions.TransientError):
    """Heat or Keystone did not answer, or answered with a server error.

    A change that was asked for may or may not have been made.
    """

    def __init__(
        self, message: str | None = None, after: float | None = None
    ) -> None:
        super().__init__(message)
        self.after = after


class AnswerLost(HeatUnavailable):
    """A request went out and no answer came back.

    A change that was asked for may yet be made.
    """


class StackBusy(exceptions.TransientError):
    """Heat is busy with the stack and accepts no change now."""


class StackExists(exceptions.TransientError):
    """Heat still has a stack of this name."""


class StackNotFound(exceptions.TerminalError):
    """Heat has no such stack."""


class HeatRefused(exceptions.TerminalError):
    """Heat refuses the request as it is."""


class HeatForbids(HeatRefused):
    """Heat forbids the request and tells no reason.

    It says so when Keystone lets it make no trust: for ever if the user
    may not, and for a moment while a Keystone that was just started still
    loads its policy. What Heat's own policy forbids has a reason.
    """


class StackError(exceptions.TerminalError):
    """A stack has not become what the job wants.

    ``info`` is the stack as Heat showed it last.
    """

    def __init__(self, message: str, info: backend.StackInfo) -> None:
        super().__init__(message)
        self.info = info


class StackFailed(StackError):
    """Heat could not do what was asked for."""


class StackTimeout(StackError):
    """Heat has not finished in time."""


class StackContested(exceptions.TerminalError):
    """Somebody else keeps changing the stack."""
