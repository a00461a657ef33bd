"""The faults, each a function that causes it and puts things right again, as an operator would."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from django.utils import timezone

from hustings.benchmarks.faults_site import FaultySite, Part
from leaderboards.models import Export
from leaderboards.services.exports import ask_for_export
from studies.models import Study, WebhookDelivery, WebhookEndpoint
from studies.webhooks.announcing import announce_test
from studies.webhooks.delivering import replay
from studies.webhooks.sending import TIMEOUT

# Until systemd, or an operator, has started it again.
DOWN_S: Final = 3.0
CLOCK_JUMPS_S: Final = 300
JUMPED_FOR_S: Final = 10.0
GIVEN_UP_AFTER_S: Final = 240.0
FAKETIME: Final = "usr/lib/*/faketime/libfaketime.so.1"


@dataclass(frozen=True)
class Scene:
    """Where faults happen: the installation, the study, and how long a provider is down."""

    site: FaultySite
    study: Study
    outage_s: float


def kill_web(scene: Scene) -> str:
    """SIGKILL to every web process."""
    return _killed(scene.site.parts["web"])


def kill_worker(scene: Scene) -> str:
    """SIGKILL to the worker, whatever it is writing."""
    return _killed(scene.site.parts["worker"])


def kill_broker(scene: Scene) -> str:
    """SIGKILL to Redis; what it held is lost."""
    return _killed(scene.site.parts["broker"])


def kill_database(scene: Scene) -> str:
    """SIGKILL to PostgreSQL and all its processes; it recovers from its log."""
    return _killed(scene.site.parts["database"])


def empty_broker(scene: Scene) -> str:
    """Every bell is lost, and what else Redis holds."""
    return f"{scene.site.empty_broker()} keys were lost"


def restart_database(scene: Scene) -> str:
    """PostgreSQL is told to restart at once: every connection is cut."""
    database = scene.site.parts["database"]
    begun = time.monotonic()
    database.end(signal.SIGINT)
    database.start()
    return f"back after {time.monotonic() - begun:.1f} s"


def _killed(part: Part) -> str:
    begun = time.monotonic()
    part.kill()
    time.sleep(DOWN_S)
    part.start()
    return f"down for {time.monotonic() - begun:.1f} s"


def fill_disk(scene: Scene) -> str:
    """The disk of exports is full while one is built; then there is room again."""
    folder = scene.site.exports
    if folder is None:
        return "not tried: only root may mount a small disk"
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        _fill(file.fileno())
    refused = _exported(scene.study)
    filler.unlink()
    built = _exported(scene.study)
    left = [path.name for path in folder.iterdir() if path.name != built.file_name]
    return (
        f"full: {refused.state}, “{refused.error}”; with room again: {built.state}, "
        f"{sum(built.rows.values())} rows; {len(left)} files left behind"
    )


def _fill(descriptor: int) -> None:
    block = b"\\0" * 4096
    while True:
        try:
            os.write(descriptor, block)
        except OSError:
            return


def _exported(study: Study) -> Export:
    """An export of the study, asked for now and built by the worker, or refused."""
    export = ask_for_export(study, form=Export.Format.CSV, is_release=False, at=timezone.now())
    ended = {Export.State.READY, Export.State.FAILED}

    def is_over() -> bool:
        export.refresh_from_db()
        return export.state in ended

    _wait_until(is_over)
    return export


def jump_clock(scene: Scene) -> str:
    """The clock of web and worker jumps five minutes ahead, and back after ten seconds."""
    file = clock_file(scene.site)
    if not file.exists():
        return "not tried: libfaketime was not found (Debian's package faketime)"
    file.write_text(f"+{CLOCK_JUMPS_S}")
    time.sleep(JUMPED_FOR_S)
    file.write_text("+0")
    return f"{CLOCK_JUMPS_S} s ahead for {JUMPED_FOR_S:.0f} s, then back"


def clock_file(site: FaultySite) -> Path:
    """Where parts that are started with `faked_clock` read how far their clock is off."""
    return site.home / "clock"


def faked_clock(site: FaultySite) -> Mapping[str, str]:
    """The environment of a part whose wall clock can be made to jump; empty without libfaketime.

    What measures durations goes on evenly, as it does where a real clock is put right. Only for
    web and worker: under libfaketime beat's sleep is refused (EINVAL).
    """
    found = list(Path("/").glob(FAKETIME))
    if not found:
        return {}
    clock_file(site).write_text("+0")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock_file(site)),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def down_provider(scene: Scene) -> str:
    """Every chat model refuses connections for a while."""
    for server in scene.site.chat_servers:
        server.kill()
    time.sleep(scene.outage_s)
    for server in scene.site.chat_servers:
        server.start()
    return f"down for {scene.outage_s:.0f} s"


def deliver_late(scene: Scene) -> str:
    """A receiver answers too late, so that it is told again; then an admin sends it once more."""
    with _late_receiver() as (address, arrivals):
        endpoint = WebhookEndpoint.objects.create(
            study=scene.study, url=address, created_at=timezone.now()
        )
        delivery = announce_test(endpoint, at=timezone.now())
        _wait_until(lambda: _is_delivered(delivery))
        until_taken = Counter(arrivals)
        replay(delivery, at=timezone.now())
        _wait_until(lambda: _is_delivered(delivery))
        # What else happens to the study is not to be told to nobody.
        endpoint.delete()
    return (
        f"answered too late, it came {until_taken.total()} times with {len(until_taken)} id; sent "
        f"again by hand, {len(arrivals)} times with {len(set(arrivals))} id"
    )


def _is_delivered(delivery: WebhookDelivery) -> bool:
    delivery.refresh_from_db()
    return delivery.state == WebhookDelivery.State.DELIVERED


@contextmanager
def _late_receiver() -> Iterator[tuple[str, list[str]]]:
    """A webhook's receiver that answers the first time after the sender has hung up."""
    arrivals: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            arrivals.append(self.headers["webhook-id"])
            if len(arrivals) == 1:
                time.sleep(TIMEOUT.total_seconds() + 1)
            try:
                self.send_response(204)
                self.end_headers()
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_args: object) -> None:
            """What arrives is counted, not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks", arrivals
    finally:
        server.shutdown()
        server.server_close()


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + GIVEN_UP_AFTER_S
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError(f"It did not come to be within {GIVEN_UP_AFTER_S:.0f} s.")
        time.sleep(0.5)


# In this order: the parts whose clock can jump are killed next, and start again without that.
FAULTS: Final[Mapping[str, Callable[[Scene], str]]] = {
    "clock jumped": jump_clock,
    "web killed": kill_web,
    "worker killed": kill_worker,
    "broker killed": kill_broker,
    "broker emptied": empty_broker,
    "database killed": kill_database,
    "database restarted": restart_database,
    "provider down": down_provider,
    "disk full": fill_disk,
    "webhook late": deliver_late,
}
