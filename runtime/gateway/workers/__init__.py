"""Several processes behind one port: a supervisor starts workers, replaces those that die, speaks for all."""
