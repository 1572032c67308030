"""Buckets and uploads as the portal knows them; the bytes are the provider's."""

import uuid

from django.conf import settings
from django.db import models

from portal.accounts.models import Team


class Bucket(models.Model):
    """A bucket of a connection and the team that owns it."""

    connection = models.CharField(max_length=40)
    name = models.CharField(max_length=63)
    team = models.ForeignKey(Team, models.PROTECT, related_name="buckets")
    is_sample = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "name"], name="bucket_unique_in_connection"),)
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Upload(models.Model):
    """An upload in parts. Which parts have arrived is the provider's to say."""

    class State(models.TextChoices):
        OPEN = "open"
        COMPLETE = "complete"
        ABORTED = "aborted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bucket = models.ForeignKey(Bucket, models.CASCADE, related_name="uploads")
    key = models.CharField(max_length=1024)
    size = models.BigIntegerField()
    part_size = models.BigIntegerField()
    content_type = models.CharField(max_length=200, default="application/octet-stream")
    sha256 = models.CharField(max_length=64, blank=True)
    provider_ref = models.CharField(max_length=1100)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"

    @property
    def parts(self) -> int:
        """How many parts it has: at least one, so that an empty file is a part of 0 bytes."""
        return max(1, -(-self.size // self.part_size))
