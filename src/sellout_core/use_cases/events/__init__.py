"""Use cases of events: dispatching them, delivering them, and the subscriptions to them."""
