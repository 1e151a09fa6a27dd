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

"""Names the places in our code that call the store.

A *site* is the innermost function outside the plumbing of the store
that is on the stack of a call, with the statement it is at: no line
numbers, so that it survives edits elsewhere in its file. ``written``
finds the functions that call the store by reading the sources, so that
one which no history reaches cannot be overlooked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
import linecache
from pathlib import Path
import sys
from types import CodeType, FrameType

import esi_worker

PACKAGE = 'esi_worker.'
ROOT = Path(esi_worker.__file__).parent
#: The store itself and what passes calls on to it.
_PLUMBING = (
    'esi_worker.store.base',
    'esi_worker.store.batching',
    'esi_worker.store.memory',
    'esi_worker.tests.',
)
#: Functions through which others write; their callers tell more.
_PASSES_ON = frozenset(('scheduler.manager.Manager._commit',))

_READ = ('scheduler', 'dispatcher', 'reader', 'handlers')
#: Histories have no collector, so the handler ``noop`` stands in for the
#: one of these; it only reads the store.
_STOOD_IN_FOR = 'handlers.monitoring.'
_STORE_FILES = ('election.py', 'following.py', 'leasing.py', 'pulse.py')
_CALLS = frozenset(
    (
        'commit',
        'delete',
        'get',
        'get_many',
        'grant',
        'put',
        'range',
        'renew',
        'revoke',
        'txn',
        'watch',
    )
)
_RECEIVERS = frozenset(
    ('_lease', '_source', '_store', 'lease', 'source', 'store', 'target')
)
_names: dict[CodeType, str | None] = {}
_statements: dict[tuple[CodeType, int], str] = {}


def here(depth: int) -> str:
    """The site of the running call.

    :param depth: frames to leave out
    """
    frame: FrameType | None = sys._getframe(depth)
    passed = ''
    while frame is not None:
        name = _name(frame)
        if name is not None:
            if name not in _PASSES_ON:
                return _full(name, frame)
            passed = name
        frame = frame.f_back
    return passed or 'unknown'


def function(site: str) -> str:
    """The function of a site, as ``written`` names it."""
    return site.partition(': ')[0]


def _full(name: str, frame: FrameType) -> str:
    code, line = frame.f_code, frame.f_lineno
    statement = _statements.get((code, line))
    if statement is None:
        statement = linecache.getline(code.co_filename, line).strip()
        _statements[(code, line)] = statement
    return f'{name}: {statement}'


def _name(frame: FrameType) -> str | None:
    code = frame.f_code
    if code in _names:
        return _names[code]
    module = frame.f_globals.get('__name__', '')
    name = None
    if module.startswith(PACKAGE) and not module.startswith(_PLUMBING):
        name = f'{module[len(PACKAGE) :]}.{code.co_qualname}'
        # What runs inside a comprehension belongs to its function.
        name = name.partition('.<locals>')[0]
    _names[code] = name
    return name


def written() -> set[str]:
    """All functions whose source calls the store."""
    paths = [path for name in _READ for path in (ROOT / name).rglob('*.py')]
    paths += [ROOT / 'store' / name for name in _STORE_FILES]
    return {
        name
        for path in paths
        for name in _callers(path)
        if name not in _PASSES_ON and not name.startswith(_STOOD_IN_FOR)
    }


def _callers(path: Path) -> Iterator[str]:
    module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    yield from _search(ast.parse(path.read_text()), module)


def _search(node: ast.AST, place: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            yield from _search(child, f'{place}.{child.name}')
            continue
        if isinstance(child, ast.Call) and _calls_store(child):
            yield place
        yield from _search(child, place)


def _calls_store(call: ast.Call) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute):
        return False
    receiver = function.value
    if isinstance(receiver, ast.Attribute):
        name = receiver.attr
    else:
        name = receiver.id if isinstance(receiver, ast.Name) else ''
    return function.attr in _CALLS and name in _RECEIVERS
