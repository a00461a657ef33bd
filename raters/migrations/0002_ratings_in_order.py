"""An export reads the ratings of a dimension in the order of their recording."""

from django.db import migrations, models

from studies.online import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("raters", "0001_baseline")]

    operations = [
        AddIndexOnline(
            "rating",
            models.Index(fields=["dimension", "recorded_at", "id"], name="ratings_in_order"),
        ),
    ]
