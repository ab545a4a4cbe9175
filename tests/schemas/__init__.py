"""The wire: what is read, what is refused and with which code, and what is written."""
