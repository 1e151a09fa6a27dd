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

"""A watch over the HTTP gateway of etcd.

One request carries one create request for each prefix; its answer is a
stream of JSON objects, one a line, that ends only when something goes
wrong. A thread reads it into a mailbox, so that ``next`` keeps its
timeout exactly and a slow consumer slows etcd down instead of filling
the memory. Every end has its own error: compacted, cancelled,
disconnected. Opening the watch anew is left to ``Follower``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import json
import threading
import time
from typing import Any

import requests
from urllib3 import exceptions as urllib3_errors

from esi_worker import exceptions
from esi_worker.store import base, etcd_codec, mailbox

#: How many batches wait for the consumer before etcd has to.
_CAPACITY = 1000
_UNAVAILABLE = 14
#: How many bytes etcd's JSON decoder reads first, second and third.
_READS = (512, 1024, 2048)
#: Seconds within which etcd confirms every prefix of a watch.
_CONFIRMATION = 5.0


def request_body(starts: Mapping[str, int]) -> str:
    """The body that asks for every prefix, numbered from 1.

    etcd answers the first request at once, and what it has not read of
    the body by then is dropped without a word. So white space in front
    makes its decoder read all requests before it understands the first.
    That works for 2,048 bytes, about ten prefixes.
    """
    creates = '\n'.join(
        json.dumps(
            etcd_codec.watch_create(number, prefix, start),
            separators=(',', ':'),
        )
        for number, (prefix, start) in enumerate(starts.items(), 1)
    )
    first, second, _ = _READS
    room = first if len(creates) <= second else first + second
    return ' ' * room + creates


class LineSplitter:
    """Cuts a stream of bytes into lines, wherever its pieces end."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the lines that are complete now, without empty ones."""
        *ends, rest = data.split(b'\n')
        for end in ends:
            line = b''.join([*self._pieces, end]).strip()
            self._pieces.clear()
            if line:
                yield line
        if rest:
            self._pieces.append(rest)


class Decoder:
    """Turns the messages of one stream into batches."""

    def __init__(self, prefixes: Mapping[int, str]) -> None:
        self._prefixes = prefixes
        self._fragments: dict[int, list[base.Event]] = {}
        #: The prefixes that etcd does not follow yet, by their numbers.
        self.unconfirmed = dict(prefixes)

    def decode(self, line: bytes) -> base.WatchBatch | None:
        """Read one message.

        :returns: a batch, or None for a message without one
        :raises WatchError: the message ends the watch
        """
        try:
            message = json.loads(line)
            if 'error' in message:
                raise _stream_error(message['error'])
            return self._result(message['result'])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise exceptions.WatchDisconnected(
                f'a message of the watch makes no sense: {error}'
            ) from error

    def _result(self, result: Mapping[str, Any]) -> base.WatchBatch | None:
        if result.get('canceled'):
            raise _cancellation(result)
        if result.get('created'):
            self.unconfirmed.pop(int(result['watch_id']), None)
        raw_events = result.get('events')
        if not raw_events:
            return None
        watch_id = int(result['watch_id'])
        events = self._fragments.pop(watch_id, [])
        events.extend(etcd_codec.event(raw) for raw in raw_events)
        if result.get('fragment'):
            # The rest of the last revision is still to come.
            self._fragments[watch_id] = events
            return None
        return base.WatchBatch(
            self._prefixes[watch_id],
            events[-1].kv.mod_revision,
            tuple(events),
        )


class EtcdWatch(base.Watch):
    """The watch of one HTTP answer."""

    def __init__(
        self, response: requests.Response, starts: Mapping[str, int]
    ) -> None:
        self._response = response
        self._decoder = Decoder(dict(enumerate(starts, 1)))
        self._mailbox = mailbox.Mailbox(_CAPACITY)
        self._confirm_by = time.monotonic() + _CONFIRMATION
        self._open = True
        self._lock = threading.Lock()
        self._reader = threading.Thread(
            target=self._read, name='etcd-watch', daemon=True
        )
        self._reader.start()

    def next(self, timeout: float) -> base.WatchBatch | None:
        if self._decoder.unconfirmed:
            self._check_confirmed()
        return self._mailbox.get(timeout)

    def _check_confirmed(self) -> None:
        if time.monotonic() <= self._confirm_by:
            return
        missing = sorted(self._decoder.unconfirmed.values())
        if missing:
            raise exceptions.WatchDisconnected(
                f'etcd has not confirmed the watch of {", ".join(missing)} '
                f'within {_CONFIRMATION:.0f} s'
            )

    def close(self) -> None:
        self._mailbox.close()
        with self._lock:
            if self._open:
                # Wakes the reader, which then closes the answer; doing
                # that here would wait for the reader instead.
                with contextlib.suppress(OSError, ValueError, RuntimeError):
                    self._response.raw.shutdown()

    def _read(self) -> None:
        try:
            self._read_batches()
        except exceptions.WatchError as error:
            self._mailbox.end(error)
        except (
            requests.RequestException,
            urllib3_errors.HTTPError,
            OSError,
            ValueError,
        ) as error:
            self._mailbox.end(
                exceptions.WatchDisconnected(
                    f'the connection of the watch broke: {error}'
                )
            )
        finally:
            self._mailbox.end(
                exceptions.WatchDisconnected('etcd has ended the watch')
            )
            with self._lock:
                self._open = False
                self._response.close()

    def _read_batches(self) -> None:
        splitter = LineSplitter()
        for data in self._response.iter_content(chunk_size=None):
            for line in splitter.feed(data):
                batch = self._decoder.decode(line)
                if batch is not None:
                    self._mailbox.put(batch)
            if self._mailbox.ended:
                return


def _cancellation(result: Mapping[str, Any]) -> exceptions.WatchError:
    compacted = int(result.get('compact_revision', 0))
    if compacted:
        return exceptions.WatchCompacted(compacted)
    reason = result.get('cancel_reason') or 'no reason given'
    return exceptions.WatchCanceled(f'etcd has cancelled the watch: {reason}')


def _stream_error(error: Mapping[str, Any]) -> exceptions.WatchError:
    text = f'etcd has ended the watch: {error.get("message")}'
    code = error.get('grpc_code', error.get('code'))
    if code == _UNAVAILABLE:
        return exceptions.WatchDisconnected(text)
    return exceptions.WatchCanceled(text)
