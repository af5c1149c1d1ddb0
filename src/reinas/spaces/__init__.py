"""What may be built: each space is a sequence of decisions. No torch here."""
