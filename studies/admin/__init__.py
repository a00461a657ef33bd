"""Admin pages of what is asked, of which models, of whom; by topic."""

from studies.admin.chat_models import ChatModelAdmin
from studies.admin.contestants import ContestantAdmin
from studies.admin.design import StudyAdmin
from studies.admin.electorates import ElectorateAdmin
from studies.admin.tokens import ApiTokenAdmin
from studies.admin.webhooks import WebhookDeliveryAdmin, WebhookEndpointAdmin

__all__ = [
    "ApiTokenAdmin",
    "ChatModelAdmin",
    "ContestantAdmin",
    "ElectorateAdmin",
    "StudyAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]
