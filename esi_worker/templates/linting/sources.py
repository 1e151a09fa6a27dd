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

"""What the linter is to look at: folders and files of templates.

Something to be linted may be broken in any way, so nothing here stops at
the first fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import dataclasses
import json
import pathlib
from typing import Any

from esi_worker import exceptions
from esi_worker.model.codec import Json
from esi_worker.templates import folders, loading
from esi_worker.templates.catalog import TemplateCatalog
from esi_worker.templates.linting import findings
from esi_worker.templates.linting.findings import Finding
from esi_worker.templates.linting.linter import Linter
from esi_worker.templates.template import HEAT_TEMPLATES_PATH


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A catalog with what is at a path in it.

    ``catalog`` is None when ``findings`` say why there is none. ``ids``
    are the templates at the path, ``types`` the resource types.
    """

    catalog: TemplateCatalog | None
    findings: tuple[Finding, ...] = ()
    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def lint(self) -> list[Finding]:
        """What is wrong with what is at the path."""
        if self.catalog is None:
            return list(self.findings)
        return [
            each
            for each in Linter(self.catalog).lint()
            if each.template in self.ids
            or (not each.template and each.resource_type in self.types)
        ]


def read(conf: Any, path: pathlib.Path) -> Source:
    """Read a folder of types, the folder of one, or a JSON file.

    A JSON file holds one body of a template as it is in etcd, or an
    object of several by their ids.

    :raises ConfigurationError: there is nothing of this kind
    """
    if path.is_file():
        return _read_file(conf, path)
    if not path.is_dir():
        raise exceptions.ConfigurationError(
            f'{path} is neither a folder nor a file; name a folder of '
            'templates, or a JSON file of what is in etcd'
        )
    return _read_folder(conf, path)


def _read_folder(conf: Any, path: pathlib.Path) -> Source:
    faults, declared = [], []
    for driver in _driver_files(path):
        try:
            declared.append(folders.read_type(driver))
        except exceptions.ConfigurationError as error:
            faults.append(
                Finding(findings.MALFORMED, str(error), source=str(driver))
            )
    if not faults and not declared:
        raise exceptions.ConfigurationError(
            f'{path} holds no {folders.DRIVER_FILE}, nor does a folder in it'
        )
    if faults:
        return Source(None, tuple(faults))
    try:
        catalog = loading.load_catalog(conf, declared)
    except exceptions.ConfigurationError as error:
        fault = Finding(findings.MALFORMED, str(error), source=str(path))
        return Source(None, (fault,))
    return Source(
        catalog,
        ids=frozenset(t.id for each in declared for t in each.templates),
        types=frozenset(each.type.name for each in declared),
    )


def _driver_files(path: pathlib.Path) -> Iterator[pathlib.Path]:
    if (path / folders.DRIVER_FILE).is_file():
        yield path / folders.DRIVER_FILE
        return
    yield from sorted(path.glob(f'*/{folders.DRIVER_FILE}'))


def _read_file(conf: Any, path: pathlib.Path) -> Source:
    try:
        document = json.loads(path.read_text('utf-8'))
    except (OSError, ValueError, RecursionError) as error:
        fault = Finding(
            findings.MALFORMED, f'it is no JSON: {error}', source=str(path)
        )
        return Source(None, (fault,))
    bodies = _bodies(document)
    if bodies is None:
        fault = Finding(
            findings.MALFORMED,
            'it must be the body of a template, or an object of several by '
            'their ids',
            source=str(path),
        )
        return Source(None, (fault,))
    catalog = loading.load_catalog(conf)
    for id_, body in bodies.items():
        catalog.put(
            f'{path}:/{HEAT_TEMPLATES_PATH}/{id_}',
            json.dumps({'body': body, 'version': 1}),
        )
    return Source(catalog, ids=frozenset(bodies))


def _bodies(document: Json) -> Mapping[str, Json] | None:
    if not isinstance(document, Mapping):
        return None
    if isinstance(document.get('template_file'), str):
        return {str(document.get('id') or 'template'): document}
    if all(isinstance(body, Mapping) for body in document.values()):
        return document
    return None
