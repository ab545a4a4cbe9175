"""PostgreSQL: all that is said to the database, one noun a file. No SQL stands anywhere else."""
