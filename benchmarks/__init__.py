"""What the figures come from: each module is a command of its own."""
