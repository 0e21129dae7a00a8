"""The laws of stores, by subject. `contract.StoreContract` puts them together."""
