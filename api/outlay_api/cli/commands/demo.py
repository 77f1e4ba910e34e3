def demo() -> int:
    """Stub."""
    return 0
