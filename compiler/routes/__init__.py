"""Routes: members that can stand for each other, and how one of them is picked."""
