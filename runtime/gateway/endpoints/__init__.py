"""What each path of the gateway answers: a module for each."""
