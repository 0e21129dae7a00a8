"""The laws of stores, one module for each subject. `contract.StoreContract` combines them."""
