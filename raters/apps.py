from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from studies.append_only import Refusal, append_only, install

IN_A_BATTLE = """
SELECT 1 FROM studies_contestant c JOIN raters_battle b ON c.id IN (b.side_a_id, b.side_b_id)
WHERE c.chat_model_id = OLD.id
"""


class RatersConfig(AppConfig):
    name = "raters"
    verbose_name = "Raters"

    def ready(self) -> None:
        post_migrate.connect(install_refusals, sender=self)


def refusals() -> tuple[Refusal, ...]:
    """What the database refuses here beyond constraints."""
    from raters.models import Exclusion, Verdict
    from studies.models import ChatModel

    pinned = " OR ".join(f"OLD.{field} <> NEW.{field}" for field in ChatModel.PINNED)
    return (
        *append_only(
            Verdict, "A verdict is never changed or deleted; exclude it from boards instead"
        ),
        Refusal(Exclusion, "DELETE", "An exclusion is never deleted; lift it instead"),
        Refusal(
            ChatModel,
            "UPDATE",
            "A chat model that has been in a battle keeps its pinned fields; make a new version",
            f"({pinned}) AND EXISTS ({IN_A_BATTLE})",
        ),
    )


def install_refusals(using: str, **_kwargs: object) -> None:
    install(connections[using], refusals())
