"""A company that does not exist and the AI it uses: seeded traffic for a demonstration, a load test or a test."""
