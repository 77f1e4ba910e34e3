"""Refused events: found again, told by reason, and sent once more after a fix."""
