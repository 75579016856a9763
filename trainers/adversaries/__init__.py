"""What two networks that play against each other need: the games, whose turn it is, what is told and drawn."""
