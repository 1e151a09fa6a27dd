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

"""Servers of Nova and ports of Neutron.

The status ACTIVE is UP, any other is DOWN; an object that is not there,
or a service that does not answer, is a failure. How to reach and trust
the services are the options of keystoneauth in the groups
``[collector_nova]`` and ``[collector_neutron]``.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
import copy
import threading
from typing import Any, ClassVar
from urllib import parse

from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import loading
from oslo_config import cfg

from esi_worker import exceptions, plugins
from esi_worker.collector import deadlines
from esi_worker.collector.pollers import base
from esi_worker.collector.results import (
    DOWN,
    STATUS,
    UP,
    Failure,
    Result,
    Sample,
)
from esi_worker.collector.target_types import TEXT, TargetType, members
from esi_worker.collector.targets import Target

_ACTIVE = 'ACTIVE'


class OpenStackError(exceptions.TransientError):
    """The service does not tell."""


class OpenStackPoller(base.Poller, abc.ABC):
    """Base of pollers that ask a service of OpenStack for one object."""

    #: The group of options.
    group: ClassVar[str]
    service_type: ClassVar[str]
    #: The member of ``properties`` that holds the object's id.
    id_property: ClassVar[str]
    #: The path of the objects, and the member of the answer.
    path: ClassVar[str]
    member: ClassVar[str]

    def __init__(self, context: base.PollerContext) -> None:
        super().__init__(context)
        self._lock = threading.Lock()
        self._adapter: Any = None

    @classmethod
    def options(cls) -> plugins.OptionGroups:
        """Those of the chosen ``auth_type`` are added by keystoneauth."""
        options = {
            option.dest: option
            for option in (
                *_own(cls.service_type),
                *loading.get_session_conf_options(),
                *loading.get_auth_common_conf_options(),
            )
        }
        return ((cls.group, list(options.values())),)

    def pool_key(self, target: Target) -> str:
        return str(target.properties[self.id_property])

    def affinity(self, target: Target) -> str:
        return f'{self.service_type} {self.pool_key(target)}'

    def poll(
        self, targets: Sequence[Target], timeout: float
    ) -> Mapping[str, Sequence[Result]]:
        result = self._status(self.pool_key(targets[0]), timeout)
        return {target.id: (result,) for target in targets}

    def _status(self, object_id: str, timeout: float) -> Result:
        try:
            status = self._ask(object_id, timeout)
        except OpenStackError as error:
            return Failure(STATUS, f'{self.member} {object_id}: {error}')
        return Sample(STATUS, UP if status == _ACTIVE else DOWN)

    def _ask(self, object_id: str, timeout: float) -> str:
        """:raises OpenStackError: the status is not known"""
        path = f'{self.path}/{parse.quote(object_id, safe="")}'
        try:
            # Keystone may have to be asked for a token first.
            with deadlines.Limit(timeout):
                answer = self._service().get(
                    path, timeout=timeout, connect_retries=0, redirect=False
                )
                return str(answer.json()[self.member]['status'])
        except keystone_errors.NotFound:
            raise OpenStackError('it does not exist') from None
        except (ValueError, TypeError, KeyError):
            raise OpenStackError('the answer has no status') from None
        except keystone_errors.HttpError as error:
            raise OpenStackError(
                f'the service answered {error.http_status}'
            ) from None
        except (keystone_errors.ClientException, cfg.Error) as error:
            raise OpenStackError(
                f'the service cannot be asked ({type(error).__name__}); see '
                f'the options in [{self.group}]'
            ) from None

    def _service(self) -> Any:
        with self._lock:
            if self._adapter is None:
                self._adapter = self._connected()
            return self._adapter

    def _connected(self) -> Any:
        conf = self.context.conf
        if not conf[self.group].auth_type:
            raise OpenStackError(f'set auth_type in [{self.group}]')
        auth = loading.load_auth_from_conf_options(conf, self.group)
        session = loading.load_session_from_conf_options(
            conf, self.group, auth=auth, session=deadlines.session()
        )
        if session.timeout is None:
            session.timeout = float(conf.collector.poll_timeout)
        return loading.load_adapter_from_conf_options(
            conf, self.group, session=session, auth=auth
        )


class ComputePoller(OpenStackPoller):
    """The poller ``compute``: servers."""

    reporter: ClassVar[str] = 'NovaAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'compute',
            results=(STATUS,),
            properties=members({'server_id': TEXT}),
        ),
    )
    group: ClassVar[str] = 'collector_nova'
    service_type: ClassVar[str] = 'compute'
    id_property: ClassVar[str] = 'server_id'
    path: ClassVar[str] = '/servers'
    member: ClassVar[str] = 'server'


class NeutronPortPoller(OpenStackPoller):
    """The poller ``neutron_port``."""

    reporter: ClassVar[str] = 'NeutronAgent'
    types: ClassVar[tuple[TargetType, ...]] = (
        TargetType(
            'neutron_port',
            results=(STATUS,),
            properties=members({'port_id': TEXT}),
        ),
    )
    group: ClassVar[str] = 'collector_neutron'
    service_type: ClassVar[str] = 'network'
    id_property: ClassVar[str] = 'port_id'
    path: ClassVar[str] = '/v2.0/ports'
    member: ClassVar[str] = 'port'


def _own(service_type: str) -> list[Any]:
    """Where the service is; its type has a default."""
    options = []
    for option in loading.get_adapter_conf_options(include_deprecated=False):
        if option.dest == 'service_type':
            option = copy.copy(option)
            option.default = service_type
        options.append(option)
    return options
