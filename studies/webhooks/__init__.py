"""Telling other programs what happens: announced, signed, delivered, tried again for a day."""

from studies.webhooks.announcing import announce

__all__ = ["announce"]
