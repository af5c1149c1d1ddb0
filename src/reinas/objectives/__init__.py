"""What a network is trained and measured for: loss, score, targets, predictions."""
