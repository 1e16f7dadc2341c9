"""The golden models. In: a graph and its inputs. Out: every tensor, as TFLite computes it."""
