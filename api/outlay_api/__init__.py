"""Part of Outlay."""
