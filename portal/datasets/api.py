"""The REST routes of this feature (api.md)."""

from ninja import Router

router = Router()
