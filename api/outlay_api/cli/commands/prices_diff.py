def diff() -> int:
    """Stub."""
    return 0
