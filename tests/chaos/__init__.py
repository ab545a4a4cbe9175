"""Everything at once while everything breaks, held against the ledger (quality.md, Reliability)."""
