"""The core of Outlay: from usage events to blocks of spend entries, and the runtimes that drive it."""
