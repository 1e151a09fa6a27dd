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

"""Rendering of template texts.

Texts are rendered with Jinja's default settings, so that templates of
the original system keep giving the same bytes (section 6 of the
reference of the mapping language). They come from etcd, so they run in
a sandbox that keeps them away from Python's internals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import threading
from types import TracebackType
from typing import Any

import jinja2
from jinja2 import sandbox

from esi_worker import exceptions
from esi_worker.model.codec import Json
from esi_worker.templates import filters as builtin

#: The name that Jinja gives to a template made from a string.
_FILE = '<template>'


class Renderer:
    """Compiles texts once and renders them many times; thread-safe."""

    def __init__(
        self, filters: Mapping[str, Callable[..., Any]] | None = None
    ) -> None:
        """:param filters: by name, besides our own"""
        self._environment = sandbox.SandboxedEnvironment()
        self._environment.filters['match'] = builtin.match
        self._environment.filters.update(filters or {})
        self._lock = threading.Lock()
        self._compiled: dict[str, tuple[str, jinja2.Template]] = {}

    @property
    def environment(self) -> jinja2.Environment:
        """Reads the texts."""
        return self._environment

    def compile(self, template_id: str, text: str) -> jinja2.Template:
        """Compile a text, unless this has been done.

        :raises TemplateError: naming the template and the line
        """
        with self._lock:
            known = self._compiled.get(template_id)
        if known is not None and known[0] == text:
            return known[1]
        compiled = self._compile(template_id, text)
        with self._lock:
            self._compiled[template_id] = text, compiled
        return compiled

    def _compile(self, template_id: str, text: str) -> jinja2.Template:
        try:
            return self._environment.from_string(text)
        except jinja2.TemplateSyntaxError as exc:
            raise _error(template_id, exc.lineno, exc) from exc
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            raise _error(template_id, None, exc) from exc

    def render(
        self, template_id: str, text: str, params: Mapping[str, Json]
    ) -> str:
        """Fill a text in.

        :raises TemplateError: naming the template and the line
        """
        compiled = self.compile(template_id, text)
        try:
            return compiled.render(params)
        except Exception as exc:
            raise _error(template_id, _line(exc.__traceback__), exc) from exc


def _line(traceback: TracebackType | None) -> int | None:
    """The last line of the template that took part in an error."""
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _error(
    template_id: str, line: int | None, exc: BaseException
) -> exceptions.TemplateError:
    """An error without the values that were filled in.

    Only messages of kinds that speak of names and types are shown; the
    others may quote a value, and a value may be a password.
    """
    reason = type(exc).__name__
    if isinstance(exc, jinja2.TemplateError | TypeError):
        reason = f'{reason}: {exc}'
    place = '' if line is None else f', line {line}'
    return exceptions.TemplateError(
        f'template "{template_id}"{place}: {reason}'
    )
