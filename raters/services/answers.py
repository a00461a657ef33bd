"""An answer read in a thread of its own, so that whoever waits for it is never kept waiting."""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from studies.models import ChatModel
from studies.providers import Endpoint, Message, Reply, stream_reply
from studies.registry import address_rules, endpoint_of

ANONYMITY_RULE: Final = (
    "You are being compared with another assistant by a person who must not know who either of "
    "you is. Never say or hint which model you are, what you are called, or which company or "
    "team made you. If you are asked, say that you can't tell here, and go on with the task."
)


class AnswerInThread:
    """What a chat model answers, as it arrives. The thread knows no database.

    While the chat model is silent, the worker can prolong its lease and write what has come.
    """

    def __init__(
        self, endpoint: Endpoint, messages: Sequence[Message], *, deadline: datetime
    ) -> None:
        self.is_over = False
        self._is_hung_up = threading.Event()
        self._arrived: queue.SimpleQueue[str | Reply | Exception] = queue.SimpleQueue()
        self._end: Reply | Exception = EOFError("the answer is not over")
        threading.Thread(
            target=self._listen, args=(endpoint, messages, deadline), name="answer", daemon=True
        ).start()

    def read(self, wait: timedelta) -> str:
        """What arrives within `wait`, or until the end."""
        until = time.monotonic() + wait.total_seconds()
        pieces: list[str] = []
        while (left := until - time.monotonic()) > 0:
            try:
                arrived = self._arrived.get(timeout=left)
            except queue.Empty:
                break
            if not isinstance(arrived, str):
                self._end, self.is_over = arrived, True
                break
            pieces.append(arrived)
        return "".join(pieces)

    def whole(self) -> Reply:
        """The whole answer, once it is over; raises what ended it instead."""
        if isinstance(self._end, Reply):
            return self._end
        raise self._end

    def hang_up(self) -> None:
        """Let the thread end with the next piece, or the endpoint's timeout."""
        self._is_hung_up.set()

    def _listen(self, endpoint: Endpoint, messages: Sequence[Message], deadline: datetime) -> None:
        try:
            with stream_reply(
                endpoint, messages, deadline=deadline, rules=address_rules()
            ) as pieces:
                for piece in pieces:
                    if self._is_hung_up.is_set():
                        return
                    self._arrived.put(piece)
                self._arrived.put(pieces.reply)
        except Exception as error:
            # Whatever it is, it has to reach the worker: a thread's own error reaches nobody.
            self._arrived.put(error)


def hidden_endpoint_of(chat_model: ChatModel) -> Endpoint:
    """How the chat model is asked in a battle: told besides not to say who it is."""
    endpoint = endpoint_of(chat_model)
    told = "\n\n".join(filter(None, (endpoint.system_prompt, ANONYMITY_RULE)))
    return replace(endpoint, system_prompt=told)
