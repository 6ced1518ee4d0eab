"""Products for compute capability 9.0, in Gluon: a warp loads tiles by TMA, two groups of four multiply them."""
