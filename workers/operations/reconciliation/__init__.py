"""Reconcile: what the fact topics say is held against what the database holds (operations.md, Reconcile)."""
