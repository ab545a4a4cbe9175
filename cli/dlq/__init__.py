"""`fastlakare dlq`: the operator's commands for dead letters (operations.md, Dead letters)."""
