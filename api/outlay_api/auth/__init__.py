"""Who may ask: API keys, and callers on this machine while there are none."""
