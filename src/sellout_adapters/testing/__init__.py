"""What every store is held to, for the stores here and for anybody's own: needs `sellout[testing]`.

`contract.StoreContract` is a class of pytest tests that want a fixture `store`, an empty shop; `machine.shop_machine`
makes a Hypothesis state machine that drives a store against a model; `scene.Scene` is a small shop to write more with.
"""
