"""What is common to dialects that are not OpenAI's: reading an OpenAI chat request field by field."""
