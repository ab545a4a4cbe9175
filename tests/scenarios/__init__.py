"""Scenarios written by hand, a test each: against the model, through the handlers in memory, and on the service."""
