"""The Celery application. Tasks are doorbells: they take an id and call a service."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import (
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_shutting_down,
)
from django.db import close_old_connections
from structlog.contextvars import clear_contextvars

from hustings.operations.logs import bind_task, pass_on_request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hustings.settings")

app = Celery("hustings")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery alone closes a worker's connection before and after each task: to PostgreSQL a new one
# costs more than what most tasks do with it.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@task_prerun.connect
@task_postrun.connect
def keep_usable_connections(**_facts: object) -> None:
    """Between tasks a worker's thread keeps its connection while it is sound, as a web server's."""
    close_old_connections()


@before_task_publish.connect
def tell_request(headers: dict[str, Any], **_facts: object) -> None:
    """A task's lines in the log name the request that rang for it."""
    pass_on_request(headers)


@task_prerun.connect
def tell_task(task: Any, task_id: str, args: Any, **_facts: object) -> None:
    """And say which task they are of."""
    bind_task(task, task_id, args)


@task_postrun.connect
def forget_task(**_facts: object) -> None:
    """What a thread says between two tasks belongs to neither."""
    clear_contextvars()


@setup_logging.connect
def keep_logging(**_facts: object) -> None:
    """Logs are set up by Django's settings, in workers too."""


@worker_shutting_down.connect
def hand_back(**_facts: object) -> None:
    """A worker that is told to end does not wait for chat models: another one asks again."""
    # Apps are loaded by then, and not when this module is.
    from raters.services.replies import hand_back_replies

    hand_back_replies()
