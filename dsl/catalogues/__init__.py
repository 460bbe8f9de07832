"""What is known of models and providers: data with source and date, and how a name is looked up in them."""
