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

"""The handler ``heat_worker``: one Heat stack per resource.

The modules, from the outside in: ``handler`` is what the dispatcher
calls; ``preparing`` and ``resolving`` make a stack request of a job;
``looking``, ``acting`` and ``decisions`` bring the stack there, ``batching``
says which are looked at together, ``pacing`` how often; ``results``
says what is published; ``backend`` is the seam to Heat with its two sides
``remote`` and ``memory``.
"""

from esi_worker.handlers.heat.backend import (
    ResourceInfo,
    StackBackend,
    StackChanges,
    StackContent,
    StackDetails,
    StackInfo,
    StackRequest,
)
from esi_worker.handlers.heat.handler import HeatHandler
from esi_worker.handlers.heat.memory import MemoryBackend
from esi_worker.handlers.heat.options import list_opts
from esi_worker.handlers.heat.remote import HeatBackend

__all__ = (
    'HeatBackend',
    'HeatHandler',
    'MemoryBackend',
    'ResourceInfo',
    'StackBackend',
    'StackChanges',
    'StackContent',
    'StackDetails',
    'StackInfo',
    'StackRequest',
    'list_opts',
)
