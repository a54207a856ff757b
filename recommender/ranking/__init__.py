"""From what was learned to lists: arrays in, arrays and list files out. Knows no database and no settings.

recommendations  the n best items of every customer, with what is popular where the model has no word
best             the blend's best items; contenders: found among all items; candidates: with their signals
choices          a likely few of past windows, which the weights are learned from
scan             the model's scores by falling norm, as far as they can matter; topn: the exact best of them
reasons          which signal put an item into a list, and which bought item led there
others           the lists beside them: buy_again, similar_items, bought_together; pairs of items
rows, listfiles  lists as arrays, and from arrays into files
"""
