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

"""What the scheduler must know of handlers without importing them."""

from __future__ import annotations

#: Handlers whose work is taken away and made anew when a resource
#: changes, instead of being modified in place. Nobody waits for their
#: jobs but the resource's own (reference of workflows, 1.2 and 1.3).
MONITORING_HANDLERS = frozenset(('monitoring', 'monitoring_worker'))


def is_replaced(handler: str) -> bool:
    """Whether a change means delete and create, not modify."""
    return handler in MONITORING_HANDLERS


def is_waited_for(handler: str) -> bool:
    """Whether those that refer to a resource wait for this handler."""
    return handler not in MONITORING_HANDLERS
