"""A server on loopback that speaks chat completions as a stream, for as many as ask at once.

Run as a program it takes the seconds that a reply lasts, and its port if it is not to be any; it
prints its port, and serves until it is killed. It knows nothing of the site: what asks it goes
through a socket, as to any other server.
"""

import asyncio
import json
import sys
from random import Random
from typing import Final

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)
PIECES: Final = 24
WORDS: Final = (
    "first", "then", "you", "could", "take", "what", "stands", "ready", "and", "look", "whether",
    "it", "suits", "the", "time", "that", "is", "left", "for", "this", "in", "your", "week", "or",
)  # fmt: skip


async def serve(seconds: float, port: int = 0) -> None:
    """Serve on a port, free if 0, and print it; replies last half to one and a half `seconds`."""
    chance = Random(1)  # noqa: S311  no secret hangs on it

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _read_request(reader)
            await _talk(writer, chance, seconds * chance.uniform(0.5, 1.5))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # Who asked has hung up.
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    await reader.readexactly(lengths[0])


async def _talk(writer: asyncio.StreamWriter, chance: Random, seconds: float) -> None:
    """Some seventy words in pieces, evenly over the time."""
    writer.write(HEAD)
    for _ in range(PIECES):
        await asyncio.sleep(seconds / PIECES)
        _send(writer, {"choices": [_choice(" ".join(chance.sample(WORDS, 3)) + " ")]})
        await writer.drain()
    _send(writer, {"choices": [_choice("", "stop")]})
    _send(writer, {"choices": [], "usage": {"prompt_tokens": 60, "completion_tokens": 90}})
    writer.write(_chunk(b"data: [DONE]\n\n") + _chunk(b""))
    await writer.drain()


def _choice(text: str, finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}


def _send(writer: asyncio.StreamWriter, event: dict[str, object]) -> None:
    writer.write(_chunk(f"data: {json.dumps(event)}\n\n".encode()))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), *map(int, sys.argv[2:])))
