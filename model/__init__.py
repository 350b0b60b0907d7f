"""The mathematics of DIET and TED: Keras 3 layers, losses as layers, and models built of them."""
