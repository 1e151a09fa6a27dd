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

"""``ESI::Monitoring::MonitoringTarget`` for Heat.

A target at the collector as a resource of a stack. Its properties are
the members of ``POST /targets``; its physical id is the target's id. The
attribute ``link`` is kept in the stack's data, so that reading a stack
asks nobody.

The collector has one target for one (resource type, resource id, field
name, version), so a repeated POST makes no second target, and resources
of one stack may take it over from each other. An update is a PUT: the
target keeps its id and its link, and what was published stays until the
new version's first value. Where the PUT cannot be, because the target is
gone or another one monitors this already, the new target is registered
first and the old one taken away after that: the collector never lets an
older version overwrite a newer one.

This module needs Heat and requests, and nothing of esi-worker.
"""

from __future__ import annotations

from collections.abc import Mapping
import http
from typing import Any
from urllib import parse

from heat.engine import attributes, properties, resource
from heat.objects import resource as resource_objects
from oslo_log import log as logging

# Heat imports this folder as a package of its own: only a relative
# import finds what lies beside this module.
from . import collector_client

LOG = logging.getLogger(__name__)

#: A PUT that was not done, and what it means: the target is gone; this
#: collector knows no PUT; something else stands in the way.
_NOT_REPLACED = (
    http.HTTPStatus.NOT_FOUND,
    http.HTTPStatus.METHOD_NOT_ALLOWED,
    http.HTTPStatus.CONFLICT,
)


def _schema(kind: str, description: str) -> properties.Schema:
    return properties.Schema(
        getattr(properties.Schema, kind),
        description,
        required=True,
        update_allowed=True,
    )


