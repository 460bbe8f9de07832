"""What passes between a client and a provider of one protocol as it came: little of it is looked at."""
