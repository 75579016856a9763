"""Images: in folders by class, named by a table, in pairs with masks, or with boxes."""
