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

"""Where everything lies in etcd.

The layout is a contract with other programs; it follows section 2 of
the reference of the job protocol. ``<path>`` is a resource's path
without a leading slash, such as ``v2.0/ports/<id>``, copied byte by byte
from the config key.

=====================================  ================================
key                                    value
=====================================  ================================
``<config>/<path>``                    desired state, written by others
``<state>/<path>``                     published state
``<monitoring>/<path>``                monitoring values
``<jobs>/all/<job id>``                the job record
``<jobs>/waiting|ready/<job id>``      the handler's name
``<jobs>/working/<job id>``            the claim, on a worker's lease
``<jobs>/finished/<job id>``           empty, or a list with one error
``<worker>/config/<path>``             the version last accepted
``<worker>/previous/<path>``           the version before that one
``<worker>/heat_stacks/<path>``        the stack's record
``<worker>/stack_marks/<path>``        which stack that is in Heat
``<worker>/job_state/<path>``          results of a running workflow
``<worker>/blocked/<path>``            why no job can be made
``<worker>/history/<path>``            the latest transitions
``<worker>/requests/<request id>``     what an operator asks for, on a lease
``<worker>/paused/<path>``             that an operator has paused it
``<worker>/drift/<path>``              how a stack was changed by others
``<worker>/periodic/<task>``           who does a periodic task, on a lease
``<worker>/workers/<worker id>``       a live worker, on its lease
``<worker>/targets/<target id>``       a monitoring target
``<worker>/draining/<worker id>``      a worker is to take no more jobs
``<worker>/managers/<identity>``       a manager, elected or standing by
``<worker>/target_names/<identity>``   the id of the target it names
``<worker>/collectors/<process id>``   a live collector, on its lease
``<worker>/partitions/<number>``       who polls a part of the targets
``<worker>/pulse/<process id>``        proof of life of the watches
``/job_manager_id``                    the elected manager
=====================================  ================================
"""

from __future__ import annotations

import dataclasses
import enum


class StateShape(enum.StrEnum):
    """What ``state`` in a published state is, and ``monitoring``.

    ``NESTED``: members of their own, ``state`` is an object and the
    monitoring fields lie next to the version. ``STRING``: one string
    each, which holds the same object as JSON. REST servers that copy
    the text into a column drop anything else.
    """

    NESTED = 'nested'
    STRING = 'string'


@dataclasses.dataclass(frozen=True, slots=True)
class KeyLayout:
    """Builds the keys; the prefixes come from the ``[keys]`` options.

    Prefixes start with a slash and do not end with one. ``state_shape``
    goes with the prefixes: both are what the REST server expects.
    """

    config_prefix: str = '/config'
    state_prefix: str = '/state'
    monitoring_prefix: str = '/monitoring'
    jobs_prefix: str = '/jobs'
    worker_prefix: str = '/esi-worker'
    election: str = '/job_manager_id'
    state_shape: StateShape = StateShape.NESTED

    def config(self, path: str) -> str:
        return f'{self.config_prefix}/{path}'

    def state(self, path: str) -> str:
        return f'{self.state_prefix}/{path}'

    def monitoring(self, path: str) -> str:
        return f'{self.monitoring_prefix}/{path}'

    def job(self, job_id: str) -> str:
        return f'{self.jobs_prefix}/all/{job_id}'

    def waiting(self, job_id: str) -> str:
        return f'{self.jobs_prefix}/waiting/{job_id}'

    def ready(self, job_id: str) -> str:
        return f'{self.jobs_prefix}/ready/{job_id}'

    def working(self, job_id: str) -> str:
        return f'{self.jobs_prefix}/working/{job_id}'

    def finished(self, job_id: str) -> str:
        return f'{self.jobs_prefix}/finished/{job_id}'

    def accepted(self, path: str) -> str:
        """The config version that was last made into a workflow."""
        return f'{self.worker_prefix}/config/{path}'

    def previous(self, path: str) -> str:
        """The config version that the accepted one follows."""
        return f'{self.worker_prefix}/previous/{path}'

    def heat_stack(self, path: str) -> str:
        return f'{self.worker_prefix}/heat_stacks/{path}'

    def stack_mark(self, path: str) -> str:
        return f'{self.worker_prefix}/stack_marks/{path}'

    def job_state(self, path: str) -> str:
        return f'{self.worker_prefix}/job_state/{path}'

    def blocked(self, path: str) -> str:
        return f'{self.worker_prefix}/blocked/{path}'

    def history(self, path: str) -> str:
        return f'{self.worker_prefix}/history/{path}'

    def request(self, request_id: str) -> str:
        return f'{self.worker_prefix}/requests/{request_id}'

    def paused(self, path: str) -> str:
        return f'{self.worker_prefix}/paused/{path}'

    def drift(self, path: str) -> str:
        return f'{self.worker_prefix}/drift/{path}'

    def periodic(self, task: str) -> str:
        """The election of the worker that does a periodic task."""
        return f'{self.worker_prefix}/periodic/{task}'

    def worker(self, worker_id: str) -> str:
        return f'{self.worker_prefix}/workers/{worker_id}'

    def target(self, target_id: str) -> str:
        return f'{self.worker_prefix}/targets/{target_id}'

    def draining(self, worker_id: str) -> str:
        return f'{self.worker_prefix}/draining/{worker_id}'

    def manager(self, identity: str) -> str:
        return f'{self.worker_prefix}/managers/{identity}'

    def target_name(self, identity: str) -> str:
        """The id of the target that monitors this field and version."""
        return f'{self.worker_prefix}/target_names/{identity}'

    def collector(self, process_id: str) -> str:
        return f'{self.worker_prefix}/collectors/{process_id}'

    def partition(self, number: str) -> str:
        """The claim on a part of the monitoring targets."""
        return f'{self.worker_prefix}/partitions/{number}'

    def pulse(self, process_id: str) -> str:
        return f'{self.worker_prefix}/pulse/{process_id}'

    @property
    def configs(self) -> str:
        """Prefix of all desired states, with its closing slash."""
        return f'{self.config_prefix}/'

    @property
    def jobs(self) -> str:
        """Prefix of the whole queue, with its closing slash."""
        return f'{self.jobs_prefix}/'

    def config_path(self, key: str) -> str | None:
        """The resource path in a config key, or None for another key."""
        if not key.startswith(self.configs):
            return None
        return key[len(self.configs) :] or None

    def job_place(self, key: str) -> tuple[str, str] | None:
        """Split a queue key.

        :returns: the place (``all``, ``waiting``, ``ready``, ``working``
            or ``finished``) and the job id, or None for another key
        """
        if not key.startswith(self.jobs):
            return None
        place, slash, job_id = key[len(self.jobs) :].partition('/')
        return (place, job_id) if slash and job_id else None
