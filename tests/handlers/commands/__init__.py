"""What vårdcentraler may ask for, clause by clause (C1-C13)."""
