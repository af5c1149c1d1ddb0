"""From data and minutes to a network: plan, search, train to the end, test once, save."""
