"""From sales to what is learned: arrays in, arrays out. Knows no database and no settings.

interactions  sales to a weighted matrix of users and items; refunds: what is left of them
als           the implicit-feedback model: training, fold-in; modelfile: as a file
popularity    what sells, lately and ever
neighbours    item-to-item: what goes with an item that was bought
habit         what a customer buys again and again
signals       all of these for each user and item; weights: how they are weighed; sizes: of blocks that fit
"""
