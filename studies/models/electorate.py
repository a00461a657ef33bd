"""The population that a study speaks for: axes, groups, cells, and the source of every share."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q


def share_field() -> "models.FloatField[float, float]":
    """A share of the electorate, from 0 to 1."""
    return models.FloatField(validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])


class Electorate(models.Model):
    """A population with its groups and cells. Studies share it; its figures do not change."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Source(models.Model):
    """Where shares were read: publisher, table and year."""

    electorate = models.ForeignKey(Electorate, models.CASCADE, related_name="sources")
    key = models.SlugField()
    title = models.CharField(max_length=300)
    publisher = models.CharField(max_length=200, blank=True)
    table = models.CharField(max_length=200, blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    licence = models.CharField(max_length=200, blank=True)
    url = models.URLField(blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["electorate", "key"]
        constraints = [
            models.UniqueConstraint(F("electorate"), F("key"), name="one_source_per_key"),
            models.CheckConstraint(condition=~Q(title=""), name="source_has_title"),
        ]

    def __str__(self) -> str:
        parts = (self.publisher, self.title, self.table, self.year)
        return ", ".join(str(part) for part in parts if part)


class Axis(models.Model):
    """One way to divide the electorate: age is an axis. Every rater is in one group of it."""

    electorate = models.ForeignKey(Electorate, models.CASCADE, related_name="axes")
    key = models.SlugField()
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["electorate", "position"]
        verbose_name_plural = "axes"
        constraints = [
            models.UniqueConstraint(F("electorate"), F("key"), name="one_axis_per_key"),
            models.UniqueConstraint(F("electorate"), F("position"), name="one_axis_per_position"),
        ]

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """One part of an axis, with its share of the electorate: `18-34` is a group of age."""

    axis = models.ForeignKey(Axis, models.CASCADE, related_name="groups")
    key = models.SlugField()
    name = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()
    share = share_field()
    source = models.ForeignKey(Source, models.PROTECT, related_name="groups")

    class Meta:
        ordering = ["axis__position", "position"]
        constraints = [
            models.UniqueConstraint(F("axis"), F("key"), name="one_group_per_key"),
            models.CheckConstraint(
                condition=Q(share__gte=0.0, share__lte=1.0), name="group_share_between_0_and_1"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.axis.name}: {self.name}"


class Cell(models.Model):
    """One combination of groups, one of each axis, with its share of the electorate.

    `key` joins the groups' keys in the order of the axes: `18-24|female|asian|democrat`.
    """

    electorate = models.ForeignKey(Electorate, models.CASCADE, related_name="cells")
    key = models.CharField(max_length=400)
    share = share_field()
    groups: "models.ManyToManyField[Group, CellGroup]" = models.ManyToManyField(
        Group, through="CellGroup", related_name="cells"
    )

    class Meta:
        ordering = ["electorate", "key"]
        constraints = [
            models.UniqueConstraint(F("electorate"), F("key"), name="one_cell_per_key"),
            models.CheckConstraint(
                condition=Q(share__gte=0.0, share__lte=1.0), name="cell_share_between_0_and_1"
            ),
        ]

    def __str__(self) -> str:
        return self.key.replace("|", " · ")


class CellGroup(models.Model):
    """The group that a cell has on one axis."""

    cell = models.ForeignKey(Cell, models.CASCADE, related_name="cell_groups")
    axis = models.ForeignKey(Axis, models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, related_name="cell_groups")

    class Meta:
        constraints = [
            models.UniqueConstraint(F("cell"), F("axis"), name="one_group_per_cell_and_axis"),
        ]

    def __str__(self) -> str:
        return f"{self.cell} → {self.group}"
