"""A server on loopback that judges as a chat model would, and fails as often as it is told to.

Run as a program it takes the seconds of an answer, the share of faults and the dimensions, prints
its port, and serves until it is killed. It knows nothing of the site.
"""

import asyncio
import json
import sys
from random import Random
from typing import Final

OK: Final = b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
# What goes wrong, in turn: busy, broken, cut off, beside the point, and no JSON at all.
FAULTS: Final = ("busy", "broken", "cut", "unknown", "prose")


async def serve(seconds: float, faults: float, dimensions: list[str]) -> None:
    """Serve on a free port, which is printed; so large a share of requests goes wrong."""
    chance = Random(1)  # noqa: S311  no secret hangs on it

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            await asyncio.sleep(seconds)
            fault = chance.choice(FAULTS) if chance.random() < faults else ""
            writer.write(_answer(fault, dimensions))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # Who asked has hung up.
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def _answer(fault: str, dimensions: list[str]) -> bytes:
    if fault == "busy":
        return _refusal(b"429 Too Many Requests", b"retry-after: 0\r\n")
    if fault == "broken":
        return _refusal(b"500 Internal Server Error", b"")
    winner = "nobody" if fault == "unknown" else "first"
    said = json.dumps({key: {"reason": "So it is.", "winner": winner} for key in dimensions})
    if fault == "prose":
        said = "Both have their merits."
    choice = {"index": 0, "message": {"content": said}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 900, "completion_tokens": 60}
    body = json.dumps({"choices": [choice], "usage": usage}).encode()
    head = OK + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + (body[: len(body) // 2] if fault == "cut" else body)


def _refusal(status: bytes, headers: bytes) -> bytes:
    return (
        b"HTTP/1.1 "
        + status
        + b"\r\n"
        + headers
        + b"connection: close\r\ncontent-length: 0\r\n\r\n"
    )


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(",")))
