"""The commands, one a file: each parses, asks the API, and shows the answer."""
