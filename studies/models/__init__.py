"""Models of the studies app, by topic."""

from studies.models.checks import AttentionCheck, ScreenRule
from studies.models.contestants import ChatModel, Contestant
from studies.models.design import Study, Task
from studies.models.dimensions import Dimension
from studies.models.electorate import Axis, Cell, CellGroup, Electorate, Group, Source
from studies.models.ledger import LedgerEntry
from studies.models.programs import ApiToken, WrittenRequest
from studies.models.queue import Matchup, StoppingRule
from studies.models.recruitment import CompletionCode, ConsentText, Quota
from studies.models.webhooks import (
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)

__all__ = [
    "ApiToken",
    "AttentionCheck",
    "Axis",
    "Cell",
    "CellGroup",
    "ChatModel",
    "CompletionCode",
    "ConsentText",
    "Contestant",
    "Dimension",
    "Electorate",
    "Group",
    "LedgerEntry",
    "Matchup",
    "Quota",
    "ScreenRule",
    "Source",
    "StoppingRule",
    "Study",
    "Task",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WrittenRequest",
]
