"""What a search means; reads the store and nothing else. No torch here."""
