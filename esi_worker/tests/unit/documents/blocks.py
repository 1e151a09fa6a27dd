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

"""The examples on the pages: finds them, and keeps account of who runs them.

A page is read with docutils, so an example is what a reader sees as one: a
literal block, a ``code-block`` or a ``literalinclude``. A test takes single
ones with the decorator ``uses``, or with ``every`` all of a language that
nobody has taken. ``test_accounted`` asks for a reason for all others.
"""

from __future__ import annotations

from collections.abc import Callable
import dataclasses
import functools
import importlib
from pathlib import Path
import pkgutil
from typing import Any, ClassVar, TypeVar

from docutils import core, nodes
from docutils.parsers import rst
from docutils.parsers.rst import directives, roles

from esi_worker.tests.unit.packaging import checkout

PAGES = checkout.ROOT / 'doc' / 'source'

Test = TypeVar('Test', bound=Callable[..., None])


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """An example: its page below ``doc/source``, line, language and text.

    ``file`` is what a ``literalinclude`` shows, or ``None``; ``caption``
    is the name that a reader shall give to a file.
    """

    page: str
    line: int
    language: str
    text: str
    caption: str = ''
    file: Path | None = None

    def __str__(self) -> str:
        return f'{self.page}:{self.line}: {self.text.strip().splitlines()[0]}'


#: The blocks that single tests run, by their pages and beginnings.
used: dict[str, list[str]] = {}
#: Pages that are followed from their first line to the last.
whole: set[str] = set()
#: Modules elsewhere that use blocks too.
ELSEWHERE = (
    'esi_worker.tests.functional.test_examples',
    'esi_worker.tests.functional.test_operations',
    'esi_worker.tests.slow.test_quickstart',
)
#: The languages of which all other blocks are run.
languages: set[str] = set()


def uses(page: str, *beginnings: str) -> Callable[[Test], Test]:
    """Hand the texts of the blocks that begin so to a test."""
    used.setdefault(page, []).extend(beginnings)

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(self: Any) -> None:
            if not PAGES.is_dir():
                self.skipTest('this is no checkout: there is no doc/source')
            test(self, *(find(page, each).text for each in beginnings))

        return run  # type: ignore[return-value]

    return decorate


def every(language: str) -> Callable[[Test], Test]:
    """Hand all blocks of a language to a test, but those used singly."""
    languages.add(language)

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(self: Any) -> None:
            load_tests()
            test(
                self,
                [
                    block
                    for block in everything()
                    if block.language == language and not is_used(block)
                ],
            )

        return run  # type: ignore[return-value]

    return decorate


def load_tests() -> None:
    """Import the tests beside this module, so that all uses are known."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f'{__package__}.{module.name}')
    for name in ELSEWHERE:
        importlib.import_module(name)


def is_used(block: Block) -> bool:
    return any(map(block.text.startswith, used.get(block.page, ())))


def everything() -> list[Block]:
    return [block for page in pages() for block in of_page(page)]


def find(page: str, beginning: str) -> Block:
    """The one block that begins so."""
    found = [
        block for block in of_page(page) if block.text.startswith(beginning)
    ]
    if len(found) != 1:
        msg = f'{page}: {len(found)} blocks begin with {beginning!r}'
        raise AssertionError(msg)
    return found[0]


def pages() -> list[str]:
    return sorted(
        str(path.relative_to(PAGES)) for path in PAGES.rglob('*.rst')
    )


def of_page(page: str) -> list[Block]:
    """All blocks of a page, in their order."""
    return [step for step in steps(page) if isinstance(step, Block)]


@functools.cache
def tree(page: str) -> nodes.document:
    """The page as docutils reads it."""
    path = PAGES / page
    _register()
    return core.publish_doctree(
        path.read_text(encoding='utf-8'),
        source_path=str(path),
        settings_overrides={'report_level': 5},
    )


@functools.cache
def steps(page: str) -> tuple[Block | str, ...]:
    """The blocks of a page, and the addresses that it sends its reader to."""
    return tuple(
        node['refuri']
        if isinstance(node, nodes.reference)
        else _block(page, node)
        for node in tree(page).findall()
        if isinstance(node, nodes.literal_block)
        or (isinstance(node, nodes.reference) and 'refuri' in node)
    )


def _block(page: str, node: nodes.Element) -> Block:
    return Block(
        page,
        node.line or 0,
        node.get('language', ''),
        node.astext() + '\n',
        node.get('caption', ''),
        node.get('file'),
    )


class _Code(rst.Directive):
    """``code-block`` as Sphinx has it."""

    optional_arguments = 1
    has_content = True
    option_spec: ClassVar[Any] = {'caption': directives.unchanged}

    def run(self) -> list[nodes.Node]:
        text = '\n'.join(self.content)
        node = nodes.literal_block(text, text)
        node['language'] = (self.arguments or [''])[0]
        node['caption'] = self.options.get('caption', '')
        node.line = self.lineno
        return [node]


class _Included(rst.Directive):
    """``literalinclude``; the block has the text of the whole file."""

    required_arguments = 1
    option_spec: ClassVar[Any] = dict.fromkeys(
        ('caption', 'language', 'start-at', 'end-before'),
        directives.unchanged,
    )

    def run(self) -> list[nodes.Node]:
        page = Path(self.state.document.current_source)
        file = (page.parent / self.arguments[0]).resolve()
        text = file.read_text(encoding='utf-8').rstrip('\n')
        node = nodes.literal_block(text, text)
        node['language'] = self.options.get('language', '')
        node['caption'] = self.options.get('caption', '')
        node['file'] = file
        node.line = self.lineno
        return [node]


class _Nothing(rst.Directive):
    """A directive of Sphinx that shows no example."""

    optional_arguments = 1
    has_content = True
    final_argument_whitespace = True
    option_spec: ClassVar[Any] = dict.fromkeys(
        ('maxdepth', 'application'), directives.unchanged
    )

    def run(self) -> list[nodes.Node]:
        return []


def _plain(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, **_: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """A role of Sphinx, as the text that it has."""
    return [nodes.literal(rawtext, text)], []


@functools.cache
def _register() -> None:
    for name, directive in (
        ('code-block', _Code),
        ('literalinclude', _Included),
        ('toctree', _Nothing),
        ('show-options', _Nothing),
        ('autoprogram-cliff', _Nothing),
    ):
        directives.register_directive(name, directive)
    for role in ('doc', 'ref'):
        roles.register_local_role(role, _plain)
