"""Records made out of the schemas themselves and bent in every way: each must end in exactly one outcome."""
