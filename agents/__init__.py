"""How a reply is made: the contract every agent keeps, our own pipeline, and its checks."""
