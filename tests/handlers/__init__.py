"""The rules as sentences: one test a clause, named by its rule id, on a world in memory."""
