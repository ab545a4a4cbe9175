"""Scenarios written by hand from the rules, each with the literal events and replies that must come of it."""
