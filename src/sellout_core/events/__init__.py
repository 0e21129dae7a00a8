"""Events: what happened in the shop, who gets to know it, and the tables that describe both."""
