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

"""The nouns of esi-worker as frozen dataclasses with their codecs."""

from esi_worker.model.jobs import Action
from esi_worker.model.jobs import Job
from esi_worker.model.jobs import OnFailure
from esi_worker.model.jobs import Param
from esi_worker.model.jobs import ParamType
from esi_worker.model.outcomes import Done
from esi_worker.model.outcomes import Failed
from esi_worker.model.outcomes import InProgress
from esi_worker.model.outcomes import Outcome
from esi_worker.model.outcomes import Retry
from esi_worker.model.records import JobState
from esi_worker.model.records import PublishedState
from esi_worker.model.records import StackRecord
from esi_worker.model.records import WorkerRecord
from esi_worker.model.resources import AcceptedConfig
from esi_worker.model.resources import Config
from esi_worker.model.resources import Resource
from esi_worker.model.resources import ResourceRef
from esi_worker.model.resources import ResourceType
from esi_worker.model.resources import TypeRegistry

__all__ = (
    'AcceptedConfig',
    'Action',
    'Config',
    'Done',
    'Failed',
    'InProgress',
    'Job',
    'JobState',
    'OnFailure',
    'Outcome',
    'Param',
    'ParamType',
    'PublishedState',
    'Resource',
    'ResourceRef',
    'ResourceType',
    'Retry',
    'StackRecord',
    'TypeRegistry',
    'WorkerRecord',
)
