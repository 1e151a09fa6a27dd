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

"""What the commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliff import lister, show

from esi_worker import exceptions, store
from esi_worker.model import codec
from esi_worker.model.codec import Json

if TYPE_CHECKING:
    from esi_worker.cli import app


class ListCommand(lister.Lister):
    """A command that prints a table."""

    app: app.ManageApp


class ShowCommand(show.ShowOne):
    """A command that prints the fields of one thing."""

    app: app.ManageApp


def values(reader: store.Store, prefix: str) -> dict[str, store.KeyValue]:
    """All keys below a prefix, by what follows it."""
    snapshot = reader.range(prefix)
    return {kv.key[len(prefix) :]: kv for kv in snapshot.items}


def fields(kv: store.KeyValue | None) -> dict[str, Json]:
    """The JSON object in a key; what is none gives no fields."""
    value = _decoded(kv)
    return value if isinstance(value, dict) else {}


def items(kv: store.KeyValue | None) -> list[dict[str, Json]]:
    """The objects of the JSON list in a key; what is none is left out."""
    value = _decoded(kv)
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def _decoded(kv: store.KeyValue | None) -> Json:
    if kv is None:
        return None
    try:
        return codec.loads(kv.key, kv.value)
    except exceptions.DecodeError:
        return None
