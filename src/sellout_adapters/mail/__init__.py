"""Mail: the words of mails, and mailers that send or store them."""
