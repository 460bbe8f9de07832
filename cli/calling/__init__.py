"""Call one name of a plan from the command line."""
