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

from esi_worker.model.jobs import Action, Job, OnFailure, Param, ParamType
from esi_worker.model.outcomes import Done, Failed, InProgress, Outcome, Retry
from esi_worker.model.pauses import Pause
from esi_worker.model.records import (
    JobState,
    PublishedState,
    StackMark,
    StackRecord,
)
from esi_worker.model.requests import Answer, Request, RequestOutcome
from esi_worker.model.resources import (
    AcceptedConfig,
    Config,
    Resource,
    ResourceRef,
    ResourceType,
    TypeRegistry,
)
from esi_worker.model.workers import Retrying, WorkerRecord

__all__ = (
    'AcceptedConfig',
    'Action',
    'Answer',
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
    'Pause',
    'PublishedState',
    'Request',
    'RequestOutcome',
    'Resource',
    'ResourceRef',
    'ResourceType',
    'Retry',
    'Retrying',
    'StackMark',
    'StackRecord',
    'TypeRegistry',
    'WorkerRecord',
)
