"""What raters compare."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from studies.models.design import Study


class Dimension(models.Model):
    """One thing that raters compare. Exactly one dimension of a study is the overall one."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="dimensions")
    key = models.SlugField()
    name = models.CharField(max_length=100)
    question = models.CharField(max_length=300, blank=True)
    help = models.TextField(blank=True)
    weight = models.FloatField(default=1.0, validators=[MinValueValidator(0.0)])
    position = models.PositiveSmallIntegerField(default=0)
    is_overall = models.BooleanField(default=False)

    class Meta:
        ordering = ["study", "position", "key"]
        constraints = [
            models.UniqueConstraint(F("study"), F("key"), name="one_dimension_per_key"),
            models.UniqueConstraint(
                fields=["study"], condition=Q(is_overall=True), name="one_overall_dimension"
            ),
            models.CheckConstraint(condition=Q(weight__gte=0.0), name="weight_is_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name
