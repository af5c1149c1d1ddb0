"""What a network is for: data, split, loss, metric, reward. No torch here."""
