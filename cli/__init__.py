"""What a person types: one file a command. Options, tables, progress and exit codes stand here, decisions never."""
