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

"""What is wrong with a job, whichever handler looks at it."""

from __future__ import annotations

from esi_worker import exceptions
from esi_worker.model import ResourceRef


class OutputNotFound(exceptions.TerminalError):
    """A job refers to an output that no stack record holds."""

    def __init__(self, output_key: str, ref: ResourceRef, why: str) -> None:
        super().__init__(f'Output {output_key} of {ref} not found: {why}')


class InvalidJob(exceptions.TerminalError):
    """A job lacks something that its handler needs."""
