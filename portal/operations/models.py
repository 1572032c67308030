"""The ledger's rows. What they mean and how they change is in ledger.py; nobody else writes them."""

import uuid

from django.conf import settings
from django.db import models

from portal.accounts.models import Team


class State(models.TextChoices):
    """queued → submitted → running → succeeded | failed | cancelled."""

    QUEUED = "queued"
    SUBMITTED = "submitted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
OPEN = (State.QUEUED, State.SUBMITTED, State.RUNNING)


class Operation(models.Model):
    """A thing that takes long. The row is the truth; the queue only rings. A query's and a job's id are its
    operation's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    waiting_for = models.CharField(max_length=40, blank=True)
    team = models.ForeignKey(Team, models.PROTECT, related_name="operations")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="operations")
    connection = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    attempt = models.PositiveIntegerField(default=1)
    ref = models.CharField(max_length=200, blank=True)
    lease_holder = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    progress = models.FloatField(null=True, blank=True)
    result = models.JSONField(default=dict)
    error = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=["state", "lease_until"]),
            models.Index(fields=["team", "-created_at"]),
            models.Index(fields=["owner", "-created_at"]),
            models.Index(fields=["kind", "-created_at"]),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id} {self.state}"

    @property
    def token(self) -> str:
        """The idempotency token of this attempt, for the cloud: the same attempt never starts twice."""
        return f"{self.id}-{self.attempt}"

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class IdempotencyKey(models.Model):
    """A client's `Idempotency-Key`: the same key and body again answers the same operation."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    operation = models.ForeignKey(Operation, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "key"], name="one_operation_a_key"),)

    def __str__(self) -> str:
        return self.key


class Beat(models.Model):
    """A sign of life (`worker`), or a lease that one process holds (`watch`)."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"