class MonitoringTarget(resource.Resource):
    """A monitoring target at the collector."""

    PROPERTIES = (
        TYPE,
        RESOURCE_TYPE,
        RESOURCE_ID,
        FIELD_NAME,
        TENANT_ID,
        VERSION,
        TARGET_PROPERTIES,
        SYNCER_PROPERTIES,
    ) = (
        'type',
        'resource_type',
        'resource_id',
        'field_name',
        'tenant_id',
        'version',
        'properties',
        'syncer_properties',
    )
    ATTRIBUTES = (LINK,) = ('link',)

    #: The data of targets that an update could not take away.
    _SUPERSEDED = 'superseded'

    # There is nothing at the collector that would need a replacement.
    always_replace_on_check_failed = False

    properties_schema = {
        TYPE: _schema('STRING', 'What is monitored, and how.'),
        RESOURCE_TYPE: _schema(
            'STRING', 'The plural name of the monitored resource.'
        ),
        RESOURCE_ID: _schema('STRING', 'The id of the monitored resource.'),
        FIELD_NAME: _schema(
            'STRING', 'The name of this monitor within its resource.'
        ),
        TENANT_ID: _schema('STRING', 'The tenant of the monitored resource.'),
        VERSION: _schema(
            'INTEGER', 'The version of the desired state that is monitored.'
        ),
        TARGET_PROPERTIES: _schema('MAP', 'What the type needs to know.'),
        SYNCER_PROPERTIES: _schema('MAP', 'Where the results go.'),
    }
    attributes_schema = {
        LINK: attributes.Schema(
            'URL of the target at the collector.',
            type=attributes.Schema.STRING,
        ),
    }

    def handle_create(self) -> None:
        self._register(self.properties)

    def handle_update(
        self, json_snippet: Any, tmpl_diff: Any, prop_diff: Any
    ) -> None:
        if not prop_diff:
            return
        wanted = json_snippet.properties(self.properties_schema, self.context)
        if not self._replace(wanted):
            self._remember_superseded(self.resource_id)
            self._register(wanted)
        self._remove_superseded()

    def handle_delete(self) -> None:
        self._remove_superseded()
        if self.resource_id is not None:
            if not self._is_taken_over():
                _delete(self.resource_id)
        elif self.replaced_by is None:
            self._remove_unknown()

    def needs_replace_failed(self) -> bool:
        """An update can do everything, once there is a target."""
        return self.resource_id is None

    def _resolve_attribute(self, name: str) -> Any:
        return self.data().get(self.LINK) if name == self.LINK else None

    def _default_client_plugin(self) -> Any:
        # Heat asks this plugin whether an error is a conflict; without
        # one our own error would be hidden by an assertion.
        return self.client_plugin('heat')

    def _replace(self, wanted: Mapping[str, Any]) -> bool:
        """Let the target monitor something else.

        :returns: False when it cannot: it is gone, another one does
            that already or is newer
        """
        if self.resource_id is None:
            return False
        answer = collector_client.request(
            'PUT',
            _path(self.resource_id),
            (http.HTTPStatus.OK, *_NOT_REPLACED),
            json=self._body('Updating', wanted),
        )
        if answer.status_code in _NOT_REPLACED:
            return False
        self._adopt('PUT', answer)
        return True

    def _register(self, wanted: Mapping[str, Any]) -> None:
        answer = collector_client.request(
            'POST',
            '/targets',
            (http.HTTPStatus.CREATED, http.HTTPStatus.OK),
            json=self._body('Creating', wanted),
        )
        self._adopt('POST', answer)

    def _body(self, verb: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        body = {name: wanted[name] for name in self.PROPERTIES}
        LOG.info(
            '%s target: type=%s resource=%s/%s field=%s version=%s',
            verb,
            *(body[name] for name in self.PROPERTIES[:4]),
            body[self.VERSION],
        )
        return body

    def _adopt(self, method: str, answer: Any) -> None:
        """Take over what the collector says of the target."""
        try:
            target = answer.json()
            target_id, link = target['id'], target['link']
        except (ValueError, TypeError, KeyError):
            raise collector_client.CollectorError(
                f'{collector_client.base_url()} answered {method} without '
                'id and link; set host and port in '
                f'[{collector_client.GROUP}] to those of a collector'
            )
        self.resource_id_set(target_id)
        self.data_set(self.LINK, link)

    def _is_taken_over(self) -> bool:
        """Whether another resource of the stack has the same target.

        So it is when a template gives the resource another name: the new
        one registers the same target before the old one is deleted.
        """
        same = resource_objects.Resource.get_all_by_physical_resource_id(
            self.context, self.resource_id
        )
        return any(
            other.id != self.id
            and other.stack_id == self.stack.id
            and other.action != self.DELETE
            for other in same
        )

    def _remember_superseded(self, target_id: str | None) -> None:
        """Note a target that is to go, should this update fail."""
        if target_id is None:
            return
        ids = [*self._superseded(), target_id]
        self.data_set(self._SUPERSEDED, ' '.join(dict.fromkeys(ids)))

    def _remove_superseded(self) -> None:
        for target_id in self._superseded():
            # The same version is the same target.
            if target_id != self.resource_id:
                _delete(target_id)
        self.data_delete(self._SUPERSEDED)

    def _superseded(self) -> list[str]:
        return str(self.data().get(self._SUPERSEDED) or '').split()

    def _remove_unknown(self) -> None:
        """Remove what a POST may have made whose answer was lost."""
        query = {
            name: str(self.properties[name])
            for name in (
                self.RESOURCE_TYPE,
                self.RESOURCE_ID,
                self.FIELD_NAME,
                self.VERSION,
            )
        }
        answer = collector_client.request(
            'GET',
            f'/targets?{parse.urlencode(query)}',
            (http.HTTPStatus.OK,),
        )
        for target in answer.json()['targets']:
            _delete(target['id'])


def _delete(target_id: str) -> None:
    LOG.info('Deleting target %s', target_id)
    collector_client.request(
        'DELETE',
        _path(target_id),
        (
            http.HTTPStatus.NO_CONTENT,
            http.HTTPStatus.OK,
            http.HTTPStatus.NOT_FOUND,
        ),
    )


def _path(target_id: str) -> str:
    return f'/targets/{parse.quote(target_id, safe="")}'


def resource_mapping() -> dict[str, type[resource.Resource]]:
    return {'ESI::Monitoring::MonitoringTarget': MonitoringTarget}
