"""Who raters are, marked and sealed under a key of its own, in place of what stood in clear."""

from typing import Any, Final

from django.db import migrations, models
from django.db.models import F, Q

from raters.identities import Identity, fields_for

BATCH: Final = 1_000
ERASED: Final = "erased-"
# How ids began that no platform gave.
OURS: Final = {"own-": "own", "account-": "account"}
NEW: Final = ("source", "identity_mark", "identity_sealed")


def keep_under_key(apps: Any, _schema_editor: Any) -> None:
    """Fill the new columns, batch by batch, from those that the next step drops."""
    participations = apps.get_model("raters", "Participation").objects.order_by("pk")
    last = 0
    while batch := list(participations.filter(pk__gt=last)[:BATCH]):
        for participation in batch:
            for name, value in kept_of(participation).items():
                setattr(participation, name, value)
        participations.bulk_update(batch, NEW)
        last = batch[-1].pk


def kept_of(old: Any) -> dict[str, str]:
    """What stands in the new columns, of a participation's old ones."""
    if old.recruiting_id.startswith(ERASED):
        return {"source": "erased"}
    source, name = "recruited", old.recruiting_id
    for prefix, ours in OURS.items():
        if name.startswith(prefix):
            source, name = ours, name.removeprefix(prefix)
    identity = Identity(name, old.recruiting_study, old.recruiting_session)
    return fields_for(old.study_id, identity, source=source)


class Migration(migrations.Migration):
    dependencies = [
        ("raters", "0008_judges"),
    ]

    operations = [
        migrations.AddField(
            model_name="participation",
            name="source",
            field=models.CharField(
                choices=[
                    ("recruited", "a recruiting platform or an imported file"),
                    ("own", "ourselves, as she came by the link alone"),
                    ("account", "her account"),
                    ("erased", "nobody any more: it is erased"),
                ],
                default="recruited",
                max_length=9,
            ),
        ),
        migrations.AddField(
            model_name="participation",
            name="identity_mark",
            field=models.CharField(blank=True, editable=False, max_length=32, null=True),
        ),
        migrations.AddField(
            model_name="participation",
            name="identity_sealed",
            field=models.TextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.RunPython(keep_under_key),
        migrations.RemoveConstraint(
            model_name="participation", name="one_participation_per_recruiting_id"
        ),
        migrations.RemoveField(model_name="participation", name="recruiting_id"),
        migrations.RemoveField(model_name="participation", name="recruiting_study"),
        migrations.RemoveField(model_name="participation", name="recruiting_session"),
        migrations.AddConstraint(
            model_name="participation",
            constraint=models.UniqueConstraint(
                F("study"), F("identity_mark"), name="one_participation_per_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="participation",
            constraint=models.CheckConstraint(
                condition=Q(source__in=["recruited", "own", "account", "erased"]),
                name="participation_source_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="participation",
            constraint=models.CheckConstraint(
                condition=Q(identity_mark=None, identity_sealed="")
                | (Q(identity_mark__isnull=False) & ~Q(identity_sealed="")),
                name="identity_is_marked_and_sealed_or_neither",
            ),
        ),
        migrations.AddConstraint(
            model_name="participation",
            constraint=models.CheckConstraint(
                condition=~Q(source="erased") | Q(identity_mark=None),
                name="erased_participation_is_nobody_s",
            ),
        ),
    ]
