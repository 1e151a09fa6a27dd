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

"""Walking over an expression tree, for checks that see all of it."""

from __future__ import annotations

from collections.abc import Iterator
import dataclasses


def walk(node: object) -> Iterator[object]:
    """All nodes of a tree, this one first."""
    yield node
    if isinstance(node, tuple):
        children: Iterator[object] = iter(node)
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        children = (
            getattr(node, item.name) for item in dataclasses.fields(node)
        )
    else:
        return
    for child in children:
        yield from walk(child)
