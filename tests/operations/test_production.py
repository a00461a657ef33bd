"""The production profile, tested as it stands: its own commands, PostgreSQL, Redis, processes."""

import json
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.operations.production import (
    BINARIES,
    DEPLOY,
    METRICS_TOKEN,
    ROOT,
    Installation,
    installed,
    lines_of,
    wait_until,
)

PAGE = (ROOT / "docs" / "production.md").read_text()
HUSTINGS = str(BINARIES / "hustings")


@pytest.fixture(scope="module")
def there() -> Iterator[Installation]:
    with installed() as installation:
        installation.start_web()
        installation.start_worker()
        installation.start_beat()
        yield installation


def commands_of(title: str) -> list[str]:
    """The lines of the code block under a heading of the production page."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    return [line.strip() for line in re.findall(r"^    (.+)$", section, re.MULTILINE)]


def test_the_check_of_deployments_is_clean(there: Installation) -> None:
    done = there.run(
        str(BINARIES / "python"), "manage.py", "check", "--deploy", "--fail-level=INFO"
    )
    assert "no issues" in done.stdout


def test_compose_and_systemd_run_the_same_commands() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in ("web", "worker", "beat"):
        (command,) = lines_of(f"hustings-{name}.service", "ExecStart")
        in_compose = [*services[name]["command"]]
        assert Path(command[0]).name == in_compose[0]
        # A container listens to others than itself.
        assert [part for part in command[1:] if part != "127.0.0.1"] == [
            part for part in in_compose[1:] if part != "0.0.0.0"
        ]
    setup = services["setup"]["command"][-1].split(" && ")
    in_units = lines_of("hustings-web.service", "ExecStartPre")
    assert [each.split()[1:] for each in setup] == [command[1:] for command in in_units]


def test_it_is_ready_and_says_of_what(there: Installation) -> None:
    assert there.get("/healthz") == (200, '{"live": "ok"}')
    status, body = there.get("/readyz")
    assert (status, json.loads(body)) == (
        200,
        {"database": "ok", "migrations": "ok", "broker": "ok", "identities": "ok"},
    )


def test_metrics_are_for_who_has_the_token(there: Installation) -> None:
    assert there.get("/metrics")[0] == 404
    assert there.get("/metrics", Authorization="Bearer wrong")[0] == 404
    status, body = there.get("/metrics", Authorization=f"Bearer {METRICS_TOKEN}")
    assert status == 200
    assert 'hustings_work_due{kind="reply"} 0.0' in body
    assert 'hustings_studies{state="open"} 0.0' in body


def test_logs_are_json_and_name_the_request_and_not_what_was_asked(there: Installation) -> None:
    path = "/join/nowhere/?PROLIFIC_PID=a-secret-of-hers"
    assert there.get(path, X_Request_ID="of-the-proxy-1")[0] == 404
    lines = [json.loads(line) for line in there.log("web.log")]
    (line,) = [line for line in lines if line.get("request") == "of-the-proxy-1"]
    assert line["route"] == "join/<slug:slug>/"
    assert (line["method"], line["status"], line["study"]) == ("GET", 404, "nowhere")
    assert "a-secret-of-hers" not in "\n".join(there.log("web.log"))


def test_the_page_by_http_is_sent_to_https(there: Installation) -> None:
    status, _ = there.get("/", X_Forwarded_Proto="http")
    # urllib follows it, and nobody speaks TLS there.
    assert status in {0, 400}


def test_no_request_fails_while_the_web_processes_begin_anew(there: Installation) -> None:
    failures: list[int] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            status, _ = there.get("/readyz")
            if status != 200:
                failures.append(status)

    web = there.web
    before = children_of(web.pid)
    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    (command,) = lines_of("hustings-web.service", "ExecReload")
    assert command[1:] == ["-HUP", "$MAINPID"]
    web.send_signal(signal.SIGHUP)
    wait_until(lambda: len(new := children_of(web.pid)) == len(before) and not new & before)
    wait_until(lambda: there.get("/readyz")[0] == 200)
    is_over.set()
    for asker in askers:
        asker.join()
    assert failures == []


def test_a_backup_is_restored_with_all_that_was_in_it(there: Installation, tmp_path: Path) -> None:
    comparisons = tmp_path / "comparisons.csv"
    rows = [f"r{n % 7},{'ash' if n % 2 else 'birch'},cherry,{'ab'[n % 3 == 0]}" for n in range(60)]
    comparisons.write_text("\n".join(["rater,model_a,model_b,outcome", *rows]))
    there.run(HUSTINGS, "import_comparisons", str(comparisons), "--study", "mine", "--create")
    there.run(HUSTINGS, "take_board", "--study", "mine")
    board = there.run(HUSTINGS, "boards", "--study", "mine").stdout
    counted = sql(there, COUNTS)

    def run_lines(title: str, **more: str) -> None:
        for line in commands_of(title):
            in_venv = line.replace(".venv/bin", str(BINARIES))
            there.run("sh", "-c", f"cd {shlex.quote(str(tmp_path))} && {in_venv}", **more)

    path = {"PATH": f"{there.postgres.binaries}:{there.environment['PATH']}"}
    run_lines("Backup", **path)
    sql(there, "CREATE DATABASE restored")
    empty = {"DATABASE_URL": there.postgres.url.rsplit("/", 1)[0] + "/restored"}
    run_lines("Restore", **path, **empty)

    assert there.run(HUSTINGS, "boards", "--study", "mine", **empty).stdout == board
    assert sql(there, COUNTS, **empty) == counted
    # What the database refuses came along.
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        sql(there, "DELETE FROM leaderboards_boardrow", **empty)
    assert "never changed or deleted" in refusal.value.stderr


COUNTS = "SELECT (SELECT count(*) FROM raters_verdict), (SELECT count(*) FROM studies_ledgerentry)"


def sql(there: Installation, statement: str, **environment: str) -> str:
    psql = str(there.postgres.binaries / "psql")
    address = environment.get("DATABASE_URL", there.environment["DATABASE_URL"])
    return there.run(psql, "-v", "ON_ERROR_STOP=1", "-Atc", statement, address).stdout


def children_of(pid: int) -> set[int]:
    """The processes that a process started, and that serve."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    children = {int(line) for line in found.split()}
    # Python's own keeper of shared things is started with them.
    return {child for child in children if b"spawn_main" in cmdline(child)}


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
