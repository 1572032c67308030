"""Money as rows: integers of nano-USD (SQLite keeps a DecimalField as a float; three holds of 0.1 did not fit a limit
of 0.3). Four figures, never mixed: estimate, held, list price, charged."""

from django.conf import settings
from django.db import models

from portal.accounts.models import Team
from portal.operations.models import Operation


class Cost(models.Model):
    """What one operation, or one day of storage, costs. `arithmetic` is how it came about, as lines for people."""

    class Service(models.TextChoices):
        QUERY = "query", "Queries"
        TRAINING = "training", "Training"
        STORAGE = "storage", "Storage"

    operation = models.OneToOneField(Operation, models.PROTECT, null=True, blank=True, related_name="cost")
    team = models.ForeignKey(Team, models.PROTECT, related_name="costs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="costs")
    service = models.CharField(max_length=10, choices=Service.choices)
    day = models.DateField()
    estimate_nano = models.BigIntegerField(default=0)
    held_nano = models.BigIntegerField(default=0)
    list_nano = models.BigIntegerField(default=0)
    charged_nano = models.BigIntegerField(default=0)
    arithmetic = models.JSONField(default=list)
    price_as_of = models.DateField()
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["team", "day", "service"], condition=models.Q(operation=None), name="one_storage_row_a_day"
            ),
        )
        indexes = (models.Index(fields=["team", "day"]),)
        ordering = ("-day", "-created_at")

    def __str__(self) -> str:
        return f"{self.service} of {self.team} on {self.day}"


class Budget(models.Model):
    """What a team may be charged a month of the site's time zone."""

    team = models.OneToOneField(Team, models.CASCADE, related_name="budget")
    monthly_nano = models.BigIntegerField()
    warn_at = models.FloatField(default=0.8)
    hard_stop = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"Budget of {self.team}"


class TeamMonth(models.Model):
    """The running sums that a hold is decided on, in one conditional update."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="months")
    month = models.DateField()
    held_nano = models.BigIntegerField(default=0)
    charged_nano = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["team", "month"], name="one_row_a_month"),)

    def __str__(self) -> str:
        return f"{self.team} {self.month:%Y-%m}"
