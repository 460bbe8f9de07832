"""What `inferc test` says about the tests that it played."""
