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

"""Stacks of a real Heat, through python-heatclient.

Reading is bounded by the option ``[heat] timeout``, a change also by
what its caller allows. Nothing is sent twice: a change whose answer is
lost is for the caller to look at. Bodies are never logged, for they hold
secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import dataclasses
import itertools
from typing import Any
from urllib import parse

from heatclient import exc
from heatclient.common import http
from heatclient.v1 import resources, stacks

from esi_worker import metrics
from esi_worker.handlers import base
from esi_worker.handlers.heat import (
    ages,
    backend,
    options,
    pacing,
    probing,
    sessions,
    translating,
)

#: So many stacks are listed with one request.
PAGE = 200
#: Stacks nested deeper than this are not asked about their resources.
_DEPTH = 5

_CHANGES = tuple(
    field.name for field in dataclasses.fields(backend.StackChanges)
)


class _Client(http.SessionClient):
    """A client whose requests take limited time and are not logged."""

    def __init__(self, session: Any, timeout: float, **kwargs: Any) -> None:
        super().__init__(session, **kwargs)
        self._timeout = timeout
        #: The ``Date`` of the last answer.
        self.answered_at = ''

    def request(self, url: str, method: str, **kwargs: Any) -> Any:
        with metrics.timed(
            metrics.HEAT_REQUESTS, method, outcome_of=_outcome_of
        ):
            answer = super().request(
                url, method, timeout=self._timeout, log=False, **kwargs
            )
        self.answered_at = answer.headers.get('Date') or ''
        return answer


class HeatBackend(backend.StackBackend):
    """The Heat that the group ``[heat]`` names."""

    def __init__(self, conf: Any) -> None:
        """Check the configuration; nothing is asked yet.

        :raises ConfigurationError: it cannot be used
        """
        self._group = conf[options.GROUP]
        self._sessions = sessions.TenantSessions(conf)

    def find(self, tenant: str, name: str) -> backend.StackInfo | None:
        with translating.listing():
            manager = self._stacks(tenant)
            for stack in manager.list(filters={'name': name}):
                info = _info(stack, manager)
                if not info.deleted:
                    return info
        return None

    def create(
        self,
        tenant: str,
        request: backend.StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> str:
        with translating.addressing():
            answer = self._stacks(tenant, timeout, request_id).create(
                stack_name=request.name, **_fields(request)
            )
            return str(answer['stack']['id'])

    def update(
        self,
        tenant: str,
        stack_id: str,
        request: backend.StackRequest,
        timeout: float,
        request_id: str = '',
    ) -> None:
        with translating.addressing():
            self._stacks(tenant, timeout, request_id).update(
                _identity(request.name, stack_id), **_update_fields(request)
            )

    def delete(
        self,
        tenant: str,
        name: str,
        stack_id: str,
        timeout: float,
        request_id: str = '',
    ) -> None:
        with translating.addressing():
            self._stacks(tenant, timeout, request_id).delete(
                _identity(name, stack_id)
            )

    def status(
        self, tenant: str, stack_ids: Iterable[str]
    ) -> dict[str, backend.StackInfo]:
        found = {}
        with pacing.waiting(), translating.listing():
            for chunk in _chunks(stack_ids):
                manager = self._stacks(tenant)
                listed = manager.list(filters={'id': chunk}, show_deleted=True)
                for stack in listed:
                    info = _info(stack, manager)
                    found[info.id] = info
        return found

    def outputs(
        self, tenant: str, name: str, stack_id: str
    ) -> backend.StackDetails:
        with translating.addressing():
            manager = self._stacks(tenant)
            stack = manager.get(_identity(name, stack_id))
        outputs = stack.to_dict().get('outputs') or ()
        return backend.StackDetails(_info(stack, manager), outputs)

    def content(
        self, tenant: str, name: str, stack_id: str
    ) -> backend.StackContent:
        manager, identity = self._stacks(tenant), _identity(name, stack_id)
        with translating.addressing():
            template = manager.template(identity)
            environment = manager.environment(identity)
            return backend.StackContent(
                template, environment.get('parameters') or {}
            )

    def resources(
        self, tenant: str, name: str, stack_id: str
    ) -> list[backend.ResourceInfo]:
        with translating.addressing():
            manager = resources.ResourceManager(self._client(tenant))
            listed = manager.list(
                _identity(name, stack_id), nested_depth=_DEPTH
            )
            return [_resource(item.to_dict()) for item in listed]

    def tagged(self, tenant: str, tag: str) -> list[backend.StackInfo]:
        found: list[backend.StackInfo] = []
        with translating.listing():
            while True:
                marker = found[-1].id if found else None
                manager = self._stacks(tenant)
                page = manager.list(tags=tag, limit=PAGE, marker=marker)
                infos = [_info(stack, manager) for stack in page]
                found += infos
                if not infos:
                    break
        return [info for info in found if not info.deleted]

    def preview(
        self, tenant: str, stack_id: str, request: backend.StackRequest
    ) -> backend.StackChanges:
        with translating.addressing():
            answer = self._stacks(tenant).preview_update(
                _identity(request.name, stack_id), **_update_fields(request)
            )
            changes = answer['resource_changes']
            return backend.StackChanges(
                **{kind: _names(changes[kind]) for kind in _CHANGES}
            )

    def probe(self) -> Iterable[base.Probe]:
        return probing.probe(
            self._sessions, lambda tenant: self.find(tenant, probing.NOBODY)
        )

    def close(self) -> None:
        self._sessions.close()

    def _stacks(
        self, tenant: str, timeout: float | None = None, request_id: str = ''
    ) -> Any:
        return stacks.StackManager(self._client(tenant, timeout, request_id))

    def _client(
        self, tenant: str, timeout: float | None = None, request_id: str = ''
    ) -> _Client:
        limits = (timeout, self._group.timeout)
        self._sessions.check(tenant)
        return _Client(
            self._sessions.get(tenant),
            timeout=min(limit for limit in limits if limit is not None),
            service_type=self._group.service_type,
            service_name=self._group.service_name,
            interface=self._group.valid_interfaces,
            region_name=self._group.region_name,
            endpoint_override=self._sessions.endpoint(tenant),
            global_request_id=request_id or None,
        )


def _outcome_of(error: BaseException) -> str:
    """How a metric names the end of a request."""
    if isinstance(error, exc.HTTPException):
        return str(error.code)
    return 'unavailable'


def _fields(request: backend.StackRequest) -> dict[str, Any]:
    return {
        'template': request.template,
        'parameters': dict(request.parameters),
        'timeout_mins': request.timeout_mins,
        'disable_rollback': True,
        'tags': ','.join(request.tags),
    }


def _update_fields(request: backend.StackRequest) -> dict[str, Any]:
    fields = _fields(request)
    return {**fields, 'converge': True} if request.observe else fields


def _info(stack: Any, manager: Any) -> backend.StackInfo:
    """:param manager: that has just received the stack"""
    fields = stack.to_dict()
    tags = fields.get('tags') or ()
    changed_at = (
        fields.get('updated_time') or fields.get('creation_time') or ''
    )
    told = fields.get('stack_status_reason') or ''
    return backend.StackInfo(
        id=fields['id'],
        name=fields['stack_name'],
        status=fields['stack_status'],
        reason=translating.without_internals(told),
        tags=tuple(tags.split(',') if isinstance(tags, str) else tags),
        changed_at=changed_at,
        age=ages.age(changed_at, manager.client.answered_at),
        heat_erred=translating.is_of_database(told),
    )


def _resource(fields: dict[str, Any]) -> backend.ResourceInfo:
    return backend.ResourceInfo(
        name=fields['resource_name'],
        type=fields['resource_type'],
        status=fields['resource_status'],
        reason=translating.without_internals(
            fields.get('resource_status_reason') or ''
        ),
    )


def _names(changed: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(item['resource_name'] for item in changed)


def _identity(name: str, stack_id: str) -> str:
    return f'{parse.quote(name, safe="")}/{stack_id}'


def _chunks(stack_ids: Iterable[str]) -> Iterable[Sequence[str]]:
    """Groups for one request each; never empty, for that asks for all."""
    rest = iter(dict.fromkeys(stack_ids))
    while chunk := list(itertools.islice(rest, backend.MAX_IDS)):
        yield chunk
