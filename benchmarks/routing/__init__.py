"""What a routing decision costs, and a plain scan of the same facts to compare with."""
